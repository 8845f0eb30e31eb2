/**
 * `npm run bench [-- --json] [--page] [NAME ...]`: runs the benchmarks and prints a table, or one JSON object a line;
 * with --page it also writes docs/attribution/benchmarks.md and its figure.
 * Every ratio is against a peer measured in the same run, because the machines that run this differ.
 */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchPage, cells, type Section } from './page.ts';
import type { Benchmark } from './types.ts';

const PAGE = 'benchmarks';

const benchmarks: Record<string, () => Promise<Benchmark>> = {
  attribution: () => import('./attribution.ts'),
  clusters: () => import('./clusters.ts'),
  influence: () => import('./influence.ts'),
  retrieval: () => import('./retrieval.ts'),
  trained: () => import('./trained.ts'),
  proofs: () => import('./proofs.ts'),
  runtime: () => import('./runtime.ts'),
  graph: () => import('./graph.ts'),
  executor: () => import('./executor.ts'),
  indexes: () => import('./indexes.ts'),
  import: () => import('./import.ts'),
  finality: () => import('./finality.ts'),
  'end-to-end': () => import('./end-to-end.ts'),
  'worst-gas': () => import('./worst-gas.ts'),
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean', default: false }, page: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const unknown = positionals.filter((name) => !(name in benchmarks));
  if (unknown.length > 0) {
    console.error(
      `unknown benchmark: ${unknown.join(', ')}. There are: ${Object.keys(benchmarks).join(', ')}`,
    );
    process.exit(2);
  }
  const sections: Section[] = [];
  for (const [name, load] of Object.entries(benchmarks)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    if (!values.json) process.stderr.write(`running ${name} ...\n`);
    const { about = '', run } = await load();
    const begun = performance.now();
    const rows = await run();
    if (!values.json)
      process.stderr.write(`${name}: ${((performance.now() - begun) / 1_000).toFixed(0)} s\n`);
    sections.push({ name, about, rows });
    if (values.json) for (const row of rows) console.log(JSON.stringify(row));
  }
  if (values.page) {
    const names = sections.map(({ name }) => name).join(' ');
    const [load = 0] = loadavg();
    const page = benchPage(PAGE, `npm run bench -- --page ${names}`, load, sections);
    const file = join('docs', 'attribution', PAGE);
    writeFileSync(`${file}.md`, page.markdown);
    for (const [figure, svg] of Object.entries(page.figures)) writeFileSync(`${file}-${figure}.svg`, svg);
    process.stderr.write(`wrote ${file}.md\n`);
  }
  if (values.json) return;
  const table = sections.flatMap(({ rows }) => rows.map(cells));
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(
      ...table.map((cells) => cells[column].length),
      ['benchmark', 'value', 'peer', 'ratio'][column].length,
    ),
  );
  for (const cells of [['benchmark', 'value', 'peer', 'ratio'], ...table])
    console.log(
      cells
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
