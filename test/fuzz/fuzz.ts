/**
 * One fuzz run: bytes that nearly are what a decoder expects. Inputs come from the saved corpus (what a real network
 * said, and whatever once broke something), changed in the ways that break parsers: bits, cuts, repeats, pieces of
 * other messages, and numbers at their ends in places where a length may stand.
 */
import fc from 'fast-check';
import type { FuzzTarget } from './targets.ts';

export interface FuzzRun {
  readonly inputs: number;
  readonly accepted: number;
}

/** What an input may make the heap and its buffers grow by: the decoders keep at most copies of their input. */
const MOST_GROWTH_BYTES = 256 << 20;
/** A single input of a few kilobytes never takes this long, on the busiest machine. */
const MOST_MS = 2_000;

/** @throws with the input in hex if a target breaks its promise */
export function checkInput(target: FuzzTarget, bytes: Uint8Array): boolean {
  const before = bytes.slice();
  const started = performance.now();
  let value: unknown;
  try {
    value = target.decode(bytes);
  } catch (error) {
    if (target.errors.some((kind) => error instanceof kind) && !isInternal(error)) value = undefined;
    else
      throw broken(
        target,
        before,
        `it threw ${error instanceof Error ? `${error.name}: ${error.message}` : error}`,
      );
  }
  if (performance.now() - started > MOST_MS) throw broken(target, before, 'it took too long');
  if (!same(bytes, before)) throw broken(target, before, 'it changed its input');
  if (value === undefined) return false;
  if (target.encode !== undefined) {
    const again = target.encode(value as never);
    if (!same(again, before)) throw broken(target, before, `it accepts a second encoding of ${hex(again)}`);
  }
  return true;
}

/** Of the codes, INTERNAL says that the fault is ours. */
function isInternal(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'INTERNAL';
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

export class BrokenPromise extends Error {
  override name = 'BrokenPromise';
  readonly input: string;
  constructor(message: string, input: string) {
    super(message);
    this.input = input;
  }
}

function broken(target: FuzzTarget, input: Uint8Array, what: string): BrokenPromise {
  return new BrokenPromise(`${target.name}: ${what}; input ${hex(input)}`, hex(input));
}

// ---------------------------------------------------------------- inputs

type Change = (bytes: Uint8Array) => Uint8Array;

/** Big-endian numbers at their ends, in the widths that lengths have here. */
const ENDS = [
  '00',
  'ff',
  '0000',
  'ffff',
  '00000000',
  'ffffffff',
  '7fffffff',
  '001fffffffffffff',
  'ffffffffffffffff',
].map((text) => Buffer.from(text, 'hex'));

/** One change; positions are drawn as fractions, so that a change shrinks without moving. */
function changes(corpus: readonly Uint8Array[]): fc.Arbitrary<Change> {
  const at = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  const place = (bytes: Uint8Array, share: number) => Math.floor(share * (bytes.length + 1));
  const put = (bytes: Uint8Array, from: number, what: Uint8Array): Uint8Array => {
    const copy = bytes.slice();
    copy.set(what.subarray(0, Math.max(0, copy.length - from)), Math.min(from, copy.length));
    return copy;
  };
  const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
  return fc.oneof(
    fc.tuple(at, fc.nat(7)).map(
      ([share, bit]): Change =>
        (bytes) => {
          const copy = bytes.slice();
          if (copy.length > 0) copy[Math.floor(share * copy.length)]! ^= 1 << bit;
          return copy;
        },
    ),
    fc.tuple(at, fc.nat(255)).map(
      ([share, byte]): Change =>
        (bytes) =>
          put(bytes, place(bytes, share), Uint8Array.of(byte)),
    ),
    at.map(
      (share): Change =>
        (bytes) =>
          bytes.slice(0, place(bytes, share)),
    ),
    fc.tuple(at, fc.uint8Array({ maxLength: 12 })).map(
      ([share, extra]): Change =>
        (bytes) =>
          join(bytes.subarray(0, place(bytes, share)), extra, bytes.subarray(place(bytes, share))),
    ),
    fc.tuple(at, at).map(
      ([one, other]): Change =>
        (bytes) => {
          const [from, to] = [place(bytes, Math.min(one, other)), place(bytes, Math.max(one, other))];
          return join(bytes.subarray(0, from), bytes.subarray(to));
        },
    ),
    fc.tuple(at, fc.constantFrom(...ENDS)).map(
      ([share, end]): Change =>
        (bytes) =>
          put(bytes, place(bytes, share), end),
    ),
    fc.tuple(at, at, fc.constantFrom(...corpus)).map(
      ([share, other, piece]): Change =>
        (bytes) =>
          join(bytes.subarray(0, place(bytes, share)), piece.subarray(place(piece, other))),
    ),
  );
}

export function inputs(corpus: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const changed = fc
    .tuple(fc.constantFrom(...corpus), fc.array(changes(corpus), { maxLength: 4 }))
    .map(([bytes, list]) => list.reduce((now, change) => change(now), bytes));
  return fc.oneof(
    { weight: 9, arbitrary: changed },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  );
}

/** Inputs for a time or a number, whichever ends first. @throws BrokenPromise, smallest input first found */
export function fuzz(
  target: FuzzTarget,
  corpus: readonly Uint8Array[],
  bounds: { readonly seed: number; readonly count: number; readonly milliseconds: number },
): FuzzRun {
  let accepted = 0;
  let done = 0;
  for (const bytes of corpus) if (checkInput(target, bytes)) accepted++;
  const grown = heapBytes();
  const until = performance.now() + bounds.milliseconds;
  const property = fc.property(inputs(corpus), (bytes) => {
    done++;
    if (checkInput(target, bytes)) accepted++;
  });
  const BATCH = 500;
  for (let batch = 0; done < bounds.count && performance.now() < until; batch++) {
    const result = fc.check(property, {
      seed: bounds.seed + batch,
      numRuns: Math.min(BATCH, bounds.count - done),
    });
    if (result.failed) {
      if (result.errorInstance instanceof BrokenPromise) throw result.errorInstance;
      throw new Error(`${target.name} (seed ${bounds.seed + batch}): ${result.errorInstance}`);
    }
    if (heapBytes() - grown > MOST_GROWTH_BYTES)
      throw new Error(`${target.name}: memory grows without bound`);
  }
  return { inputs: done + corpus.length, accepted };
}

function heapBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
