import { keccak_256 } from '@noble/hashes/sha3.js';
import { describe, expect, it } from 'vitest';
import { type CorpusRecord, createCorpus, packOrderKey } from '../../../attribution/corpus/corpus.ts';
import { attributionRecord, attributionRecordHash } from '../../../attribution/credit/attribution-record.ts';
import { buildTokenIndex } from '../../../attribution/index/token-index.ts';
import { attributeTokens } from '../../../attribution/token/attribute.ts';
import { DEFAULT_TOKEN_ATTRIBUTION_PARAMS } from '../../../attribution/token/types.ts';
import { loadBrownCorpus } from '../../../node/datasets/brown.ts';
import { address, utf8 } from './builders.ts';

/** A generator of its own, so that nothing but attribution can change what is frozen. */
function createDraw(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** 120 documents of the Brown corpus in records of 50 words, committed in a drawn order; every tenth record is copied. */
function frozenRecords(draw: (limit: number) => number): CorpusRecord[] {
  const records: CorpusRecord[] = [];
  loadBrownCorpus()
    .slice(0, 120)
    .forEach(({ text }, document) => {
      const words = text.split(/\s+/);
      const commit = draw(100_000) * 1000 + document;
      for (let at = 0, recordIndex = 0; at < words.length; at += 50, recordIndex++)
        records.push({
          orderKey: packOrderKey(commit, recordIndex),
          contributor: address(1 + (document % 17)),
          dataNetId: 1 + (document % 3),
          contributionId: document,
          recordIndex,
          bytes: utf8(words.slice(at, at + 50).join(' ')),
        });
    });
  const copies = records
    .filter((_, i) => i % 10 === 0)
    .map((record, i) => ({
      ...record,
      orderKey: packOrderKey(draw(100_000) * 1000 + 500, i % 65_536),
      contributor: address(99),
      contributionId: 1000 + i,
    }));
  const keys = new Set(records.map((record) => record.orderKey));
  return [...records, ...copies.filter((copy) => !keys.has(copy.orderKey))];
}

/** Pieces of records with a changed word here and there. */
function frozenAnswer(records: readonly CorpusRecord[], draw: (limit: number) => number): string {
  const pieces: string[] = [];
  for (let i = 0; i < 12; i++) {
    const words = new TextDecoder().decode(records[draw(records.length)]!.bytes).split(' ');
    const from = draw(words.length);
    const piece = words.slice(from, from + 3 + draw(30));
    if (draw(2) === 0) piece[draw(piece.length)] = 'something';
    pieces.push(piece.join(' '));
  }
  return pieces.join(draw(2) === 0 ? ' ' : ', ');
}

describe('what attribution says of frozen texts', () => {
  it('C1: stays the same to the bit, however the index is built', () => {
    const draw = createDraw(20_260_118);
    const records = frozenRecords(draw);
    const index = buildTokenIndex(createCorpus(records));
    const settled: string[] = [];
    const shown: string[] = [];
    for (let answer = 0; answer < 60; answer++) {
      const output = utf8(frozenAnswer(records, draw));
      const result = attributeTokens({
        index,
        commons: new Set(answer % 2 === 0 ? [3] : []),
        ineligible: new Set([address(1 + (answer % 17))]),
        output,
        prompt: utf8(frozenAnswer(records, draw).slice(0, 40)),
        params: {
          ...DEFAULT_TOKEN_ATTRIBUTION_PARAMS,
          sminQ16: (16 + (answer % 3) * 8) << 16,
          recordCapPermille: 400,
        },
      });
      const requestHash = `0x${answer.toString(16).padStart(64, '0')}`;
      settled.push(attributionRecordHash(attributionRecord(requestHash, output, result)));
      // Which of several equal places in the owner's record is shown is not frozen.
      const spans = result.spans.map(({ recordByte, matchStartToken, matchLength, count, ...span }) => span);
      shown.push(JSON.stringify({ ...result, spans }));
    }
    const digest = (lines: readonly string[]) =>
      Buffer.from(keccak_256(utf8(lines.join('\n')))).toString('hex');
    expect(digest(settled)).toBe('c37dbdc7f568260461216800a1b510ea5128672d95bb879cc168f8849e4cb0ff');
    expect(digest(shown)).toBe('bb3760cdbfe6a86c189ec8bb3f3170bd15788f2855b528cd53aa717ea3116284');
  });
});
