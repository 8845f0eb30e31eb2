/** A run of the benchmarks as a page with a figure, for readers who want to see what was measured and against what. */
import { cpus } from 'node:os';
import { barChart } from '../study/chart.ts';
import { table } from '../study/table.ts';
import type { BenchRow } from './types.ts';

/** What one benchmark gave. */
export interface Section {
  readonly name: string;
  /** The data it ran on, its seeds and its peers. */
  readonly about: string;
  readonly rows: readonly BenchRow[];
}

export interface BenchPage {
  readonly markdown: string;
  readonly figures: Readonly<Record<string, string>>;
}

/** More than this and the figure tells by its number, not by its length. */
const LONGEST_BAR = 100;

/** `command` is what whoever doubts a figure types. `load`: how busy the machine was, runnable processes at the end. */
export function benchPage(
  name: string,
  command: string,
  load: number,
  sections: readonly Section[],
): BenchPage {
  const [processor] = cpus();
  const compared = sections.flatMap(({ rows }) => rows.filter((row) => row.ratio !== undefined));
  return {
    markdown: [
      '# Benchmarks of attribution',
      '',
      `Made by \`${command}\` with Node.js ${process.version} on ${cpus().length} cores of ${processor?.model.trim() ?? 'an unknown processor'}, load average ${load.toFixed(1)} at the end.`,
      '',
      'A ratio is against the peer named beside it, measured in the same run; above 1 is better for us. Figures "CPU" are processor time, which a busy machine changes less than the clock.',
      '',
      `![Ratios against peers](${name}-ratios.svg)`,
      ...sections.flatMap(({ name: title, about, rows }) => [
        '',
        `## ${title}`,
        '',
        about,
        '',
        table(['what', 'value', 'peer', 'ratio'], rows.map(cells)),
      ]),
      '',
    ].join('\n'),
    figures: {
      ratios: barChart({
        title: `Ratios against peers (bars end at ${LONGEST_BAR})`,
        series: ['ratio'],
        groups: compared.map((row) => ({ label: shortened(row.name), values: [row.ratio] })),
        max: Math.min(LONGEST_BAR, Math.max(1, ...compared.map((row) => row.ratio ?? 0))),
        format: (value) => `${readable(value)}x`,
      }),
    },
  };
}

/** Three significant digits or all of a whole number. */
export function readable(value: number): string {
  if (Number.isInteger(value) || value >= 1000) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(3);
}

export function cells(row: BenchRow): string[] {
  return [
    row.name,
    `${readable(row.value)} ${row.unit}`.trim(),
    row.peer ?? '',
    row.ratio === undefined ? '' : `${readable(row.ratio)}x`,
  ];
}

function shortened(name: string): string {
  const words = name.replace(/^\w+: /, '');
  return words.length > 30 ? `${words.slice(0, 29)}…` : words;
}
