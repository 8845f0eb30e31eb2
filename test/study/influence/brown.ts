import type { LabelledFeatures } from '../../../attribution/influence/types.ts';
import { loadBrownCorpus } from '../../../node/datasets/brown.ts';
import { random } from '../../unit/attribution/influence/oracle.ts';

/** Documents of some genres, equally many of each, in an order drawn from a seed. */
export interface GenreTexts {
  readonly texts: readonly string[];
  /** The genre's place in the given list. */
  readonly labels: Int32Array;
  readonly genres: readonly string[];
}

/** The first `words` words of up to `perGenre` documents of each genre. */
export function brownGenres(
  genres: readonly string[],
  perGenre: number,
  words: number,
  seed: number,
): GenreTexts {
  const chosen = genres.flatMap((genre, label) =>
    loadBrownCorpus()
      .filter((document) => document.genre === genre)
      .slice(0, perGenre)
      .map(({ text }) => ({ label, text: text.split(/\s+/).slice(0, words).join(' ') })),
  );
  const next = random(seed);
  for (let i = chosen.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [chosen[i], chosen[j]] = [chosen[j]!, chosen[i]!];
  }
  return {
    texts: chosen.map(({ text }) => text),
    labels: Int32Array.from(chosen, ({ label }) => label),
    genres,
  };
}

/** Words of a text, lower case. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[a-z]+/g) ?? [];
}

/** Square roots of hashed word counts with signs, each text of length `scale`. */
export function hashedWords(
  { texts, labels, genres }: GenreTexts,
  width: number,
  scale: number,
): LabelledFeatures {
  const features = new Float64Array(texts.length * width);
  texts.forEach((text, i) => {
    const row = features.subarray(i * width, (i + 1) * width);
    for (const [word, count] of counts(wordsOf(text))) {
      const hash = hashOf(word);
      row[hash % width]! += (hash & 0x10000 ? 1 : -1) * Math.sqrt(count);
    }
    const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
    for (let j = 0; j < width; j++) row[j]! *= scale / length;
  });
  return { features, labels, width, classes: genres.length };
}

/**
 * Cosines of texts by TF-IDF over the words (or, if `gram` > 0, the runs of so many characters) of the first list:
 * row q, column i.
 */
export function tfIdfCosines(texts: readonly string[], queries: readonly string[], gram = 0): Float64Array[] {
  const terms = (text: string) =>
    gram === 0
      ? wordsOf(text)
      : Array.from({ length: Math.max(0, text.length - gram + 1) }, (_, at) => text.slice(at, at + gram));
  const documents = texts.map((text) => counts(terms(text)));
  const seen = new Map<string, number>();
  for (const document of documents)
    for (const term of document.keys()) seen.set(term, (seen.get(term) ?? 0) + 1);
  const weigh = (document: ReadonlyMap<string, number>) => {
    const weights = new Map<string, number>();
    let squares = 0;
    for (const [term, count] of document) {
      const weight = (1 + Math.log(count)) * Math.log((1 + texts.length) / (seen.get(term) ?? 0.5));
      weights.set(term, weight);
      squares += weight * weight;
    }
    return { weights, length: Math.sqrt(squares) };
  };
  const weighed = documents.map(weigh);
  return queries.map((text) => {
    const query = weigh(counts(terms(text)));
    return Float64Array.from(weighed, (document) => {
      let product = 0;
      for (const [term, weight] of query.weights) product += weight * (document.weights.get(term) ?? 0);
      return product / (query.length * document.length) || 0;
    });
  });
}

function counts(terms: readonly string[]): Map<string, number> {
  const result = new Map<string, number>();
  for (const term of terms) result.set(term, (result.get(term) ?? 0) + 1);
  return result;
}

/** FNV-1a over the letters. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193) >>> 0;
  return (hash ^ (hash >>> 15)) >>> 0;
}
