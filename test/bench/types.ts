/** One measured figure. `ratio` is ours against `peer`, both measured in this run; above 1 is better for us. */
export interface BenchRow {
  name: string;
  value: number;
  unit: string;
  peer?: string;
  ratio?: number;
}
