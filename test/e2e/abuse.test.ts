/** A short attack: `npm run abuse` is the whole. */
import { expect, it } from 'vitest';
import { runAbuse } from '../abuse/run.ts';
import { complaints } from '../abuse/verdict.ts';

it('hostile inputs of every kind are answered as they should be while blocks go on', async () => {
  const report = await runAbuse({ seconds: 6, connections: 60, calmSeconds: 0, rounds: 1, settle: false });
  // Six seconds say little about a pace: here only that the chain goes on.
  expect(complaints({ ...report, calmPace: 0 })).toEqual([]);
  const answered = [...report.tallies.values()].filter(({ right }) => right > 0);
  expect(answered.length).toBeGreaterThan(8);
}, 90_000);
