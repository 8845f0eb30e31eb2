/** A short attack: `npm run abuse` is the whole. */
import { expect, it } from 'vitest';
import { runAbuse } from '../abuse/run.ts';
import { complaints } from '../abuse/verdict.ts';

it('hostile inputs of every kind are answered as they should be while blocks go on', async () => {
  const report = await runAbuse({ seconds: 6, connections: 60, calmSeconds: 2, settle: false });
  expect(complaints({ ...report, calmPace: 0 })).toEqual([]);
  expect(report.pace).toBeGreaterThan(0);
}, 90_000);
