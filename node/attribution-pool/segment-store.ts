/** Segments of token indexes on disk. */
import { AttributionError, Segment } from '../../attribution/api.ts';
import type { ImageFormat } from './image-file.ts';
import { type ImageStore, openImageStore } from './image-store.ts';
import { LIMITS } from './limits.ts';

export const SEGMENT_FILE: ImageFormat<Segment> = {
  name: 'segment',
  magic: 'OLSEGMNT',
  version: 1,
  imageOf: (segment) => segment.views.image,
  open(image) {
    try {
      return new Segment(image);
    } catch (error) {
      if (error instanceof AttributionError) return undefined;
      throw error;
    }
  },
};

export type SegmentStore = ImageStore<Segment>;

export interface SegmentStoreOptions {
  readonly directory: string;
  /** Most bytes of all files. Default LIMITS.segmentFileBytes. */
  readonly maxBytes?: number;
  /** Told once for each problem of the disk. */
  readonly warn: (message: string) => void;
}

export function openSegmentStore(options: SegmentStoreOptions): SegmentStore {
  return openImageStore({ format: SEGMENT_FILE, maxBytes: LIMITS.segmentFileBytes, ...options });
}
