import { sha256 } from '@noble/hashes/sha2.js';
import type { Placement } from '../../../../attribution/clusters/types.ts';
import { lex, tokenBytes, WORD } from '../../../../attribution/lexer/lexer.ts';
import { utf8 } from '../builders.ts';

/** The rule of docs/clusters.md as it is said: big integers, sets of words, every founder looked at. The judge. */

export interface OracleRecord {
  orderKey: number;
  text: string;
}

const number = (bytes: Uint8Array): bigint => bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);

/** Word sequences, joined by spaces. */
export function oracleShingles(text: string): Set<string> {
  const bytes = utf8(text);
  const tokens = lex(bytes);
  const words: string[] = [];
  for (let i = 0; i < tokens.length; i++)
    if (tokens.kinds[i] === WORD) words.push(new TextDecoder().decode(tokenBytes(bytes, tokens, i)));
  if (words.length === 0) return new Set();
  if (words.length < 5) return new Set([words.join(' ')]);
  return new Set(words.slice(4).map((_, i) => words.slice(i, i + 5).join(' ')));
}

export function oracleJaccardReaches(a: Set<string>, b: Set<string>): boolean {
  const shared = [...a].filter((shingle) => b.has(shingle)).length;
  const union = new Set([...a, ...b]).size;
  return union > 0 && 10 * shared >= 8 * union;
}

const MASK = 0xffffffffn;
const functions = Array.from({ length: 128 }, (_, j) => {
  const digest = sha256(Uint8Array.of(...utf8('OL/minhash/v1'), j));
  return { factor: number(digest.slice(0, 4)) | 1n, summand: number(digest.slice(4, 8)) };
});

function oracleHash(j: number, x: bigint): bigint {
  const { factor, summand } = functions[j]!;
  let h = (x * factor + summand) & MASK;
  h = ((h ^ (h >> 16n)) * 0x85ebca6bn) & MASK;
  h = ((h ^ (h >> 13n)) * 0xc2b2ae35n) & MASK;
  return h ^ (h >> 16n);
}

/** Values of all functions for one shingle; the same shingles come again and again. */
const hashes = new Map<string, bigint[]>();

function hashesOf(shingle: string): bigint[] {
  let values = hashes.get(shingle);
  if (values === undefined) {
    const x = number(sha256(utf8(shingle)).slice(0, 4));
    values = functions.map((_, j) => oracleHash(j, x));
    hashes.set(shingle, values);
  }
  return values;
}

export function oracleBandKeys(shingles: Set<string>): bigint[] {
  const values = [...shingles].map(hashesOf);
  return Array.from({ length: 16 }, (_, band) => {
    const block = [band];
    for (let row = 0; row < 8; row++) {
      const [least = 0n] = values.map((each) => each[band * 8 + row]!).sort((a, b) => (a < b ? -1 : 1));
      for (const shift of [24n, 16n, 8n, 0n]) block.push(Number((least >> shift) & 255n));
    }
    return number(sha256(Uint8Array.from(block)).slice(0, 4));
  });
}

export function oraclePlacements(records: readonly OracleRecord[]): Placement[] {
  const founders: { orderKey: number; shingles: Set<string>; keys: bigint[] }[] = [];
  return records.map(({ orderKey, text }) => {
    const shingles = oracleShingles(text);
    const keys = shingles.size === 0 ? [] : oracleBandKeys(shingles);
    const [first] = founders
      .filter((founder) => keys.some((key, band) => founder.keys[band] === key))
      .filter((founder) => oracleJaccardReaches(shingles, founder.shingles))
      .sort((a, b) => a.orderKey - b.orderKey);
    if (first !== undefined) return { kind: 'joined', founder: first.orderKey };
    founders.push({ orderKey, shingles, keys });
    return { kind: 'founded', founder: orderKey };
  });
}
