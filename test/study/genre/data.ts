/** The Brown corpus as passages with labels. Documents, not passages, are kept apart: one author writes only one side. */

import { COUNTED_TOKENS } from '../../../attribution/trained/api.ts';
import { loadBrownCorpus } from '../../../node/datasets/brown.ts';
import { GENRE_FEATURES, GENRE_LABELS, genreFeatures } from './features.ts';

export interface Passages {
  /** [count, GENRE_FEATURES] */
  readonly features: Uint8Array;
  readonly labels: Uint8Array;
}

const PARTS: Readonly<Record<string, (typeof GENRE_LABELS)[number]>> = {
  news: 'press',
  editorial: 'press',
  reviews: 'press',
  religion: 'prose',
  hobbies: 'prose',
  lore: 'prose',
  belles_lettres: 'prose',
  government: 'learned',
  learned: 'learned',
};

/** Words of a passage: with its marks about COUNTED_TOKENS tokens. */
const WORDS = Math.floor(COUNTED_TOKENS * 0.85);

/** Every fifth document is for the test. */
export function loadPassages(): { readonly training: Passages; readonly test: Passages } {
  const sides = [0, 1].map(() => ({ features: [] as Uint8Array[], labels: [] as number[] }));
  for (const [i, { genre, text }] of loadBrownCorpus().entries()) {
    const side = sides[i % 5 === 0 ? 1 : 0]!;
    const words = text.split(/\s+/);
    for (let start = 0; start + WORDS <= words.length; start += WORDS) {
      const passage = words.slice(start, start + WORDS).join(' ');
      side.features.push(genreFeatures(new TextEncoder().encode(passage)));
      side.labels.push(GENRE_LABELS.indexOf(PARTS[genre] ?? 'fiction'));
    }
  }
  const [training, test] = sides.map(({ features, labels }): Passages => {
    const all = new Uint8Array(features.length * GENRE_FEATURES);
    for (const [i, row] of features.entries()) all.set(row, i * GENRE_FEATURES);
    return { features: all, labels: Uint8Array.from(labels) };
  });
  return { training: training!, test: test! };
}
