import { AttributionError } from '../errors.ts';
import { compileKernel } from '../kernels/load.ts';
import * as kernelFile from '../kernels/suffix-array.wasm.ts';
import { MAX_SUFFIX_ARRAY_SYMBOLS } from '../limits.ts';

const PAGE_BYTES = 65_536;
/** Memory that is kept for small texts, which come by the thousand: a new one for each would exhaust the address space. */
const KEPT_PAGES = 32;

interface Kernel {
  readonly memory: WebAssembly.Memory;
  readonly suffixArray: (text: number, n: number, alphabet: number, sa: number, scratch: number) => void;
  readonly scratchBytes: (n: number, alphabet: number) => number;
}

let module: WebAssembly.Module | undefined;
let kept: Kernel | undefined;

/**
 * Suffix array by induced sorting in WebAssembly, in time and memory linear in the text whatever it contains (about
 * 18 bytes a symbol while it runs, of which untouched pages cost nothing). A suffix that is a prefix of another one
 * stands before it, as if the text ended in a symbol lower than all. The same as `suffixArrayReference`.
 *
 * @param text symbols from 0 to alphabet - 1; what lies outside is refused.
 * @returns the starts of all suffixes in lexicographic order.
 * @throws AttributionError 'CorpusTooLarge' above MAX_SUFFIX_ARRAY_SYMBOLS, 'InvalidParameter'.
 */
export function suffixArray(text: Int32Array, alphabet: number): Int32Array {
  const n = text.length;
  if (n > MAX_SUFFIX_ARRAY_SYMBOLS || alphabet > MAX_SUFFIX_ARRAY_SYMBOLS)
    throw new AttributionError(
      'CorpusTooLarge',
      `A text of ${n} symbols is longer than ${MAX_SUFFIX_ARRAY_SYMBOLS}.`,
    );
  for (let i = 0; i < n; i++)
    if (text[i]! < 0 || text[i]! >= alphabet)
      throw new AttributionError('InvalidParameter', `Symbol ${text[i]} is not below ${alphabet}.`);
  kept ??= instantiate(KEPT_PAGES);
  const scratchAt = 8 * n;
  const pages = Math.ceil((scratchAt + kept.scratchBytes(n, alphabet)) / PAGE_BYTES);
  const kernel = pages <= KEPT_PAGES ? kept : instantiate(pages);
  new Int32Array(kernel.memory.buffer, 0, n).set(text);
  kernel.suffixArray(0, n, alphabet, 4 * n, scratchAt);
  return new Int32Array(kernel.memory.buffer, 4 * n, n).slice();
}

function instantiate(pages: number): Kernel {
  module ??= compileKernel(kernelFile);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return {
    memory,
    suffixArray: exports['suffixArray'] as Kernel['suffixArray'],
    scratchBytes: exports['scratchBytes'] as Kernel['scratchBytes'],
  };
}
