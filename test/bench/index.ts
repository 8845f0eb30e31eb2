/**
 * `npm run bench [-- --json] [NAME ...]`: runs the benchmarks and prints a table, or one JSON object a line.
 * Every ratio is against a peer measured in the same run, because the machines that run this differ.
 */
import { parseArgs } from 'node:util';
import type { BenchRow } from './types.ts';

const benchmarks: Record<string, () => Promise<{ run(): Promise<BenchRow[]> }>> = {
  attribution: () => import('./attribution.ts'),
  clusters: () => import('./clusters.ts'),
  influence: () => import('./influence.ts'),
  retrieval: () => import('./retrieval.ts'),
  trained: () => import('./trained.ts'),
  proofs: () => import('./proofs.ts'),
  runtime: () => import('./runtime.ts'),
  executor: () => import('./executor.ts'),
  finality: () => import('./finality.ts'),
  'worst-gas': () => import('./worst-gas.ts'),
};

function format(value: number): string {
  if (value >= 1000) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(3);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const unknown = positionals.filter((name) => !(name in benchmarks));
  if (unknown.length > 0) {
    console.error(
      `unknown benchmark: ${unknown.join(', ')}. There are: ${Object.keys(benchmarks).join(', ')}`,
    );
    process.exit(2);
  }
  const rows: BenchRow[] = [];
  for (const [name, load] of Object.entries(benchmarks)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    if (!values.json) process.stderr.write(`running ${name} ...\n`);
    for (const row of await (await load()).run()) {
      rows.push(row);
      if (values.json) console.log(JSON.stringify(row));
    }
  }
  if (values.json) return;
  const table = rows.map((row) => [
    row.name,
    `${format(row.value)} ${row.unit}`,
    row.peer ?? '',
    row.ratio === undefined ? '' : `${format(row.ratio)}x`,
  ]);
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
