/** The sentence encoder that comes with the program (docs/retrieval.md, section 6). */
import { readFileSync } from 'node:fs';
import { type Encoder, encoderHash, readEncoder } from '../../attribution/retrieval/api.ts';

/** The same place seen from the sources, from dist/node and from dist/bundle. */
const FILE = new URL('../../attribution/retrieval/encoder/english-v1.bin', import.meta.url);

/** The file is damaged or not there, or the chain computes with another encoder. */
export class EncoderMismatch extends Error {
  override name = 'EncoderMismatch';
  readonly code = 'ENCODER_MISMATCH';
}

/** Canonical bytes of the bundled encoder, not checked. @throws EncoderMismatch if the file is not there */
export function bundledEncoderBytes(): Uint8Array {
  try {
    return readFileSync(FILE);
  } catch (error) {
    throw new EncoderMismatch(
      `the sentence encoder cannot be read (${(error as Error).message}). Run npm ci.`,
    );
  }
}

/** The encoder of this hash. @throws EncoderMismatch */
export function loadEncoder(hash: string): Encoder {
  const encoder = readBundled();
  const found = encoderHash(encoder);
  if (found !== hash)
    throw new EncoderMismatch(
      `this program has the sentence encoder ${found}, the chain computes with ${hash}. Install the version that the chain's genesis names.`,
    );
  return encoder;
}

function readBundled(): Encoder {
  try {
    return readEncoder(bundledEncoderBytes());
  } catch (error) {
    if (error instanceof EncoderMismatch) throw error;
    throw new EncoderMismatch(`the sentence encoder is damaged (${(error as Error).message}). Run npm ci.`);
  }
}
