/** The sentence encoder that comes with the program (docs/retrieval.md, section 6). */
import { readFileSync } from 'node:fs';
import { type Encoder, readEncoder } from '../../attribution/retrieval/api.ts';
import { keccakHex } from '../../state/crypto.ts';

/** The same place seen from the sources, from dist/node and from dist/bundle. */
const FILE = new URL('../../attribution/retrieval/encoder/english-v1.bin', import.meta.url);

/** The file is damaged or not there, or the chain computes with another encoder. */
export class EncoderMismatch extends Error {
  override name = 'EncoderMismatch';
  readonly code = 'ENCODER_MISMATCH';
}

/** Bytes of the bundled encoder, if their keccak-256 is `hash`. @throws EncoderMismatch */
export function encoderFile(hash: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(FILE);
  } catch (error) {
    throw new EncoderMismatch(
      `the sentence encoder cannot be read (${(error as Error).message}). Run npm ci.`,
    );
  }
  const found = keccakHex(bytes);
  if (found !== hash)
    throw new EncoderMismatch(
      `this program has the sentence encoder ${found}, and this chain computes with ${hash}. Install the version of the program that the chain uses.`,
    );
  return bytes;
}

/** @throws EncoderMismatch */
export function loadEncoder(hash: string): Encoder {
  return readEncoder(encoderFile(hash));
}
