/**
 * Which records of a contribution are new to a DataNet, and what they bring (docs/attribution.md, "Approval"). The
 * answer depends on the contributions that were approved before and on their order, on nothing else.
 */
import { packOrderKey } from '../corpus/corpus.ts';
import { lex } from '../lexer/lexer.ts';

export interface JudgedRecord {
  /** SHA-256 of its bytes, hex: equal bytes are an exact duplicate. */
  readonly hash: string;
  /** UTF-8. */
  readonly text: Uint8Array;
}

export interface JudgedContribution {
  /** Chain-wide number of its commit: its records' order keys begin there. */
  readonly commitSequence: number;
  readonly records: readonly JudgedRecord[];
}

/** What is decided about one record. */
export type RecordVerdict =
  | { readonly accepted: false }
  /** `founder`: order key of its cluster's founder; its own for a record that is like none before it. */
  | {
      readonly accepted: true;
      readonly founder: number;
      readonly bytes: number;
      readonly tokens: number;
    };

/** What one DataNet holds, as far as judging needs it. */
export interface RecordJudge {
  /**
   * Judges the next contribution in the order of approval, and remembers it.
   * @throws InvalidUtf8 for a record that no reveal would have passed
   */
  judge(contribution: JudgedContribution): RecordVerdict[];
}

export function createRecordJudge(): RecordJudge {
  /** Lowest order key under which these bytes stand. */
  const lowest = new Map<string, number>();

  /** B4: refused if the same bytes stand under a lower key, be it in an earlier approval or before it in its own. */
  function isNew(hash: string, key: number): boolean {
    const known = lowest.get(hash);
    if (known !== undefined && known < key) return false;
    lowest.set(hash, key);
    return true;
  }

  return {
    judge: ({ commitSequence, records }) =>
      records.map(({ hash, text }, index): RecordVerdict => {
        const key = packOrderKey(commitSequence, index);
        if (!isNew(hash, key)) return { accepted: false };
        return { accepted: true, founder: key, bytes: text.length, tokens: lex(text).length };
      }),
  };
}
