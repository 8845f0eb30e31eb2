/**
 * `npm run study:attribution [-- --seed N] [NAME ...]`: runs the studies and writes their pages and figures into
 * docs/attribution/. A page says which command, data and seed made it.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Study } from './types.ts';

const studies: Record<string, () => Promise<{ study: Study }>> = {
  credit: () => import('./credit/index.ts'),
  'influence-digits': () => import('./influence/digits.ts'),
  'influence-breast-cancer': () => import('./influence/breast-cancer.ts'),
  'influence-text': () => import('./influence/text.ts'),
  'influence-adapters': () => import('./influence/adapters.ts'),
  'influence-next-token': () => import('./influence/next-token.ts'),
  'influence-mnist': () => import('./influence/mnist.ts'),
  retrieval: () => import('./retrieval/study.ts'),
};

const OUT = join('docs', 'attribution');
const DEFAULT_SEED = 1;

/** Ends with the number of findings that break a bar. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { seed: { type: 'string', default: String(DEFAULT_SEED) } },
    allowPositionals: true,
  });
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed) || seed < 0) fail(`--seed wants a number from 0, not '${values.seed}'`);
  const unknown = positionals.filter((asked) => !Object.keys(studies).some((name) => isAsked(name, asked)));
  if (unknown.length > 0)
    fail(`unknown study: ${unknown.join(', ')}. There are: ${Object.keys(studies).join(', ')}`);
  const folder = process.env['OPENLEDGER_VECTORS'] ?? join('..', 'shared', 'vectors');
  const vectors = existsSync(folder) ? folder : undefined;
  if (vectors === undefined)
    console.warn('SKIPPED: what needs data outside the repository (name its folder in OPENLEDGER_VECTORS)');
  mkdirSync(OUT, { recursive: true });
  let broken = 0;
  for (const [name, load] of Object.entries(studies)) {
    if (positionals.length > 0 && !positionals.some((asked) => isAsked(name, asked))) continue;
    const { study } = await load();
    const progress = (text: string) => process.stderr.write(`${name}: ${text}\n`);
    const page = await study.run({ vectors, seed, progress });
    const made = [
      `Made by \`npm run study:attribution -- --seed ${seed} ${name}\` with Node.js ${process.version}.`,
      '',
      ...page.data.map((line) => `- data: ${line}`),
    ];
    writeFileSync(
      join(OUT, `${name}.md`),
      `# ${study.title}\n\n${made.join('\n')}\n\n${page.markdown.trim()}\n`,
    );
    for (const [figure, svg] of Object.entries(page.figures))
      writeFileSync(join(OUT, `${name}-${figure}.svg`), svg);
    progress(`wrote ${join(OUT, `${name}.md`)}`);
    for (const failure of page.failures ?? []) console.error(`BROKEN: ${failure}`);
    broken += page.failures?.length ?? 0;
  }
  return broken;
}

/** `influence` asks for every study whose name begins with `influence-`. */
function isAsked(name: string, asked: string): boolean {
  return name === asked || name.startsWith(`${asked}-`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

main().then(
  (broken) => process.exit(broken > 0 ? 1 : 0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
