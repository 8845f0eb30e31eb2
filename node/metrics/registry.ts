/**
 * Numbers for operators in Prometheus' text format. Values are read when somebody asks; only what must be counted as
 * it happens (rounds, block intervals) is kept here. Names follow CometBFT where it has one, so that existing charts
 * work; units are in the names, time is in seconds.
 * Format: https://prometheus.io/docs/instrumenting/exposition_formats/
 */

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
      const series = new Map<string, { counts: number[]; sum: number }>();
      const empty = () => ({ counts: new Array<number>(bounds.length + 1).fill(0), sum: 0 });
      if (label === undefined) series.set('', empty());
      families.push(() => {
        let text = head(full, 'histogram', help);
        for (const [of, { counts, sum }] of series) {
          const labels = label === undefined ? undefined : { [label]: of };
          let total = 0;
          for (const [i, bound] of [...bounds, '+Inf'].entries()) {
            total += counts[i] as number;
            text += line(`${full}_bucket`, { ...labels, le: String(bound) }, total);
          }
          text += line(`${full}_sum`, labels, sum) + line(`${full}_count`, labels, total);
        }
        return text;
      });
      return {
        observe(value, of = '') {
          if (!Number.isFinite(value)) return;
          const one = series.get(of) ?? empty();
          series.set(of, one);
          let i = 0;
          while (i < bounds.length && value > (bounds[i] as number)) i += 1;
          one.counts[i] = (one.counts[i] as number) + 1;
          one.sum += value;
        },
      };
    },
    render: () => families.map((family) => family()).join(''),
  };
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
