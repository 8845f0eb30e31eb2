/** One measured figure. `ratio` is ours against `peer`, both measured in this run; above 1 is better for us. */
export interface BenchRow {
  name: string;
  value: number;
  unit: string;
  peer?: string;
  ratio?: number;
}

/** One file of this folder. */
export interface Benchmark {
  /** For the page: its data, its seeds, its peers, in a sentence or two. */
  readonly about?: string;
  run(): Promise<BenchRow[]>;
}
