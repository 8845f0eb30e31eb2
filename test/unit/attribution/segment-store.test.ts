import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCorpus } from '../../../attribution/corpus/corpus.ts';
import { buildSegment } from '../../../attribution/index/build-segment.ts';
import { SEGMENT_UNIT_BYTES } from '../../../attribution/limits.ts';
import { type AttributedSpan, DEFAULT_TOKEN_ATTRIBUTION_PARAMS } from '../../../attribution/token/types.ts';
import { artifactPath, encodeTrailer, rootText } from '../../../node/artifacts/file.ts';
import { leafHash } from '../../../node/artifacts/merkle.ts';
import { openSegmentStore } from '../../../node/attribution-pool/segment-store.ts';
import type {
  AttributionJob,
  AttributionResult,
  PinnedContribution,
  SnapshotInfo,
  WorkerRequest,
} from '../../../node/attribution-pool/types.ts';
import { createWorkerCore } from '../../../node/attribution-pool/worker-core.ts';
import { address, recordsOf, utf8 } from './builders.ts';

let dataDir: string;
let segmentDir: string;
let warnings: string[];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'openledger-segments-'));
  segmentDir = join(dataDir, 'segments');
  warnings = [];
});
afterEach(() => rmSync(dataDir, { recursive: true }));

/** Writes an artifact as a node holds it. */
function contribution(commitSequence: number, ...texts: string[]): PinnedContribution {
  const leaves = texts.map(utf8);
  const root = rootText(leaves.map(leafHash));
  const path = artifactPath(dataDir, root);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.concat([...leaves, encodeTrailer(leaves.map(({ length }) => length))]));
  return {
    commitSequence,
    contributor: address(commitSequence),
    dataNetId: 1,
    contributionId: commitSequence,
    accepted: null,
    leaves: { kind: 'file', dataDir, root },
  };
}

/** Its file keeps its length, so it can be counted, but whoever reads it finds it damaged. */
function damage({ leaves }: PinnedContribution): void {
  if (leaves.kind !== 'file') throw new Error('not a file');
  const path = artifactPath(leaves.dataDir, leaves.root);
  writeFileSync(path, readFileSync(path).fill(0x20, 0, 10));
}

/** A worker as after a start of the node. */
function startWorker() {
  const handle = createWorkerCore({ segmentDir, warn: (message) => warnings.push(message) });
  const ask = (payload: object): unknown => {
    const response = handle({ id: 1, ...payload } as WorkerRequest);
    if (response.kind !== 'done') throw new Error(JSON.stringify(response));
    return response.value;
  };
  return {
    index(contributions: readonly PinnedContribution[], key = 'pins'): SnapshotInfo {
      ask({ kind: 'open', key });
      ask({ kind: 'add', key, contributions });
      return ask({ kind: 'build', key }) as SnapshotInfo;
    },
    drop: (key: string) => ask({ kind: 'drop', key }),
    answer: (output: string) => ask({ kind: 'attribute', job: jobOf(output) }) as AttributionResult,
    spans: (output: string) => ask({ kind: 'explain', job: jobOf(output) }) as AttributedSpan[],
    say: () =>
      ask({
        kind: 'continue',
        job: { snapshot: 'pins', prompt: utf8('the'), seed: utf8('s'), maxTokens: 6 },
      }),
  };
}

const jobOf = (output: string): AttributionJob => ({
  snapshot: 'pins',
  requestHash: `0x${'ab'.repeat(32)}`,
  prompt: utf8('tell me'),
  output: utf8(output),
  params: { ...DEFAULT_TOKEN_ATTRIBUTION_PARAMS, lmin: 3, sminQ16: 0 },
  commons: [],
  ineligible: [],
});

const ANSWER = 'pack my box: the quick brown fox';
const twoContributions = () => [
  contribution(5, 'the quick brown fox jumps over the lazy dog', 'it did so twice'),
  contribution(3, 'pack my box with five dozen liquor jugs'),
];
const files = () => readdirSync(segmentDir).sort();

