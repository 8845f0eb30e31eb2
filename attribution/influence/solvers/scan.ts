import type { Shard } from './shard.ts';

/**
 * What a solver asks of all rows of a store: `products` of each row with vectors of weights (one number a column), or
 * `sums` of the rows with vectors of coefficients (one number a row and layer, row-major).
 */
export interface Scan {
  readonly kind: 'products' | 'sums';
  readonly vectors: readonly Float64Array[];
}

/** One array a vector: products row-major (rows × segments), or a sum a column. */
export type ScanAnswer = readonly BigInt64Array[];

/** A solver at work: it yields scans, is resumed with their answers, and returns a result. Who runs it decides where
 * the shards are. */
export type Scanning<T> = Generator<Scan, T, ScanAnswer>;

/** The part of an answer that a shard, whose first row is `first`, gives. */
export function scanShard(shard: Shard, first: number, scan: Scan): ScanAnswer {
  if (scan.kind === 'products') return shard.products(scan.vectors);
  const { count, layers } = shard;
  return shard.sums(scan.vectors.map((all) => all.subarray(first * layers, (first + count) * layers)));
}

/** Puts the parts of all shards, in the order of their rows, together. */
export function mergeAnswers(scan: Scan, parts: readonly ScanAnswer[]): ScanAnswer {
  return scan.vectors.map((_, v) => {
    const arrays = parts.map((part) => part[v]!);
    if (arrays.length === 1) return arrays[0]!;
    if (scan.kind === 'sums') return arrays.reduce((sum, array) => sum.map((value, j) => value + array[j]!));
    const all = new BigInt64Array(arrays.reduce((length, array) => length + array.length, 0));
    let at = 0;
    for (const array of arrays) {
      all.set(array, at);
      at += array.length;
    }
    return all;
  });
}

/** Runs a solver on shards that are in this thread. */
export function runHere<T>(scanning: Scanning<T>, shards: readonly Shard[]): T {
  let step = scanning.next();
  while (!step.done) {
    const scan = step.value;
    let first = 0;
    const parts = shards.map((shard) => {
      const part = scanShard(shard, first, scan);
      first += shard.count;
      return part;
    });
    step = scanning.next(mergeAnswers(scan, parts));
  }
  return step.value;
}

/**
 * Several queries of one metric in step, so that the rows are read once for all of them. Every solver asks the same
 * kinds of scans in the same order for each query; one that is done earlier (nothing to ask) waits.
 */
export function* together<T>(scannings: readonly Scanning<T>[]): Scanning<T[]> {
  const steps = scannings.map((scanning) => scanning.next());
  for (;;) {
    const first = steps.find((step) => !step.done);
    if (first === undefined || first.done) return steps.map((step) => step.value as T);
    const { kind } = first.value;
    const asked = steps.map((step) => (step.done || step.value.kind !== kind ? [] : step.value.vectors));
    const answers = yield { kind, vectors: asked.flat() };
    let at = 0;
    asked.forEach((vectors, i) => {
      if (vectors.length === 0) return;
      steps[i] = scannings[i]!.next(answers.slice(at, at + vectors.length));
      at += vectors.length;
    });
  }
}
