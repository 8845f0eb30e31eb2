import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveJobs } from '../../support/jobs.ts';
import { buildMutant } from './build.ts';
import { hunt, type Kill } from './hunt.ts';
import type { Mutant } from './list.ts';

export interface MutantJob {
  readonly mutant: Mutant;
  readonly from: number;
  readonly count: number;
}

serveJobs(async ({ mutant, from, count }: MutantJob): Promise<{ kill: Kill | undefined }> => {
  const folder = mkdtempSync(join(tmpdir(), 'openledger-mutant-'));
  try {
    const file = join(folder, 'network.mjs');
    await buildMutant(mutant, file);
    return { kill: await hunt(file, from, count) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
