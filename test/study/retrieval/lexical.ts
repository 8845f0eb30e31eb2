/** Lexical baselines of our own, as a search engine has them: BM25, and cosines of TF-IDF vectors over two alphabets. */

/** Scores of all passages for a query; a higher one is a better answer. */
export type Ranker = (query: string) => ArrayLike<number>;

/** Builds a ranker of some passages. */
export type RankerMaker = (passages: readonly string[]) => Ranker;

const K1 = 1.2;
const B = 0.75;

export const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** 3- and 4-grams of <word>. */
export const grams = (text: string): string[] =>
  words(text).flatMap((word) => {
    const marked = `<${word}>`;
    const found: string[] = [];
    for (const n of [3, 4]) for (let i = 0; i + n <= marked.length; i++) found.push(marked.slice(i, i + n));
    return found;
  });

/** Robertson's BM25 with k₁ = 1.2, b = 0.75 and an idf that is never negative. */
export function bm25(split: (text: string) => string[]): RankerMaker {
  return (passages) => {
    const { postings, lengths } = index(passages, split);
    const mean = lengths.reduce((a, b) => a + b, 0) / lengths.length;
    return (query) => {
      const scores = new Float64Array(passages.length);
      for (const term of new Set(split(query))) {
        const list = postings.get(term);
        if (list === undefined) continue;
        const idf = Math.log(1 + (passages.length - list.length + 0.5) / (list.length + 0.5));
        for (const { passage, count } of list) {
          const norm = K1 * (1 - B + (B * lengths[passage]!) / mean);
          scores[passage]! += (idf * count * (K1 + 1)) / (count + norm);
        }
      }
      return scores;
    };
  };
}

/** Cosine of (1 + ln count)·ln(N/df) vectors. */
export function tfIdf(split: (text: string) => string[]): RankerMaker {
  return (passages) => {
    const { postings } = index(passages, split);
    const idf = (term: string) => Math.log(passages.length / (postings.get(term)?.length ?? 1));
    const squares = new Float64Array(passages.length);
    for (const [term, list] of postings)
      for (const { passage, count } of list) squares[passage]! += ((1 + Math.log(count)) * idf(term)) ** 2;
    return (query) => {
      const scores = new Float64Array(passages.length);
      for (const [term, count] of counts(split(query)))
        for (const { passage, count: there } of postings.get(term) ?? [])
          scores[passage]! += (1 + Math.log(count)) * (1 + Math.log(there)) * idf(term) ** 2;
      return scores.map((score, i) => (score === 0 ? 0 : score / Math.sqrt(squares[i]!)));
    };
  };
}

function index(passages: readonly string[], split: (text: string) => string[]) {
  const postings = new Map<string, { passage: number; count: number }[]>();
  const lengths = passages.map((text, passage) => {
    const terms = split(text);
    for (const [term, count] of counts(terms)) {
      const list = postings.get(term);
      if (list === undefined) postings.set(term, [{ passage, count }]);
      else list.push({ passage, count });
    }
    return terms.length;
  });
  return { postings, lengths };
}

function counts(terms: readonly string[]): Map<string, number> {
  const result = new Map<string, number>();
  for (const term of terms) result.set(term, (result.get(term) ?? 0) + 1);
  return result;
}
