import { suffixArray } from '../index/suffix-array.ts';

/** All nodes of a text in their order, as columns. `firsts` are positions in the text. */
export interface SuffixNodes {
  readonly count: number;
  readonly firsts: Int32Array;
  readonly counts: Int32Array;
  readonly parentDepths: Int32Array;
  readonly depths: Int32Array;
}

/**
 * The nodes of the suffix tree of a text of records: each inner node is a longest-common-prefix interval of the suffix
 * array, each leaf a suffix that has a phrase of its own. In time linear in the text, whatever it contains.
 * @param text record r ends in the symbol r, token t is the symbol records + t.
 * @param ends for each position the position of the end of its record.
 */
export function suffixNodes(
  text: Int32Array,
  records: number,
  types: number,
  ends: (position: number) => number,
): SuffixNodes {
  const n = text.length;
  const sa = suffixArray(text, records + types);
  const plcp = permutedLcp(text, sa);
  /** Symbols that suffix i of the order shares with the one before; the first `records` are ends of records. */
  const lcp = (i: number) => (i <= records || i >= n ? 0 : plcp[sa[i]!]!);
  const inner = innerNodes(sa, lcp, records);
  return inOrder(inner, sa, lcp, records, ends);
}

/** For each position, what its suffix shares with the one before it in the order (Kärkkäinen, Manzini, Puglisi 2009). */
function permutedLcp(text: Int32Array, sa: Int32Array): Int32Array {
  const n = text.length;
  const before = new Int32Array(n);
  for (let i = 0; i < n; i++) before[sa[i]!] = i === 0 ? -1 : sa[i - 1]!;
  let shared = 0;
  for (let p = 0; p < n; p++) {
    const q = before[p]!;
    if (q < 0) shared = 0;
    else while (p + shared < n && q + shared < n && text[p + shared] === text[q + shared]) shared++;
    before[p] = shared;
    if (shared > 0) shared--;
  }
  return before;
}

/** Growing columns of inner nodes: where each begins in the suffix array, and its fields. */
class InnerNodes {
  length = 0;
  lows: Int32Array = new Int32Array(1024);
  counts: Int32Array = new Int32Array(1024);
  parentDepths: Int32Array = new Int32Array(1024);
  depths: Int32Array = new Int32Array(1024);
  firsts: Int32Array = new Int32Array(1024);

  push(low: number, count: number, parentDepth: number, depth: number, first: number): void {
    if (this.length === this.lows.length) {
      this.lows = doubled(this.lows);
      this.counts = doubled(this.counts);
      this.parentDepths = doubled(this.parentDepths);
      this.depths = doubled(this.depths);
      this.firsts = doubled(this.firsts);
    }
    this.lows[this.length] = low;
    this.counts[this.length] = count;
    this.parentDepths[this.length] = parentDepth;
    this.depths[this.length] = depth;
    this.firsts[this.length++] = first;
  }
}

function doubled(values: Int32Array): Int32Array {
  const result = new Int32Array(values.length * 2);
  result.set(values);
  return result;
}

/** Inner nodes as their intervals close: of those with one beginning the deeper one comes first. */
function innerNodes(sa: Int32Array, lcp: (i: number) => number, records: number): InnerNodes {
  const nodes = new InnerNodes();
  // Open intervals from the outside in; the outermost has depth 0 and never closes.
  const depths = [0];
  const lows = [records];
  const firsts = [0];
  for (let i = records + 1; i <= sa.length; i++) {
    const shared = lcp(i);
    let low = i - 1;
    let first = sa[i - 1]!;
    while (depths[depths.length - 1]! > shared) {
      const depth = depths.pop()!;
      low = lows.pop()!;
      first = Math.min(first, firsts.pop()!);
      nodes.push(low, i - low, Math.max(shared, depths[depths.length - 1]!), depth, first);
    }
    const top = depths.length - 1;
    if (depths[top]! < shared) {
      depths.push(shared);
      lows.push(low);
      firsts.push(first);
    } else firsts[top] = Math.min(firsts[top]!, first);
  }
  return nodes;
}

/** Inner nodes and leaves by their place in the suffix array, outer ones first: the order of their shortest phrases. */
function inOrder(
  inner: InnerNodes,
  sa: Int32Array,
  lcp: (i: number) => number,
  records: number,
  ends: (position: number) => number,
): SuffixNodes {
  const n = sa.length;
  /** By beginning, inner nodes as a list through `next`; put in as they closed, so that the outermost ends up first. */
  const heads = new Int32Array(n).fill(-1);
  const next = new Int32Array(inner.length);
  for (let k = 0; k < inner.length; k++) {
    next[k] = heads[inner.lows[k]!]!;
    heads[inner.lows[k]!] = k;
  }
  const leafDepth = (i: number) => ends(sa[i]!) - sa[i]!;
  const leafParentDepth = (i: number) => Math.max(lcp(i), lcp(i + 1));
  let count = inner.length;
  for (let i = records; i < n; i++) if (leafParentDepth(i) < leafDepth(i)) count++;

  const firsts = new Int32Array(count);
  const counts = new Int32Array(count);
  const parentDepths = new Int32Array(count);
  const depths = new Int32Array(count);
  let at = 0;
  for (let i = records; i < n; i++) {
    for (let k = heads[i]!; k >= 0; k = next[k]!) {
      firsts[at] = inner.firsts[k]!;
      counts[at] = inner.counts[k]!;
      parentDepths[at] = inner.parentDepths[k]!;
      depths[at++] = inner.depths[k]!;
    }
    if (leafParentDepth(i) >= leafDepth(i)) continue;
    firsts[at] = sa[i]!;
    counts[at] = 1;
    parentDepths[at] = leafParentDepth(i);
    depths[at++] = leafDepth(i);
  }
  return { count, firsts, counts, parentDepths, depths };
}
