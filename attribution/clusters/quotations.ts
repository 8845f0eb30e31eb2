/**
 * What is quoted from earlier texts: runs of NOVELTY_WINDOW tokens that one of them has (docs/clusters.md §5). A run is
 * known by 53 bits of its SHA-256, as shingles are, and remembered once however often it stands there.
 */
import { foldByte, lexInto, TokenBuffer } from '../lexer/lexer.ts';
import { sha256 } from '../proofs/sha256.ts';
import { MAX_QUOTABLE_RUNS, MAX_RECORD_TOKENS, NOVELTY_WINDOW } from './limits.ts';

/** The runs of a text, by their first tokens: whole numbers below 2⁵³. */
export interface TextRuns {
  readonly tokens: number;
  /** One for each of its first tokens − window + 1 tokens. */
  readonly names: Float64Array;
}

/** Ends a token inside a run; no token has it unless it is all of it. */
const END = 0x00;
const TWO_21 = 2097152;

/**
 * The run from token i on is named by the first 53 bits of SHA-256(its tokens, ASCII capitals folded, a 00 behind each).
 * Time: a hash a token, of `window` tokens.
 * @throws InvalidUtf8; AttributionError 'TooManyTokens' above MAX_RECORD_TOKENS.
 */
export function runsOf(text: Uint8Array, window: number = NOVELTY_WINDOW): TextRuns {
  const tokens = new TokenBuffer();
  lexInto(tokens, text, MAX_RECORD_TOKENS);
  const { length } = tokens;
  const bytes = new Uint8Array(text.length + length);
  const ends = new Uint32Array(length + 1);
  let at = 0;
  for (let i = 0; i < length; i++) {
    for (let from = tokens.starts[i]!; from < tokens.ends[i]!; from++) bytes[at++] = foldByte(text[from]!);
    bytes[at++] = END;
    ends[i + 1] = at;
  }
  const names = new Float64Array(Math.max(0, length - window + 1));
  for (let i = 0; i < names.length; i++) {
    const digest = sha256(bytes.subarray(ends[i]!, ends[i + window]!));
    const view = new DataView(digest.buffer);
    names[i] = view.getUint32(0) * TWO_21 + (view.getUint32(4) >>> 11);
  }
  return { tokens: length, names };
}

/** Runs of earlier texts. */
export interface QuotableRuns {
  readonly size: number;
  /** Beyond MAX_QUOTABLE_RUNS it remembers no more: what later texts quote of them counts as new. */
  add(runs: TextRuns): void;
  /** Tokens of a text that stand in no run that an earlier text has. */
  countUnquoted(runs: TextRuns): number;
}

export function createQuotableRuns(window: number = NOVELTY_WINDOW): QuotableRuns {
  /** Open addressing: a name and one, or zero for a free place; at most three quarters are taken. */
  let places = new Float64Array(1024);
  let size = 0;

  /** Where a name is, or would be put. The names are hashes already. */
  const find = (name: number): number => {
    const mask = places.length - 1;
    let place = Math.floor(name / TWO_21) & mask;
    while (places[place] !== 0 && places[place] !== name + 1) place = (place + 1) & mask;
    return place;
  };
  const grow = (): void => {
    const before = places;
    places = new Float64Array(2 * before.length);
    for (const kept of before) if (kept !== 0) places[find(kept - 1)] = kept;
  };

  return {
    get size() {
      return size;
    },
    add({ names }) {
      for (const name of names) {
        const place = find(name);
        if (places[place] !== 0) continue;
        if (size === MAX_QUOTABLE_RUNS) return;
        places[place] = name + 1;
        size++;
        if (4 * size >= 3 * places.length) grow();
      }
    },
    countUnquoted({ tokens, names }) {
      let quoted = 0;
      // End of the quoted tokens so far.
      let reached = 0;
      names.forEach((name, start) => {
        if (places[find(name)] === 0) return;
        quoted += start + window - Math.max(start, reached);
        reached = start + window;
      });
      return tokens - quoted;
    },
  };
}
