// Suffix array by induced sorting (SA-IS; Nong, Zhang, Chan, 2009), the same steps as the plain reference in
// attribution/index/suffix-array-reference.ts. Memory is the caller's (imported); addresses are bytes.
// What the recursion needs lies in `sa` itself where there is room, as the reduced text has at most n / 2 symbols.

/**
 * Writes the starts of all suffixes of `text` in lexicographic order to `sa`.
 * `text` and `sa` hold n i32 each. `scratch` is 4-byte aligned and has scratchBytes(n, alphabet) bytes.
 */
export function suffixArray(text: usize, n: i32, alphabet: i32, sa: usize, scratch: usize): void {
  if (n < 2) {
    if (n == 1) store<i32>(sa, 0);
    return;
  }
  // Bit i: suffix i is of type S (lower than the next one). Then per symbol its bucket's start, then a cursor.
  const types = scratch;
  const bucketStarts = types + typeBytes(n);
  const cursors = bucketStarts + ((<usize>alphabet + 1) << 2);
  const deeper = cursors + (<usize>alphabet << 2);
  readTypes(text, n, types);
  countBuckets(text, n, alphabet, bucketStarts);

  // 1. Sort the LMS substrings: place their starts in any order and induce.
  fill(sa, 0, n, -1);
  setToEnds(cursors, bucketStarts, alphabet);
  let lmsCount = 0;
  for (let i = n - 1; i > 0; i--)
    if (isLms(types, i)) {
      placeAtEnd(text, sa, cursors, i);
      lmsCount++;
    }
  induce(text, n, alphabet, sa, types, bucketStarts, cursors);

  // 2. Name them in order; equal substrings get equal names.
  let found = 0;
  for (let i = 0; i < n; i++) {
    const p = at(sa, i);
    if (p > 0 && isLms(types, p)) put(sa, found++, p);
  }
  const names = nameSubstrings(text, n, sa, types, lmsCount);

  // 3. Sort the LMS suffixes: by names if all differ, else by the suffix array of the names.
  if (names < lmsCount) {
    const reduced = n - lmsCount;
    let end = n;
    for (let i = n - 1; i >= lmsCount; i--) {
      const name = at(sa, i);
      if (name >= 0) put(sa, --end, name);
    }
    suffixArray(address(sa, reduced), lmsCount, names, sa, deeper);
    let next = reduced;
    for (let i = 1; i < n; i++) if (isLms(types, i)) put(sa, next++, i);
    for (let i = 0; i < lmsCount; i++) put(sa, i, at(sa, reduced + at(sa, i)));
  }

  // 4. Place them in their true order, from the last on, so that none is overwritten; then induce the rest.
  fill(sa, lmsCount, n, -1);
  setToEnds(cursors, bucketStarts, alphabet);
  for (let i = lmsCount - 1; i >= 0; i--) {
    const p = at(sa, i);
    put(sa, i, -1);
    placeAtEnd(text, sa, cursors, p);
  }
  induce(text, n, alphabet, sa, types, bucketStarts, cursors);
}

/** Bytes of scratch memory; each level of the recursion has half the symbols and at most as many names. */
export function scratchBytes(n: i32, alphabet: i32): f64 {
  return 16.0 * <f64>alphabet + 10.0 * <f64>n + 4096.0;
}

/** Names by first place to sa[lmsCount + p / 2] for each LMS start p of sa[0, lmsCount); returns how many differ. */
function nameSubstrings(text: usize, n: i32, sa: usize, types: usize, lmsCount: i32): i32 {
  fill(sa, lmsCount, n, -1);
  // First the lengths, with the symbol of the next LMS start; the last one meets the end of the text: unique, 0.
  let following = -1;
  for (let i = n - 1; i > 0; i--)
    if (isLms(types, i)) {
      put(sa, lmsCount + (i >> 1), following < 0 ? 0 : following - i + 1);
      following = i;
    }
  let name = -1;
  let before = -1;
  let lengthBefore = 0;
  for (let i = 0; i < lmsCount; i++) {
    const p = at(sa, i);
    const slot = lmsCount + (p >> 1);
    const length = at(sa, slot);
    let same = length > 0 && length == lengthBefore;
    for (let k = 0; same && k < length; k++) same = at(text, before + k) == at(text, p + k);
    if (!same) name++;
    put(sa, slot, name);
    before = p;
    lengthBefore = length;
  }
  return name + 1;
}

