/**
 * Transactions travel between nodes in frames: one gossip message costs about a millisecond of CPU on every node,
 * one transaction of a batch a few microseconds.
 *
 * Frame: version u8 = 1, salt u32be, then each transaction as length u32be and bytes. The salt makes a frame that is
 * sent again a new gossip message; without it a peer that has seen the same bytes would not pass them on.
 */
import { LIMITS } from './limits.ts';

const VERSION = 1;
const HEADER_BYTES = 5;
const LENGTH_BYTES = 4;

/** Packs transactions, in order, into as few frames as the limits allow. Each must be under `LIMITS.maxTransactionBytes`. */
export function encodeBatches(raws: readonly Uint8Array[], nextSalt: () => number): Uint8Array[] {
  const frames: Uint8Array[] = [];
  let start = 0;
  let size = HEADER_BYTES;
  for (let i = 0; i <= raws.length; i++) {
    const raw = raws[i];
    const next = raw === undefined ? 0 : LENGTH_BYTES + raw.length;
    const full = size + next > LIMITS.batchBytes || i - start >= LIMITS.batchTransactions;
    if ((raw === undefined || full) && i > start) {
      frames.push(encodeFrame(raws.slice(start, i), size, nextSalt()));
      start = i;
      size = HEADER_BYTES;
    }
    size += next;
  }
  return frames;
}

function encodeFrame(raws: readonly Uint8Array[], size: number, salt: number): Uint8Array {
  const frame = new Uint8Array(size);
  const view = new DataView(frame.buffer);
  frame[0] = VERSION;
  view.setUint32(1, salt >>> 0);
  let at = HEADER_BYTES;
  for (const raw of raws) {
    view.setUint32(at, raw.length);
    frame.set(raw, at + LENGTH_BYTES);
    at += LENGTH_BYTES + raw.length;
  }
  return frame;
}

/** The transactions of a frame, or undefined if a peer with our code would not have sent it. */
export function decodeBatch(frame: Uint8Array): Uint8Array[] | undefined {
  if (frame.length > LIMITS.batchBytes || frame.length <= HEADER_BYTES || frame[0] !== VERSION)
    return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const raws: Uint8Array[] = [];
  let at = HEADER_BYTES;
  while (at < frame.length) {
    if (frame.length - at < LENGTH_BYTES || raws.length === LIMITS.batchTransactions) return undefined;
    const length = view.getUint32(at);
    at += LENGTH_BYTES;
    if (length === 0 || length > LIMITS.maxTransactionBytes || length > frame.length - at) return undefined;
    raws.push(frame.slice(at, at + length));
    at += length;
  }
  return raws;
}
