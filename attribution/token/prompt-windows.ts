/**
 * Marks the windows of `output` that also stand in `prompt` (1 at the window's first token). Only known tokens are
 * compared: a window with an unknown one does not occur in any record anyway.
 *
 * The output's windows are sorted and those of the prompt looked up by bisection, so that the cost depends on the
 * lengths alone and no text can be crafted to collide in a hash table.
 */
export function windowsOfPrompt(output: Int32Array, prompt: Int32Array, lmin: number): Uint8Array {
  const found = new Uint8Array(Math.max(0, output.length - lmin + 1));
  if (found.length === 0 || prompt.length < lmin) return found;
  const compare = (a: Int32Array, i: number, b: Int32Array, j: number): number => {
    for (let k = 0; k < lmin; k++) if (a[i + k] !== b[j + k]) return a[i + k]! - b[j + k]!;
    return 0;
  };
  const order = Array.from(found.keys()).sort((i, j) => compare(output, i, output, j));
  for (let p = 0; p + lmin <= prompt.length; p++) {
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(output, order[middle]!, prompt, p) < 0) low = middle + 1;
      else high = middle;
    }
    // Equal windows stand together; if the first is marked, all are.
    for (
      ;
      low < order.length && found[order[low]!] === 0 && compare(output, order[low]!, prompt, p) === 0;
      low++
    )
      found[order[low]!] = 1;
  }
  return found;
}