/** From sorted LMS entries: L suffixes from left to right, then S suffixes from right to left. */
function induce(
  text: usize,
  n: i32,
  alphabet: i32,
  sa: usize,
  types: usize,
  bucketStarts: usize,
  cursors: usize,
): void {
  memory.copy(cursors, bucketStarts, <usize>alphabet << 2);
  // The end of the text precedes everything, so the last suffix is induced first.
  placeAtStart(sa, cursors, at(text, n - 1), n - 1);
  for (let i = 0; i < n; i++) {
    const p = at(sa, i) - 1;
    if (p < 0) continue;
    const symbol = at(text, p);
    if (symbol >= at(text, p + 1)) placeAtStart(sa, cursors, symbol, p);
  }
  setToEnds(cursors, bucketStarts, alphabet);
  for (let i = n - 1; i >= 0; i--) {
    const p = at(sa, i) - 1;
    if (p < 0) continue;
    const symbol = at(text, p);
    const next = at(text, p + 1);
    if (symbol < next || (symbol == next && isS(types, p))) placeAtEnd(text, sa, cursors, p);
  }
}

function readTypes(text: usize, n: i32, types: usize): void {
  memory.fill(types, 0, typeBytes(n));
  let isLower = false;
  let next = at(text, n - 1);
  for (let i = n - 2; i >= 0; i--) {
    const here = at(text, i);
    isLower = here < next || (here == next && isLower);
    if (isLower) put(types, i >> 5, at(types, i >> 5) | (1 << (i & 31)));
    next = here;
  }
}

/** bucketStarts[c] is the first slot of symbol c, bucketStarts[alphabet] is n. */
function countBuckets(text: usize, n: i32, alphabet: i32, bucketStarts: usize): void {
  fill(bucketStarts, 0, alphabet + 1, 0);
  for (let i = 0; i < n; i++) {
    const symbol = at(text, i);
    put(bucketStarts, symbol + 1, at(bucketStarts, symbol + 1) + 1);
  }
  for (let c = 0; c < alphabet; c++) put(bucketStarts, c + 1, at(bucketStarts, c + 1) + at(bucketStarts, c));
}

@inline
function setToEnds(cursors: usize, bucketStarts: usize, alphabet: i32): void {
  memory.copy(cursors, bucketStarts + 4, <usize>alphabet << 2);
}

@inline
function placeAtStart(sa: usize, cursors: usize, symbol: i32, p: i32): void {
  const slot = at(cursors, symbol);
  put(cursors, symbol, slot + 1);
  put(sa, slot, p);
}

@inline
function placeAtEnd(text: usize, sa: usize, cursors: usize, p: i32): void {
  const symbol = at(text, p);
  const slot = at(cursors, symbol) - 1;
  put(cursors, symbol, slot);
  put(sa, slot, p);
}

@inline
function typeBytes(n: i32): usize {
  return ((<usize>n >> 5) + 1) << 2;
}

@inline
function isS(types: usize, i: i32): bool {
  return ((at(types, i >> 5) >>> (i & 31)) & 1) != 0;
}

@inline
function isLms(types: usize, i: i32): bool {
  return isS(types, i) && !isS(types, i - 1);
}

@inline
function address(array: usize, i: i32): usize {
  return array + (<usize>i << 2);
}

@inline
function at(array: usize, i: i32): i32 {
  return load<i32>(address(array, i));
}

@inline
function put(array: usize, i: i32, value: i32): void {
  store<i32>(address(array, i), value);
}

function fill(array: usize, from: i32, to: i32, value: i32): void {
  for (let i = from; i < to; i++) put(array, i, value);
}
