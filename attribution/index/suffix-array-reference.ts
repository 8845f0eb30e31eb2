/**
 * Suffix array by induced sorting (SA-IS; Nong, Zhang, Chan, "Two Efficient Algorithms for Linear Time Suffix Array
 * Construction", 2009), in time and memory linear in the text whatever it contains. A suffix that is a prefix of
 * another one stands before it, as if the text ended in a symbol lower than all.
 *
 * @param text symbols from 0 to alphabet - 1.
 * @returns the starts of all suffixes in lexicographic order.
 */
export function suffixArrayReference(text: Int32Array, alphabet: number): Int32Array {
  const n = text.length;
  const sa = new Int32Array(n);
  if (n < 2) return sa;

  // A suffix is of type S (1) when it is lower than the next one, else of type L (0); the last one is L.
  const isS = new Uint8Array(n);
  for (let i = n - 2; i >= 0; i--) {
    const here = text[i]!;
    const next = text[i + 1]!;
    isS[i] = here < next || (here === next && isS[i + 1] === 1) ? 1 : 0;
  }
  const bucketEnds = new Int32Array(alphabet + 1);
  for (let i = 0; i < n; i++) bucketEnds[text[i]! + 1]!++;
  for (let c = 0; c < alphabet; c++) bucketEnds[c + 1]! += bucketEnds[c]!;
  // bucketEnds[c] is the first slot of symbol c, bucketEnds[c + 1] the slot after its last.
  const cursor = new Int32Array(alphabet);

  // 1. Sort the LMS substrings (from one leftmost S to the next): place their starts in any order and induce.
  sa.fill(-1);
  setToEnds(cursor, bucketEnds);
  let lmsCount = 0;
  for (let i = n - 1; i > 0; i--)
    if (isS[i] === 1 && isS[i - 1] === 0) {
      sa[--cursor[text[i]!]!] = i;
      lmsCount++;
    }
  induce(text, sa, isS, bucketEnds, cursor);

  // 2. Name them in order; equal substrings get equal names.
  const lms = new Int32Array(lmsCount);
  let found = 0;
  for (let i = 0; i < n; i++) {
    const p = sa[i]!;
    if (p > 0 && isS[p] === 1 && isS[p - 1] === 0) lms[found++] = p;
  }
  const names = new Int32Array((n >> 1) + 1).fill(-1);
  let name = -1;
  for (let i = 0; i < lmsCount; i++) {
    if (i === 0 || !sameLmsSubstring(text, isS, lms[i - 1]!, lms[i]!)) name++;
    names[lms[i]! >> 1] = name;
  }

  // 3. Sort the LMS suffixes: by names if all differ, else by the suffix array of the names.
  if (name + 1 < lmsCount) {
    const reduced = new Int32Array(lmsCount);
    const starts = new Int32Array(lmsCount);
    let at = 0;
    for (let i = 1; i < n; i++)
      if (isS[i] === 1 && isS[i - 1] === 0) {
        reduced[at] = names[i >> 1]!;
        starts[at++] = i;
      }
    const order = suffixArrayReference(reduced, name + 1);
    for (let i = 0; i < lmsCount; i++) lms[i] = starts[order[i]!]!;
  }

  // 4. Place them in their true order and induce the rest.
  sa.fill(-1);
  setToEnds(cursor, bucketEnds);
  for (let i = lmsCount - 1; i >= 0; i--) sa[--cursor[text[lms[i]!]!]!] = lms[i]!;
  induce(text, sa, isS, bucketEnds, cursor);
  return sa;
}

function setToStarts(cursor: Int32Array, bucketEnds: Int32Array): void {
  cursor.set(bucketEnds.subarray(0, cursor.length));
}

function setToEnds(cursor: Int32Array, bucketEnds: Int32Array): void {
  cursor.set(bucketEnds.subarray(1, cursor.length + 1));
}

/** From sorted LMS entries: L suffixes from left to right, then S suffixes from right to left. */
function induce(
  text: Int32Array,
  sa: Int32Array,
  isS: Uint8Array,
  bucketEnds: Int32Array,
  cursor: Int32Array,
): void {
  const n = text.length;
  setToStarts(cursor, bucketEnds);
  // The end of the text precedes everything, so the last suffix is induced first.
  sa[cursor[text[n - 1]!]!++] = n - 1;
  for (let i = 0; i < n; i++) {
    const p = sa[i]! - 1;
    // What stands here is L or leftmost S, so its predecessor is L exactly if its symbol is not lower.
    if (p >= 0) {
      const symbol = text[p]!;
      if (symbol >= text[p + 1]!) sa[cursor[symbol]!++] = p;
    }
  }
  setToEnds(cursor, bucketEnds);
  for (let i = n - 1; i >= 0; i--) {
    const p = sa[i]! - 1;
    if (p >= 0) {
      const symbol = text[p]!;
      const next = text[p + 1]!;
      if (symbol < next || (symbol === next && isS[p] === 1)) sa[--cursor[symbol]!] = p;
    }
  }
}

/** Equal symbols and types from `a` and `b` to the next leftmost S. The one that meets the end of the text is unique. */
function sameLmsSubstring(text: Int32Array, isS: Uint8Array, a: number, b: number): boolean {
  const n = text.length;
  for (let k = 0; ; k++) {
    if (a + k >= n || b + k >= n) return false;
    if (text[a + k] !== text[b + k] || isS[a + k] !== isS[b + k]) return false;
    if (k > 0 && isS[a + k] === 1 && isS[a + k - 1] === 0) return true;
  }
}
