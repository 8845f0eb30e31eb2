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
  /** Cumulative histogram with fixed upper bounds, in the metric's unit. */
  histogram(name: string, help: string, bounds: readonly number[]): { observe(value: number): void };
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
    histogram(name, help, bounds) {
      const full = checkedName(`${namespace}_${name}`);
      const counts = new Array<number>(bounds.length + 1).fill(0);
      let sum = 0;
      families.push(() => {
        let text = head(full, 'histogram', help);
        let total = 0;
        for (const [i, bound] of bounds.entries()) {
          total += counts[i] as number;
          text += line(`${full}_bucket`, { le: String(bound) }, total);
        }
        total += counts[bounds.length] as number;
        return `${text}${line(`${full}_bucket`, { le: '+Inf' }, total)}${line(`${full}_sum`, undefined, sum)}${line(`${full}_count`, undefined, total)}`;
      });
      return {
        observe(value) {
          if (!Number.isFinite(value)) return;
          let i = 0;
          while (i < bounds.length && value > (bounds[i] as number)) i += 1;
          counts[i] = (counts[i] as number) + 1;
          sum += value;
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
