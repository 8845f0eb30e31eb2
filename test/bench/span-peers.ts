/** Other ways to find the maximal spans of an answer, over a text of token numbers with -1 between records. */

/** Longest match of each start by one pass over all tokens, with a table of the answer's four-token windows. */
export function spansByScan(text: Int32Array, ids: Int32Array, minSpan: number): string[] {
  const starts = new Map<string, number[]>();
  const key = (list: Int32Array, at: number) => `${list[at]},${list[at + 1]},${list[at + 2]},${list[at + 3]}`;
  const firstTokens = new Uint8Array(Math.max(...ids) + 2);
  for (let s = 0; s + minSpan <= ids.length; s++) {
    firstTokens[ids[s]! + 1] = 1;
    const list = starts.get(key(ids, s));
    if (list === undefined) starts.set(key(ids, s), [s]);
    else list.push(s);
  }
  const ends = new Int32Array(ids.length);
  for (let at = 0; at + minSpan <= text.length; at++) {
    if (firstTokens[text[at]! + 1] !== 1) continue;
    for (const s of starts.get(key(text, at)) ?? []) {
      let length = minSpan;
      while (s + length < ids.length && text[at + length] === ids[s + length] && ids[s + length]! >= 0)
        length++;
      ends[s] = Math.max(ends[s]!, s + length);
    }
  }
  return maximal(ends, minSpan);
}

/** Longest match of each start: insertion point in the suffix array, then the longer of both neighbours' prefixes. */
export function spansBySearch(
  text: Int32Array,
  suffixes: Int32Array,
  ids: Int32Array,
  minSpan: number,
): string[] {
  const shared = (position: number, s: number): number => {
    let length = 0;
    while (s + length < ids.length && ids[s + length]! >= 0 && text[position + length] === ids[s + length])
      length++;
    return length;
  };
  const ends = new Int32Array(ids.length);
  for (let s = 0; s < ids.length; s++) {
    let low = 0;
    let high = suffixes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const position = suffixes[middle]!;
      const length = shared(position, s);
      const isLess = s + length < ids.length && (text[position + length] ?? -1) < ids[s + length]!;
      if (isLess) low = middle + 1;
      else high = middle;
    }
    const before = low > 0 ? shared(suffixes[low - 1]!, s) : 0;
    const after = low < suffixes.length ? shared(suffixes[low]!, s) : 0;
    ends[s] = s + Math.max(before, after);
  }
  return maximal(ends, minSpan);
}

function maximal(ends: Int32Array, minSpan: number): string[] {
  let reached = 0;
  return [...ends].flatMap((end, s) => {
    if (end <= reached) return [];
    reached = end;
    return end - s < minSpan ? [] : [`${s}-${end}`];
  });
}