describe('segments on disk', () => {
  it('are read after a restart, and the artifacts are not', () => {
    const contributions = twoContributions();
    const first = startWorker();
    expect(first.index(contributions)).toMatchObject({ segments: 1, segmentsFound: 0 });
    const said = first.say();
    contributions.forEach(damage);
    const again = startWorker();
    expect(again.index(contributions)).toMatchObject({
      segments: 1,
      segmentsFound: 1,
      tokens: 21,
      records: 3,
    });
    expect(again.answer(ANSWER)).toEqual(first.answer(ANSWER));
    expect(first.say()).toEqual(said);
    expect(warnings).toEqual([]);
  });

  it('are built again when they are damaged anywhere, cut, or of another version', () => {
    const contributions = twoContributions();
    startWorker().index(contributions);
    const [name] = files();
    const path = join(segmentDir, name!);
    const good = readFileSync(path);
    const before = startWorker();
    before.index(contributions);
    const flipped = (at: number, bit: number) => {
      const bytes = Buffer.from(good);
      bytes[at]! ^= 1 << bit;
      return bytes;
    };
    const damaged = [
      Buffer.alloc(0),
      good.subarray(0, 40),
      good.subarray(0, good.length - 1),
      Buffer.concat([good, Buffer.alloc(8)]),
      // Another version of the format, with everything else as it was.
      Buffer.concat([good.subarray(0, 8), Buffer.of(2), good.subarray(9)]),
      // Every part of the header, and places all over the image.
      ...Array.from({ length: 64 }, (_, at) => flipped(at, at % 8)),
      ...Array.from({ length: 100 }, (_, i) =>
        flipped(64 + Math.floor(((good.length - 64) * i) / 100), i % 8),
      ),
    ];
    for (const bytes of damaged) {
      writeFileSync(path, bytes);
      warnings = [];
      const worker = startWorker();
      expect(worker.index(contributions)).toMatchObject({ segments: 1, segmentsFound: 0, tokens: 21 });
      expect(warnings).toEqual([expect.stringContaining('is damaged and is built again')]);
      expect(readFileSync(path).equals(good)).toBe(true);
    }
    const after = startWorker();
    after.index(contributions);
    expect(after.answer(ANSWER)).toEqual(before.answer(ANSWER));
  });

  it('are shared and merged as a DataNet grows, without reading what is in them again', () => {
    const filler = (commit: number) =>
      contribution(
        commit,
        ...Array.from({ length: 5 }, (_, i) => `w${commit} x${i} `.repeat(SEGMENT_UNIT_BYTES / 24)),
      );
    const contributions = [...twoContributions(), filler(7)];
    const worker = startWorker();
    expect(worker.index(contributions, 'first')).toMatchObject({ segments: 1, segmentsFound: 0 });
    contributions.forEach(damage);
    // A second snapshot: the first unit was closed, what is new stands in a segment of its own.
    contributions.push(contribution(9, 'the quick brown fox again'));
    expect(worker.index(contributions, 'pins')).toMatchObject({ segments: 2, segmentsFound: 1 });
    contributions.forEach(damage);
    contributions.push(filler(11));
    expect(worker.index(contributions, 'pins')).toMatchObject({ segments: 1, segmentsFound: 0 });
    worker.drop('first');
    contributions.forEach(damage);
    const restarted = startWorker();
    expect(restarted.index(contributions)).toMatchObject({ segments: 1, segmentsFound: 1 });
    expect(restarted.answer(ANSWER)).toEqual(worker.answer(ANSWER));
    expect(restarted.spans(ANSWER).map(({ orderKey }) => orderKey / 65_536)).toEqual([3, 5]);
    expect(warnings).toEqual([]);
  });

  it('of many small DataNets are put together, and answer as before', () => {
    const contributions = Array.from({ length: 20 }, (_, i) => ({
      ...contribution(i, `number ${i} of many small texts`, 'the quick brown fox'),
      dataNetId: i,
    }));
    const worker = startWorker();
    expect(worker.index(contributions)).toMatchObject({ segments: 8, records: 21, duplicates: 19 });
    const spans = worker.spans('number 17 of many small texts, the quick brown fox');
    expect(spans.map(({ dataNetId }) => dataNetId)).toEqual([17, 0]);
  });

  it('stay in memory when the folder cannot be written, and say so', () => {
    writeFileSync(segmentDir, 'a file where the folder should be');
    const worker = startWorker();
    expect(worker.index(twoContributions())).toMatchObject({ segments: 1, tokens: 21 });
    expect(worker.spans(ANSWER).length).toBe(2);
    expect(warnings.length).toBeGreaterThan(0);
  });
});

describe('the folder of segments', () => {
  const segmentOf = (text: string) => buildSegment(createCorpus(recordsOf([text])));
  const key = (digit: string) => digit.repeat(64);

  it('forgets what was not used for longest when it is full', () => {
    const size = 64 + segmentOf('some words').views.image.length;
    const store = openSegmentStore({
      directory: segmentDir,
      maxBytes: 2 * size,
      warn: (text) => warnings.push(text),
    });
    for (const digit of ['a', 'b']) {
      store.save(key(digit), segmentOf('some words'));
      utimesSync(join(segmentDir, `${key(digit)}.segment`), 1, digit === 'a' ? 1 : 2);
    }
    // Read, so it is used now.
    expect(store.load(key('a'))?.tokens).toBe(2);
    store.save(key('c'), segmentOf('some words'));
    expect(files()).toEqual([`${key('a')}.segment`, `${key('c')}.segment`]);
    expect([store.has(key('b')), store.load(key('b'))]).toEqual([false, undefined]);
    expect(warnings).toEqual([]);
  });

  it('clears what a crash left half written, and nothing else', () => {
    mkdirSync(segmentDir);
    const own = `${process.pid}-0-${key('a')}.tmp`;
    for (const name of ['999999999-0-x.tmp', own, 'notes.txt']) writeFileSync(join(segmentDir, name), 'half');
    openSegmentStore({ directory: segmentDir, warn: (text) => warnings.push(text) });
    expect(files()).toEqual([own, 'notes.txt'].sort());
  });
});
