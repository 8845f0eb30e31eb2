/**
 * Numbers for operators in Prometheus' text format. Values are read when somebody asks; only what must be counted as
 * it happens (rounds, block intervals) is kept here. Names follow CometBFT where it has one, so that existing charts
 * work; units are in the names, time is in seconds.
 * Format: https://prometheus.io/docs/instrumenting/exposition_formats/
 */

import { createTally, type Tally, type Tallying } from './tally.ts';

export type Labels = Readonly<Record<string, string>>;
export interface Sample {
  labels?: Labels;
  value: number;
}
export type MetricType = 'gauge' | 'counter';

export interface Registry {
  /** `read` is called at each scrape. It gives one number, or one sample per label set. */
  measure(name: string, type: MetricType, help: string, read: () => number | readonly Sample[]): void;
  /** Cumulative histogram with fixed upper bounds, in the metric's unit; with a `label`, one for each of its values. */
  histogram(
    name: string,
    help: string,
    bounds: readonly number[],
    label?: string,
  ): { observe(value: number, of?: string): void };
  /** A histogram that is counted elsewhere, perhaps on another thread; undefined: nothing yet. */
  tally(name: string, help: string, read: () => Tally | undefined): void;
  render(): string;
}

/** @param namespace put before every name with an underscore */
export function createRegistry(namespace: string): Registry {
  const families: (() => string)[] = [];
  return {
    measure(name, type, help, read) {
      const full = checkedName(`${namespace}_${name}`);
      families.push(() => {
        const value = read();
        const samples = typeof value === 'number' ? [{ value }] : value;
        return head(full, type, help) + samples.map((s) => line(full, s.labels, s.value)).join('');
      });
    },
    histogram(name, help, bounds, label) {
      const full = checkedName(`${namespace}_${name}`);
      const series = new Map<string, Tallying>();
      if (label === undefined) series.set('', createTally(bounds));
      families.push(() => {
        let text = head(full, 'histogram', help);
        for (const [of, one] of series)
          text += rows(full, one.read(), label === undefined ? undefined : { [label]: of });
        return text;
      });
      return {
        observe(value, of = '') {
          const one = series.get(of) ?? createTally(bounds);
          series.set(of, one);
          one.observe(value);
        },
      };
    },
    tally(name, help, read) {
      const full = checkedName(`${namespace}_${name}`);
      families.push(() => {
        const found = read();
        return head(full, 'histogram', help) + (found === undefined ? '' : rows(full, found, undefined));
      });
    },
    render: () => families.map((family) => family()).join(''),
  };
}

/** Prometheus counts upwards: each bound with all that is below it. */
function rows(name: string, { bounds, counts, sum }: Tally, labels: Labels | undefined): string {
  let text = '';
  let total = 0;
  for (const [i, bound] of [...bounds, '+Inf'].entries()) {
    total += counts[i] as number;
    text += line(`${name}_bucket`, { ...labels, le: String(bound) }, total);
  }
  return text + line(`${name}_sum`, labels, sum) + line(`${name}_count`, labels, total);
}

function head(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
}

function line(name: string, labels: Labels | undefined, value: number): string {
  const inner = Object.entries(labels ?? {})
    .map(
      ([key, text]) =>
        `${key}="${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
    )
    .join(',');
  return `${name}${inner === '' ? '' : `{${inner}}`} ${Number.isFinite(value) ? value : 'NaN'}\n`;
}

function checkedName(name: string): string {
  if (!/^[a-z_][a-z0-9_]*$/.test(name)) throw new Error(`not a metric name: ${name}`);
  return name;
}
