/** Bundles the simulator with the sources changed as a mutant says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import type { Mutant } from './list.ts';

/** Of the repository: this file runs from dist/test/sim/mutants or, under vitest, from test/sim/mutants. */
const ROOT = import.meta.url.includes('/dist/test/')
  ? fileURLToPath(new URL('../../../../', import.meta.url))
  : fileURLToPath(new URL('../../../', import.meta.url));

/** The changed sources of a mutant, by path. @throws if a patch does not fit exactly once */
export function mutatedSources(mutant: Mutant): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const { file, find, replace, everywhere } of mutant.patches) {
    const path = join(ROOT, file);
    const text = sources.get(path) ?? readFileSync(path, 'utf8');
    const pieces = text.split(find);
    if (pieces.length < 2 || (pieces.length > 2 && everywhere !== true))
      throw new Error(
        `mutant "${mutant.name}": its text stands ${pieces.length - 1} times in ${file}; mend test/sim/mutants/list.ts`,
      );
    sources.set(path, pieces.join(replace));
  }
  return sources;
}

/** Writes one module that exports `simulate` and `drawOptions`. */
export async function buildMutant(mutant: Mutant, file: string): Promise<void> {
  const sources = mutatedSources(mutant);
  const build = await rolldown({
    cwd: ROOT,
    input: join(ROOT, 'test/sim/mutants/target.ts'),
    platform: 'node',
    logLevel: 'silent',
    tsconfig: false,
    plugins: [{ name: 'mutant', load: (id: string) => sources.get(id) ?? null }],
  });
  await build.write({ file, format: 'esm', codeSplitting: false });
  await build.close();
}
