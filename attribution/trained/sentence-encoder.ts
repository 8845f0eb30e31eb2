import { createTextEncoding, encoderHash, readEncoder } from '../retrieval/api.ts';
import type { SentenceEncoder } from './types.ts';

/** The encoder in canonical bytes, as features of texts need it. @throws AttributionError 'InvalidEncoder'. */
export function createSentenceEncoder(bytes: Uint8Array): SentenceEncoder {
  const encoder = readEncoder(bytes);
  const { width, chunks } = encoder.shape;
  return { hash: encoderHash(encoder), width: width * chunks, encode: createTextEncoding(encoder) };
}
