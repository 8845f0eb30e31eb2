import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeText, readEncoder } from '../../../attribution/retrieval/api.ts';
import { DEFAULT_RETRIEVAL_PARAMS } from '../../../attribution/retrieval/types.ts';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import { artifactPath, encodeTrailer, rootText } from '../../../node/artifacts/file.ts';
import { leafHash } from '../../../node/artifacts/merkle.ts';
import type {
  PinnedContribution,
  RetrievalJob,
  RetrievalResult,
} from '../../../node/attribution-pool/index.ts';
import { createAttributionPool } from '../../../node/attribution-pool/pool.ts';
import { type SnapshotInfo, UNFINISHED, type WorkerRequest } from '../../../node/attribution-pool/types.ts';
import { createWorkerCore } from '../../../node/attribution-pool/worker-core.ts';
import { EncoderMismatch, encoderFile, loadEncoder } from '../../../node/sentence-encoder/bundled.ts';
import { address, utf8 } from './builders.ts';
import { oracle } from './retrieval/oracle.ts';

const { encoderHash } = DEFAULT_PARAMS.retrieval;
const WORDS = ['harbour', 'storm', 'bread', 'oven', 'jury', 'verdict', 'river', 'bridge', 'winter', 'garden'];

let dataDir: string;
let segmentDir: string;
let warnings: string[];
/** How often the worker looked for other work while it made vectors. */
let slices = 0;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'openledger-vectors-'));
  segmentDir = join(dataDir, 'vectors');
  warnings = [];
});
afterEach(() => rmSync(dataDir, { recursive: true }));

/** Order keys as validators attest them, each record its own cluster unless told otherwise. */
function foundersOf(commitSequence: number, count: number, change: Record<number, number> = {}): Uint8Array {
  const founders = new Uint8Array(8 * count);
  const view = new DataView(founders.buffer);
  for (let i = 0; i < count; i++) view.setBigUint64(8 * i, BigInt(change[i] ?? commitSequence * 65_536 + i));
  return founders;
}

/** Writes an artifact as a node holds it. */
function contribution(
  commitSequence: number,
  texts: readonly (string | Uint8Array)[],
  change: Partial<PinnedContribution> = {},
): PinnedContribution {
  const leaves = texts.map((text) => (typeof text === 'string' ? utf8(text) : text));
  const root = rootText(leaves.map(leafHash));
  const path = artifactPath(dataDir, root);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.concat([...leaves, encodeTrailer(leaves.map(({ length }) => length))]));
  return {
    commitSequence,
    contributor: address(commitSequence),
    dataNetId: 1,
    contributionId: commitSequence,
    accepted: Uint8Array.from({ length: Math.ceil(texts.length / 8) }, (_, byte) =>
      Math.min(0xff, 2 ** (texts.length - 8 * byte) - 1),
    ),
    founders: foundersOf(commitSequence, texts.length),
    leaves: { kind: 'file', dataDir, root },
    ...change,
  };
}

const job = (prompt: string, change: Partial<RetrievalJob> = {}): RetrievalJob => ({
  snapshot: 'pins',
  requestHash: `0x${'ab'.repeat(32)}`,
  prompt: utf8(prompt),
  output: utf8('an answer'),
  params: DEFAULT_RETRIEVAL_PARAMS,
  commons: [],
  ineligible: [],
  ...change,
});

/** A worker as after a start of the node. */
function startWorker() {
  const handle = createWorkerCore({
    segmentDir,
    encoderHash,
    loadEncoder,
    warn: (message) => warnings.push(message),
  });
  const ask = (payload: object): unknown => {
    const response = handle({ id: 1, ...payload } as WorkerRequest);
    if (response.kind !== 'done') throw new Error(JSON.stringify(response));
    return response.value;
  };
  return {
    index(contributions: readonly PinnedContribution[], key = 'pins'): SnapshotInfo {
      ask({ kind: 'open', key });
      ask({ kind: 'add', key, contributions });
      for (;;) {
        const info = ask({ kind: 'build', key, purpose: 'retrieval' });
        if (info !== UNFINISHED) return info as SnapshotInfo;
        slices++;
      }
    },
    answer: (asked: RetrievalJob) => ask({ kind: 'retrieve', job: asked }) as RetrievalResult,
  };
}

