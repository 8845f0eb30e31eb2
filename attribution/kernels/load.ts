/** WebAssembly modules whose bytes are part of the program and pinned by hash (README.md in this folder). */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** A compiled kernel as scripts/build-kernels.mjs writes it. */
export interface KernelFile {
  readonly sha256: string;
  readonly base64: string;
}

/** @throws Error if the bytes are not those of the hash: the program was damaged. */
export function compileKernel(file: KernelFile): WebAssembly.Module {
  const bytes = decodeBase64(file.base64);
  const hash = bytesToHex(sha256(bytes));
  if (hash !== file.sha256) throw new Error(`a WebAssembly kernel has hash ${hash}, not ${file.sha256}`);
  return new WebAssembly.Module(bytes);
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** The platform's own decoders are not everywhere (Buffer) or work on strings of characters (atob). */
function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  const values = new Uint8Array(128);
  for (let i = 0; i < DIGITS.length; i++) values[DIGITS.charCodeAt(i)] = i;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  for (let i = 0, at = 0; i < text.length; i += 4) {
    const digit = (k: number) => values[text.charCodeAt(i + k)]!;
    const word = (digit(0) << 18) | (digit(1) << 12) | (digit(2) << 6) | digit(3);
    for (let shift = 16; shift >= 0 && at < bytes.length; shift -= 8) bytes[at++] = (word >> shift) & 0xff;
  }
  return bytes;
}
