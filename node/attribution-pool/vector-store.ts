/** Vectors of a contribution's accepted records on disk, one after the other. */
import type { ImageFormat } from './image-file.ts';
import { type ImageStore, openImageStore } from './image-store.ts';
import { LIMITS } from './limits.ts';

export const VECTOR_FILE: ImageFormat<Int8Array> = {
  name: 'vectors',
  magic: 'OLVECTOR',
  version: 1,
  imageOf: (vectors) => new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.length),
  open: (image) => new Int8Array(image.buffer, image.byteOffset, image.length),
};

export type VectorStore = ImageStore<Int8Array>;

export function openVectorStore(directory: string, warn: (message: string) => void): VectorStore {
  return openImageStore({ directory, format: VECTOR_FILE, maxBytes: LIMITS.vectorFileBytes, warn });
}
