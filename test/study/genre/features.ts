/** Text to the input of the genre classifier (genre.onnx): how often each of 4,096 classes of words occurs. */
import { wordCounts } from '../../../attribution/trained/api.ts';

/** Words fall into this many classes by their hash. */
export const GENRE_FEATURES = 4096;

/** What the model tells apart: the parts into which the Brown corpus divides its 15 genres. */
export const GENRE_LABELS = ['press', 'prose', 'learned', 'fiction'] as const;

/**
 * Counts of the first 120 tokens, as graphs of trained models get them (docs/trained-models.md, section 1).
 * @throws AttributionError InvalidUtf8
 */
export function genreFeatures(text: Uint8Array): Uint8Array {
  return wordCounts(text, GENRE_FEATURES);
}
