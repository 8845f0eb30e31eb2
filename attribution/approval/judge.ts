/**
 * Which records of a contribution are new to a DataNet, and what they bring (docs/clusters.md, "Approval"). The answer
 * depends on the contributions that were approved before and on their order, on nothing else.
 */
import { createClusterBook, createQuotableRuns, runsOf, type TextRuns } from '../clusters/api.ts';
import { packOrderKey } from '../corpus/corpus.ts';
import { AttributionError } from '../errors.ts';
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
  | { readonly accepted: false; readonly tokens: number }
  | {
      readonly accepted: true;
      /** Order key of its cluster's founder; its own for a record that is like none before it. */
      readonly founder: number;
      readonly bytes: number;
      readonly tokens: number;
      /** Tokens that it does not quote from earlier contributions (docs/clusters.md, "Novelty"). */
      readonly unquotedTokens: number;
    };

/** What one DataNet holds, as far as judging needs it. */
export interface RecordJudge {
  /**
   * Judges the next contribution in the order of approval, and remembers it. Takes a few µs a token (`bench -- clusters`).
   * @throws InvalidUtf8 for a record that no reveal would have passed; the judge is of no use then
   */
  judge(contribution: JudgedContribution): RecordVerdict[];
}

export function createRecordJudge(): RecordJudge {
  /** Lowest order key under which accepted bytes stand. */
  const lowest = new Map<string, number>();
  const book = createClusterBook();
  /** Of accepted records of earlier contributions. */
  const quotable = createQuotableRuns();

  /** @param own gets the runs of what is accepted: a contribution does not quote itself */
  function judgeRecord({ hash, text }: JudgedRecord, orderKey: number, own: TextRuns[]): RecordVerdict {
    // B4: the same bytes under a lower key, from an earlier approval or from before it in its own contribution.
    const known = lowest.get(hash);
    const isCopy = known !== undefined && known < orderKey;
    const founder = isCopy ? undefined : clusterOf(orderKey, text);
    if (founder === undefined) return { accepted: false, tokens: lex(text).length };
    lowest.set(hash, orderKey);
    const runs = runsOf(text);
    own.push(runs);
    const unquotedTokens = quotable.countUnquoted(runs);
    return { accepted: true, founder, bytes: text.length, tokens: runs.tokens, unquotedTokens };
  }

  /** D1. Undefined for a record that can have no cluster: in a crowd, or beyond what one DataNet may hold. */
  function clusterOf(orderKey: number, text: Uint8Array): number | undefined {
    try {
      const placement = book.add({ orderKey, text });
      return placement.kind === 'crowded' ? undefined : placement.founder;
    } catch (error) {
      const isTooMuch =
        error instanceof AttributionError &&
        (error.code === 'CorpusTooLarge' || error.code === 'TooManyTokens');
      if (isTooMuch) return undefined;
      throw error;
    }
  }

  return {
    judge({ commitSequence, records }) {
      const own: TextRuns[] = [];
      const verdicts = records.map((record, index) =>
        judgeRecord(record, packOrderKey(commitSequence, index), own),
      );
      for (const runs of own) quotable.add(runs);
      return verdicts;
    },
  };
}