/** Sentences of few words, so that many are alike. */
const sentences = (count: number, seed: number) =>
  Array.from({ length: count }, (_, i) =>
    [0, 1, 2, 3].map((k) => WORDS[(seed + i * (k + 1) * 7 + k * 3) % WORDS.length]).join(' '),
  );

describe('vectors of a snapshot', () => {
  it('give what brute force over the encoder gives, record by record', () => {
    const texts = [sentences(9, 1), sentences(7, 5), sentences(11, 8)];
    // The second record of the third repeats the first of the first, as validators attested.
    const contributions = texts.map((records, i) => contribution(i + 4, records));
    contributions[2] = { ...contributions[2]!, founders: foundersOf(6, 11, { 1: 4 * 65_536 }) };
    contributions[1] = { ...contributions[1]!, accepted: Uint8Array.of(0b1011101) };
    const worker = startWorker();
    expect(worker.index(contributions)).toMatchObject({ records: 25, duplicates: 1, load: 24 * 1024 });
    const encoder = readEncoder(encoderFile(encoderHash));
    const records = contributions.flatMap((one, n) =>
      texts[n]!.flatMap((text, recordIndex) => {
        if (((one.accepted![recordIndex >> 3]! >> (recordIndex & 7)) & 1) === 0) return [];
        const orderKey = one.commitSequence * 65_536 + recordIndex;
        const founder = n === 2 && recordIndex === 1 ? 4 * 65_536 : orderKey;
        const { contributor, dataNetId, contributionId } = one;
        const vector = encodeText(encoder, utf8(text));
        return [{ orderKey, founder, contributor, dataNetId, contributionId, recordIndex, vector }];
      }),
    );
    for (const prompt of [...sentences(5, 2), 'jury', 'nothing of that', '']) {
      const how = {
        params: DEFAULT_RETRIEVAL_PARAMS,
        commons: new Set([9]),
        ineligible: new Set([address(5)]),
      };
      const expected = oracle(records, encodeText(encoder, utf8(prompt)), how);
      const { citations, record } = worker.answer(job(prompt, { commons: [9], ineligible: [address(5)] }));
      expect(citations.map(({ orderKey, score }) => [orderKey, BigInt(score)])).toEqual(
        expected.citations.map(({ orderKey, score }) => [orderKey, score]),
      );
      expect(record.credits.map(({ credit }) => BigInt(credit))).toEqual(
        expected.credits.map(({ credit }) => credit),
      );
      expect(worker.answer(job(prompt)).outputTokens).toBe(2);
    }
  });

  it('are made once for each contribution, and again after damage, with the same result', () => {
    const contributions = [contribution(1, sentences(5, 1)), contribution(2, sentences(4, 3))];
    const first = startWorker();
    expect(first.index(contributions)).toMatchObject({ segments: 2, segmentsFound: 0 });
    const expected = first.answer(job('harbour storm'));
    const more = [...contributions, contribution(3, sentences(3, 6))];
    expect(startWorker().index(more)).toMatchObject({ segments: 3, segmentsFound: 2 });
    for (const name of readdirSync(segmentDir)) {
      const path = join(segmentDir, name);
      const bytes = readFileSync(path);
      bytes[bytes.length - 1]! ^= 1;
      writeFileSync(path, bytes);
    }
    const again = startWorker();
    expect(again.index(contributions)).toMatchObject({ segmentsFound: 0 });
    expect(again.answer(job('harbour storm'))).toEqual(expected);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/is damaged and is built again/);
    expect(startWorker().index(contributions)).toMatchObject({ segmentsFound: 2 });
  });

  it('are other ones if other records were accepted', () => {
    const texts = sentences(5, 1);
    startWorker().index([contribution(1, texts)]);
    const fewer = contribution(1, texts, { accepted: Uint8Array.of(0b10001) });
    expect(startWorker().index([fewer])).toMatchObject({ records: 2, segmentsFound: 0 });
  });

  it('leave out what the encoder does not read: nobody finds it, and every node goes on', () => {
    const long = new Uint8Array((1 << 20) + 1).fill(0x61);
    const worker = startWorker();
    const records = [long, Uint8Array.of(0xff, 0xfe), '...', 'harbour storm'];
    expect(worker.index([contribution(1, records)])).toMatchObject({ records: 4 });
    const all = { ...DEFAULT_RETRIEVAL_PARAMS, thresholdPermille: 0 };
    expect(
      worker.answer(job('harbour storm', { params: all })).citations.map(({ orderKey }) => orderKey),
    ).toEqual([65_536 + 3]);
  });

  it('are made in slices, between which answers that are waited for come in', async () => {
    const pool = createAttributionPool({
      purpose: 'retrieval',
      encoderHash,
      workerEntry: new URL('../../../dist/node/attribution-pool/worker.js', import.meta.url),
    });
    try {
      await pool.ensureSnapshot('small', () => [contribution(1, ['harbour storm'])]);
      const large = contribution(
        2,
        Array.from({ length: 400 }, (_, i) => `${sentences(60, i).join(' ')} ${i}`),
      );
      const order: string[] = [];
      const building = pool.ensureSnapshot('large', () => [large]).then(() => order.push('large'));
      await new Promise((resolve) => setImmediate(resolve));
      await pool.retrieve(job('storm', { snapshot: 'small' })).then(() => order.push('small'));
      await building;
      expect(order).toEqual(['small', 'large']);
      slices = 0;
      startWorker().index([large]);
      expect(slices).toBeGreaterThan(5);
    } finally {
      await pool.close();
    }
  });

  it('are not made without the clusters that validators attested', () => {
    const { founders: _, ...unattested } = contribution(1, ['harbour']);
    expect(() => startWorker().index([unattested])).toThrow('no cluster is known');
  });

  it('live in a thread that loads the encoder of the chain, and stay within the memory that they may have', async () => {
    const pool = createAttributionPool({
      purpose: 'retrieval',
      encoderHash,
      segmentDir,
      maxLoad: 10 * 1024,
      workerEntry: new URL('../../../dist/node/attribution-pool/worker.js', import.meta.url),
    });
    try {
      for (const [i, key] of ['a', 'b', 'c'].entries())
        await pool.ensureSnapshot(key, () => [contribution(i + 1, sentences(5, i))]);
      await new Promise((resolve) => setImmediate(resolve));
      expect(['a', 'b', 'c'].filter((key) => pool.hasSnapshot(key))).toEqual(['b', 'c']);
      const asked = job('harbour storm', { snapshot: 'c' });
      const result = await pool.retrieve(asked);
      const worker = startWorker();
      worker.index([contribution(3, sentences(5, 2))]);
      expect(result).toEqual(worker.answer(job('harbour storm')));
      expect(await pool.retrieve(asked)).toBe(result);
    } finally {
      await pool.close();
    }
  });

  it('are never made by another encoder than the chain names', async () => {
    expect(() => loadEncoder(`0x${'12'.repeat(32)}`)).toThrow(EncoderMismatch);
    const pool = createAttributionPool({
      purpose: 'retrieval',
      encoderHash: `0x${'12'.repeat(32)}`,
      workerEntry: new URL('../../../dist/node/attribution-pool/worker.js', import.meta.url),
    });
    try {
      await expect(pool.ensureSnapshot('a', () => [contribution(1, ['harbour'])])).rejects.toMatchObject({
        code: 'FAULT',
      });
    } finally {
      await pool.close();
    }
  });
});
