import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  attributeTokens,
  buildTokenIndex,
  createCorpus,
  DEFAULT_TOKEN_ATTRIBUTION_PARAMS,
  packOrderKey,
} from '../../../attribution/api.ts';
import { createRecordJudge } from '../../../attribution/approval/judge.ts';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import { openArtifactStore } from '../../../node/artifacts/store.ts';
import type { ArtifactErrorCode, ArtifactStore } from '../../../node/artifacts/types.ts';
import { keccakHex } from '../../../state/modules/hash.ts';

/**
 * Contributions made to hurt. Stated bounds: a refusal takes at most a second of processor time and 64 MiB beside the
 * bytes themselves; what the limits allow takes at most half a minute and 512 MiB from upload to attribution.
 */
const REFUSAL = { milliseconds: 1000, bytes: 64 << 20 };
const ACCEPTANCE = { milliseconds: 30_000, bytes: 512 << 20 };
const MIB = 1 << 20;

const { maxBytes, maxRecordBytes, maxRecords } = DEFAULT_PARAMS.contribution;
const LIMITS = {
  maxBytes,
  maxLeafBytes: maxRecordBytes,
  maxLeaves: maxRecords,
  utf8: true,
};
const utf8 = (text: string) => new TextEncoder().encode(text);
const filled = (length: number, byte: number) => new Uint8Array(length).fill(byte);

let dir: string;
let store: ArtifactStore;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hostile-records-'));
  store = openArtifactStore({ dataDir: dir, log: () => undefined, limits: {} });
});
afterAll(async () => {
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

interface Spent {
  milliseconds: number;
  bytes: number;
}

async function spentBy(work: () => unknown): Promise<Spent> {
  const memory = () => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  const before = memory();
  const started = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(started);
  return { milliseconds: (user + system) / 1000, bytes: memory() - before };
}

function expectWithin(spent: Spent, bound: Spent): void {
  expect(spent.milliseconds).toBeLessThan(bound.milliseconds);
  expect(spent.bytes).toBeLessThan(bound.bytes);
}

/** As an upload comes: never all of it in memory. */
async function* stream(count: number, make: (i: number) => Uint8Array) {
  for (let i = 0; i < count; i++) yield make(i);
}

describe('A contribution that breaks a limit is refused while it arrives', () => {
  const cases: [string, ArtifactErrorCode, () => AsyncIterable<Uint8Array>][] = [
    ['5 MiB of one character in one record', 'LEAF_TOO_LARGE', () => stream(1, () => filled(5 * MIB, 0x61))],
    ['millions of tiny records', 'TOO_MANY_LEAVES', () => stream(5_000_000, (i) => utf8(`r${i}`))],
    ['millions of empty records', 'LEAF_EMPTY', () => stream(5_000_000, () => new Uint8Array())],
    ['endless records of full size', 'ARTIFACT_TOO_LARGE', () => stream(1_000_000, () => filled(MIB, 0x61))],
    ['a megabyte of stray continuation bytes', 'INVALID_UTF8', () => stream(1, () => filled(MIB, 0x80))],
    [
      'a code point cut at the end of a megabyte',
      'INVALID_UTF8',
      () =>
        stream(1, () => {
          const record = filled(MIB, 0x61);
          record[MIB - 1] = 0xe4;
          return record;
        }),
    ],
    [
      'surrogates, too long forms and too large code points',
      'INVALID_UTF8',
      () => stream(1, () => Uint8Array.of(0xed, 0xa0, 0x80, 0xc0, 0xaf, 0xf4, 0x90, 0x80, 0x80)),
    ],
  ];
  for (const [name, code, leaves] of cases)
    it(`${name}: ${code}`, async () => {
      const spent = await spentBy(() =>
        expect(store.putStream(leaves(), LIMITS)).rejects.toMatchObject({ code }),
      );
      expectWithin(spent, REFUSAL);
      expect(readdirSync(join(dir, 'artifacts', 'tmp'))).toEqual([]);
    });

  it('other leaves than were promised: ROOT_MISMATCH', async () => {
    const promised = await store.putStream([utf8('what the commit named')], LIMITS);
    const others = stream(maxRecords, (i) => utf8(`record ${i}`));
    const spent = await spentBy(() =>
      expect(store.putStream(others, LIMITS, promised)).rejects.toMatchObject({ code: 'ROOT_MISMATCH' }),
    );
    expectWithin(spent, REFUSAL);
  });
});

describe('A contribution that uses the limits up costs a bounded time from upload to attribution', () => {
  const cases: [string, number, (i: number) => Uint8Array][] = [
    ['five records of a megabyte of one character', 5, (i) => filled(MIB - i, 0x61)],
    ['two records of a megabyte of punctuation', 2, (i) => filled(MIB - i, 0x2e)],
    ['two records of a megabyte of white space', 2, (i) => filled(MIB - i, 0x20)],
    ['two records of a megabyte of one ideograph', 2, (i) => utf8('語'.repeat(Math.floor(MIB / 3) - i))],
    [
      'as many records as there may be, of one character',
      maxRecords,
      (i) => utf8(String.fromCodePoint(0x4e00 + i)),
    ],
    [
      'as many records as there may be, all the same',
      maxRecords,
      () => utf8('the same words again and again'),
    ],
  ];
  for (const [name, count, make] of cases)
    it(name, async () => {
      const leaves = Array.from({ length: count }, (_, i) => make(i));
      const contributor = `0x${'11'.repeat(20)}`;
      const spent = await spentBy(async () => {
        const root = await store.putStream(leaves, LIMITS);
        const records = store.read(root);
        const verdicts = createRecordJudge().judge({
          commitSequence: 1,
          records: records.map((text) => ({ hash: keccakHex(text), text })),
        });
        expect(verdicts.length).toBe(count);
        const index = buildTokenIndex(
          createCorpus(
            records.map((bytes, recordIndex) => ({
              orderKey: packOrderKey(1, recordIndex),
              contributor,
              dataNetId: 1,
              contributionId: 1,
              recordIndex,
              bytes,
            })),
          ),
        );
        const { credits, uncovered } = attributeTokens({
          index,
          output: (records[0] as Uint8Array).subarray(0, 900),
          prompt: utf8('why?'),
          commons: new Set(),
          ineligible: new Set(),
          params: DEFAULT_TOKEN_ATTRIBUTION_PARAMS,
        });
        // A text of one symbol says nothing: no window of it has the information that a credit takes.
        expect([credits, uncovered]).toEqual([[], 1_000_000_000]);
      });
      expectWithin(spent, ACCEPTANCE);
    });
});
