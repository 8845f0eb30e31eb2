/** The two encodings of the Ethereum JSON-RPC: quantities (minimal hex) and bytes (two digits a byte). */
import { toHex } from '../state/crypto.ts';
import type { Hex } from '../state/types.ts';

/** `0x0`, `0x1a` ...: no leading zeros. Throws on negative or non-integer numbers: those are bugs of ours. */
export function quantity(value: bigint | number): Hex {
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new Error(`not an integer quantity: ${value}`);
  if (value < 0) throw new Error(`negative quantity: ${value}`);
  return `0x${value.toString(16)}`;
}

export const hexOf: (bytes: Uint8Array) => Hex = toHex;

/** Hex (already validated) to bytes. */
export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.slice(2), 'hex'));
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of bytes, or undefined when they are not UTF-8. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}
