import { buildTokenIndex, continueText, createCorpus } from '../../../attribution/api.ts';
import { type Reader, type StudyRecord, toCorpusRecords } from './corpus.ts';

/** An answer whose sources are known, since the model draws each token from a record. */
export interface Answer {
  readonly bytes: Uint8Array;
  readonly ids: Int32Array;
  /** Contributor whose record supplied each token. */
  readonly sources: readonly number[];
}

const PROMPT = new TextEncoder().encode('The');

/** Answers of the continuation model over these records (docs/attribution.md, section 8). */
export function answersOf(
  reader: Reader,
  records: readonly StudyRecord[],
  options: { readonly count: number; readonly tokens: number; readonly seed: number },
): Answer[] {
  const ordered = [...records].sort((a, b) => a.order - b.order);
  const corpus = createCorpus(toCorpusRecords(ordered));
  const index = buildTokenIndex(corpus);
  return Array.from({ length: options.count }, (_, i) => {
    const seed = new TextEncoder().encode(`credit study ${options.seed}/${i}`);
    const { text, positions } = continueText({ index, prompt: PROMPT, seed, maxTokens: options.tokens });
    const sources = positions.map((position) => {
      const { contributionId } = corpus.records[index.recordOf(position)]!;
      return ordered[contributionId - 1]!.contributor;
    });
    return { bytes: text, ids: reader.read(text), sources };
  });
}
