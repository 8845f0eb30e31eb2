/** Corpora and answers drawn from a seed: random ones, and those on which indexes break. */
import type { CorpusRecord } from '../../../attribution/api.ts';

/** Records in the order in which they were approved, cut into batches; keys are in no order. */
export interface TokenCase {
  readonly seed: number;
  readonly kind: string;
  readonly batches: readonly (readonly CorpusRecord[])[];
  readonly output: Uint8Array;
  readonly prompt: Uint8Array;
}

/** Draws integers from 0 to limit - 1. */
export type Draw = (limit: number) => number;

/** A 32-bit generator by Weyl sequence and multiplications (splitmix). */
export function createDraw(seed: number): Draw {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return Math.floor((((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32) * limit);
  };
}

const encoder = new TextEncoder();
const pick = <T>(draw: Draw, list: readonly T[]): T => list[draw(list.length)]!;
const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

/** Characters at the borders of the lexer's classes and of the lengths of UTF-8 sequences. */
const EDGES = [
  'a',
  'Z',
  'z',
  '\u007f',
  '\u0080',
  '\u07ff',
  '\u0800',
  '\ud7ff',
  '\ue000',
  '\uffff',
  '\u{10000}',
  '\u{10ffff}',
].concat([
  'é',
  'É',
  '猫',
  'の',
  'ก',
  '。',
  '¿',
  '\u00a0',
  '\u200b',
  '\u3000',
  '_',
  '-',
  '0',
  '\t',
  '\n\n\n',
  ' '.repeat(20),
]);
/** What is not UTF-8: a lone continuation, an overlong form, a surrogate, a cut sequence, a value too large. */
const BROKEN = [[0x80], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0x61, 0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]];

function fibonacciWord(length: number, [a, b]: readonly [string, string]): string[] {
  let [before, word] = [[a], [a, b]];
  while (word.length < length) [before, word] = [word, [...word, ...before]];
  return word.slice(0, length);
}

/** Texts of each kind; `draw` gives sizes and words. */
const KINDS: Readonly<Record<string, (draw: Draw) => string[]>> = {
  'all equal': (draw) => times(1 + draw(6), () => times(draw(40), () => 'a').join(' ')),
  Fibonacci: (draw) =>
    times(1 + draw(4), () => fibonacciWord(draw(60), ['a', pick(draw, ['b', ','])]).join(' ')),
  periodic: (draw) => {
    const period = times(1 + draw(4), () => pick(draw, ['a', 'b', 'c', '.']));
    return times(1 + draw(5), () => times(draw(40), (i) => period[i % period.length]!).join(' '));
  },
  'one token': (draw) => times(1 + draw(12), () => pick(draw, ['a', 'A', 'b', '', ' ', '.'])),
  'empty records': (draw) => times(draw(10), () => pick(draw, ['', ' ', '\n', '\t\t', 'a', 'a b a b'])),
  'unicode edges': (draw) => times(1 + draw(6), () => times(draw(14), () => pick(draw, EDGES)).join('')),
  'few words': (draw) => {
    const words = ['a', 'b', 'c', 'd', ','].slice(0, 2 + draw(4));
    return times(draw(20), () => times(draw(24), () => pick(draw, words)).join(' '));
  },
  'many words': (draw) =>
    times(1 + draw(12), () =>
      times(draw(60), () => `w${Math.floor(40 / (1 + draw(40)))}`).join(pick(draw, [' ', '  ', '\n    '])),
    ),
  'prefixes of one text': (draw) => {
    const text = times(30, () => pick(draw, ['a', 'b', 'c']));
    return times(1 + draw(10), () => text.slice(0, draw(31)).join(' '));
  },
};
const KIND_NAMES = Object.keys(KINDS);

/** The case of a seed: its kind is the seed modulo their number, so that any run of seeds has all of them. */
export function tokenCase(seed: number): TokenCase {
  const draw = createDraw(seed);
  const kind = KIND_NAMES[seed % KIND_NAMES.length]!;
  const texts: Uint8Array[] = KINDS[kind]!(draw).map((text) => encoder.encode(text));
  if (draw(4) === 0) texts.push(Uint8Array.from(pick(draw, BROKEN)));
  // Copies under other names and keys, before and after the original.
  for (let copies = draw(2) === 0 ? draw(5) : 0; copies > 0 && texts.length > 0; copies--)
    texts.push(pick(draw, texts));
  const keys = shuffled(
    draw,
    times(texts.length, (i) => 3 * i),
  );
  const records = texts.map((bytes, i): CorpusRecord => {
    const contributor = 1 + draw(4);
    return {
      orderKey: keys[i]!,
      contributor: `0x${contributor.toString(16).padStart(40, '0')}`,
      dataNetId: 1 + draw(3),
      contributionId: Math.floor(i / 3),
      recordIndex: i % 3,
      bytes,
    };
  });
  const order = shuffled(draw, records);
  // A record that two snapshots pin.
  if (order.length > 0 && draw(4) === 0) order.push({ ...pick(draw, order) });
  const batches: CorpusRecord[][] = times(1 + draw(5), () => []);
  for (const [i, record] of order.entries())
    batches[Math.floor((i * batches.length) / order.length)]!.push(record);
  return { seed, kind, batches, output: answerOf(draw, order, 16), prompt: answerOf(draw, order, 4) };
}

/** Pieces of records, cut at characters, and something of its own. */
function answerOf(draw: Draw, records: readonly CorpusRecord[], tokens: number): Uint8Array {
  const pieces: string[] = [];
  for (let i = 0; i < 1 + draw(3); i++) {
    const { bytes } = records.length === 0 ? { bytes: encoder.encode('a b') } : pick(draw, records);
    const characters = [...new TextDecoder().decode(bytes)].filter((character) => character !== '\ufffd');
    const from = draw(characters.length + 1);
    pieces.push(characters.slice(from, from + draw(2 * tokens)).join(''));
    if (draw(3) === 0) pieces.push(pick(draw, ['new', '!', 'a', 'B']));
  }
  return encoder.encode(pieces.join(' ').slice(0, 3 * tokens));
}

function shuffled<T>(draw: Draw, list: readonly T[]): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = draw(i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
