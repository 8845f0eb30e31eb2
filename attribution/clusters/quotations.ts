/**
 * What is quoted from earlier texts: runs of NOVELTY_WINDOW tokens that one of them has (docs/clusters.md §5). A run is
 * known by a name of 53 bits, and remembered once however often it stands there.
 */
import { foldByte, lexInto, TokenBuffer } from '../lexer/lexer.ts';
import { MAX_QUOTABLE_RUNS, MAX_RECORD_TOKENS, NOVELTY_WINDOW } from './limits.ts';
import { mix } from './min-hash.ts';

/** The runs of a text, by their first tokens: whole numbers below 2⁵³. */
export interface TextRuns {
  readonly tokens: number;
  /** One for each of its first tokens − window + 1 tokens. */
  readonly names: Float64Array;
}

const TWO_21 = 2097152;
/** Of the two sums: where a token's hash begins, what it is multiplied by for each byte, and the base of the sum. */
const START = [0x811c9dc5 | 0, 0x2c1b3c6d] as const;
const PRIME = [0x01000193, 0x9e3779b1 | 0] as const;
const BASE = [0x2545f491, 0x85ebca77 | 0] as const;

/**
 * Names of the runs (docs/clusters.md §5): two polynomials over the hashes of the tokens, modulo 2³², mixed. They move on
 * from one token to the next, so a run costs no more than its last token. Whoever finds two runs of one name can make his
 * own text look quoted, and nothing else.
 * @throws InvalidUtf8; AttributionError 'TooManyTokens' above MAX_RECORD_TOKENS.
 */
export function runsOf(text: Uint8Array, window: number = NOVELTY_WINDOW): TextRuns {
  const tokens = new TokenBuffer();
  lexInto(tokens, text, MAX_RECORD_TOKENS);
  const { length } = tokens;
  const names = new Float64Array(Math.max(0, length - window + 1));
  const first = new Int32Array(length);
  const second = new Int32Array(length);
  const [firstOut, secondOut] = [power(BASE[0], window), power(BASE[1], window)];
  let [a, b] = [0, 0];
  for (let i = 0; i < length; i++) {
    let [x, y]: [number, number] = [START[0], START[1]];
    for (let at = tokens.starts[i]!; at < tokens.ends[i]!; at++) {
      const byte = foldByte(text[at]!);
      x = Math.imul(x ^ byte, PRIME[0]);
      y = Math.imul(y ^ byte, PRIME[1]);
    }
    first[i] = mix(x);
    second[i] = mix(y);
    a = (Math.imul(a, BASE[0]) + first[i]!) | 0;
    b = (Math.imul(b, BASE[1]) + second[i]!) | 0;
    const from = i - window;
    if (from >= 0) {
      a = (a - Math.imul(first[from]!, firstOut)) | 0;
      b = (b - Math.imul(second[from]!, secondOut)) | 0;
    }
    if (from < -1) continue;
    const high = mix(a ^ mix(b));
    names[from + 1] = high * TWO_21 + (mix(b + high) >>> 11);
  }
  return { tokens: length, names };
}

function power(base: number, exponent: number): number {
  let result = 1;
  for (let i = 0; i < exponent; i++) result = Math.imul(result, base);
  return result;
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
