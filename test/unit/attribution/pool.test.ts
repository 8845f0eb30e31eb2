import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type AttributionError, InvalidUtf8 } from '../../../attribution/errors.ts';
import { type AttributedSpan, DEFAULT_TOKEN_ATTRIBUTION_PARAMS } from '../../../attribution/token/types.ts';
import type {
  AttributionPool,
  AttributionPoolOptions,
  PinnedContribution,
  RecordSource,
} from '../../../node/attribution-pool/index.ts';
import { createAttributionPool } from '../../../node/attribution-pool/pool.ts';
import { startThread } from '../../../node/attribution-pool/thread.ts';
import type {
  AttributionJob,
  AttributionResult,
  WorkerRequest,
} from '../../../node/attribution-pool/types.ts';
import { createWorkerCore } from '../../../node/attribution-pool/worker-core.ts';
import { Fault, type Unavailable } from '../../../state/types.ts';
import { address, textOf, utf8 } from './builders.ts';

const contribution = (commitSequence: number, by: number, ...texts: string[]): PinnedContribution => ({
  commitSequence,
  contributor: address(by),
  dataNetId: 1,
  contributionId: commitSequence,
  accepted: null,
  leaves: { kind: 'inline', leaves: texts.map(utf8) },
});

const CONTRIBUTIONS = [
  contribution(5, 1, 'the quick brown fox jumps over the lazy dog', 'it did so twice'),
  contribution(3, 2, 'pack my box with five dozen liquor jugs'),
];
const source: RecordSource = () => CONTRIBUTIONS;

const job = (output: string, change: Partial<AttributionJob> = {}): AttributionJob => ({
  snapshot: 'pins',
  requestHash: `0x${'ab'.repeat(32)}`,
  prompt: utf8('tell me'),
  output: utf8(output),
  params: { ...DEFAULT_TOKEN_ATTRIBUTION_PARAMS, lmin: 3, sminQ16: 0 },
  commons: [],
  ineligible: [],
  ...change,
});
const ANSWER = 'pack my box: the quick brown fox';

/** The result as the worker computes it, in this thread. */
function askedInThisThread(request: AttributionJob, contributions = CONTRIBUTIONS) {
  const handle = createWorkerCore();
  const ask = (payload: object) => handle({ id: 1, ...payload } as WorkerRequest);
  ask({ kind: 'open', key: request.snapshot });
  ask({ kind: 'add', key: request.snapshot, contributions });
  ask({ kind: 'build', purpose: 'attribution', key: request.snapshot });
  const value = (kind: 'attribute' | 'explain'): unknown => {
    const response = ask({ kind, job: request });
    if (response.kind !== 'done') throw new Error(JSON.stringify(response));
    return response.value;
  };
  return {
    result: value('attribute') as AttributionResult,
    spans: value('explain') as AttributedSpan[],
  };
}

function inThisThread(request: AttributionJob, contributions = CONTRIBUTIONS): AttributionResult {
  return askedInThisThread(request, contributions).result;
}

let pool: AttributionPool | undefined;
afterEach(async () => {
  await pool?.close();
  pool = undefined;
});

describe('the work of an attribution thread', () => {
  it('C1: depends on the request, the output and the prompt, and on nothing else', () => {
    const result = inThisThread(job(ANSWER));
    expect(result.attribution.credits.map((entry) => entry.contributor).sort()).toEqual([
      address(1),
      address(2),
    ]);
    expect(inThisThread(job(ANSWER), [...CONTRIBUTIONS].reverse())).toEqual(result);
    expect(inThisThread(job(`${ANSWER}!`)).recordHash).not.toBe(result.recordHash);
    expect(inThisThread(job(ANSWER, { requestHash: `0x${'cd'.repeat(32)}` })).recordHash).not.toBe(
      result.recordHash,
    );
  });

  it('leaves out the leaves that were not accepted', () => {
    const [first, second] = CONTRIBUTIONS as [PinnedContribution, PinnedContribution];
    const onlySecondLeaf = { ...first, accepted: Uint8Array.of(0b10) };
    const { spans } = askedInThisThread(job(`${ANSWER}. It did so twice`), [onlySecondLeaf, second]);
    expect(spans.map((span) => [span.contributionId, span.recordIndex])).toEqual([
      [3, 0],
      [5, 1],
    ]);
  });

  it('B1: names the artifact that is not here', () => {
    const handle = createWorkerCore();
    const root = `0x${'12'.repeat(32)}` as const;
    handle({ id: 1, kind: 'open', key: 'k' });
    const missing = {
      ...CONTRIBUTIONS[0]!,
      leaves: { kind: 'file', dataDir: '/nonexistent', root } as const,
    };
    expect(handle({ id: 2, kind: 'add', key: 'k', contributions: [missing] })).toEqual({
      id: 2,
      kind: 'missing',
      root,
    });
  });

  it('B2: tells refusals of the input from faults of the machine', () => {
    const handle = createWorkerCore();
    const attribute = (change: Partial<AttributionJob>) =>
      handle({ id: 9, kind: 'attribute', job: job('a b c', change) });
    expect(attribute({})).toMatchObject({ kind: 'fault' });
    handle({ id: 1, kind: 'open', key: 'pins' });
    handle({ id: 2, kind: 'build', purpose: 'attribution', key: 'pins' });
    expect(attribute({})).toMatchObject({ kind: 'done' });
    expect(attribute({ output: Uint8Array.of(0x41, 0xff) })).toMatchObject({
      kind: 'refused',
      code: 'InvalidUtf8',
      offset: 1,
    });
  });
});

/** A thread that answers everything until an attribution arrives. */
const brokenWorker = (onAttribute: string): URL =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`
      import { parentPort } from 'node:worker_threads';
      parentPort.on('message', ({ id, kind }) => {
        if (kind === 'attribute') { ${onAttribute} }
        else parentPort.postMessage({ id, kind: 'done', value: kind === 'build' ? { load: 1 } : undefined });
      });`)}`,
  );

describe('a pool whose thread breaks', () => {
  it.each([
    ['throws', 'throw new Error("boom")', /crashed: boom/],
    ['exits', 'process.exit(3)', /ended with code 3/],
    ['reports an unexpected error', 'parentPort.postMessage({ id, kind: "fault", message: "odd" })', /odd/],
  ])('B2: gives a Fault, never a result, when it %s', async (_, behaviour, message) => {
    pool = createAttributionPool({ workerEntry: brokenWorker(behaviour) });
    await pool.ensureSnapshot('pins', source);
    const attempt = pool.attribute(job(ANSWER));
    await expect(attempt).rejects.toThrow(Fault);
    await expect(attempt).rejects.toThrow(message);
    expect(pool.cached(job(ANSWER).requestHash, utf8(ANSWER))).toBeUndefined();
  });

  it('B2: a job that waits behind a long one is not taken for a broken thread', async () => {
    const thread = startThread(
      brokenWorker(`
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, id === 0 ? 2_500 : 0);
        parentPort.postMessage({ id, kind: 'done', value: id });
      `),
    );
    const attribute = { kind: 'attribute', job: job(ANSWER) } as const;
    const long = thread.call(attribute, 60_000);
    await expect(thread.call(attribute, 2_000)).resolves.toBe(1);
    await expect(long).resolves.toBe(0);
    expect(thread.alive).toBe(true);
    await thread.close();
  });

  it('B2: reads the snapshots again in a fresh thread', async () => {
    let reads = 0;
    pool = createAttributionPool({ workerEntry: brokenWorker('process.exit(3)') });
    await pool.ensureSnapshot('pins', () => {
      reads++;
      return CONTRIBUTIONS;
    });
    expect(pool.hasSnapshot('pins')).toBe(true);
    for (let crash = 1; crash <= 2; crash++) {
      await expect(pool.attribute(job(ANSWER))).rejects.toThrow(Fault);
      expect(pool.hasSnapshot('pins')).toBe(false);
      expect(reads).toBe(crash);
    }
  });

  it('D3: keeps no more in memory than allowed, and drops nothing that is in use', async () => {
    // Every index of this worker counts one.
    const workerEntry = brokenWorker("parentPort.postMessage({ id, kind: 'done', value: 'answer' });");
    pool = createAttributionPool({ workerEntry, maxLoad: 2 });
    const held = () => ['a', 'b', 'c'].filter((key) => pool?.hasSnapshot(key));
    for (const key of ['a', 'b', 'c']) await pool.ensureSnapshot(key, source);
    await new Promise((resolve) => setImmediate(resolve));
    expect(held()).toEqual(['b', 'c']);
    await pool.close();

    pool = createAttributionPool({ workerEntry, maxLoad: 1, maxSnapshots: 1 });
    const answers = ['a', 'b', 'c'].map(async (key) => {
      await pool?.ensureSnapshot(key, source);
      return pool?.attribute(job(ANSWER, { snapshot: key, requestHash: `0x${key.repeat(64)}` }));
    });
    expect(await Promise.all(answers)).toEqual(['answer', 'answer', 'answer']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(held().length).toBe(1);
  });

  it('rejects those who wait when it is closed', async () => {
    pool = createAttributionPool({ workerEntry: brokenWorker('') });
    await pool.ensureSnapshot('pins', source);
    const attempt = expect(pool.attribute(job(ANSWER))).rejects.toThrow(/closed/);
    // The job is under way: its thread never answers.
    await new Promise((resolve) => setImmediate(resolve));
    await pool.close();
    await attempt;
    await expect(pool.ensureSnapshot('pins', source)).rejects.toMatchObject({ code: 'Closed' });
  });

  it('passes on what goes wrong while records are read', async () => {
    pool = createAttributionPool({ workerEntry: brokenWorker('') });
    const failing: RecordSource = async function* () {
      yield CONTRIBUTIONS[0]!;
      throw new Error('disk on fire');
    };
    await expect(pool.ensureSnapshot('pins', failing)).rejects.toThrow('disk on fire');
    await expect(pool.ensureSnapshot('pins', source)).resolves.toMatchObject({ load: 1 });
  });
});

const compiled = new URL('../../../dist/node/attribution-pool/index.js', import.meta.url);
const built = existsSync(compiled);
if (!built) console.warn('SKIPPED: the attribution pool in real threads. Run npm run build first.');

describe.skipIf(!built)('the pool in real threads', () => {
  const open = async (options?: AttributionPoolOptions): Promise<AttributionPool> => {
    const { createAttributionPool: create } = (await import(compiled.href)) as {
      createAttributionPool(options?: AttributionPoolOptions): AttributionPool;
    };
    pool = create(options);
    return pool;
  };

  it('C1: gives what the same work in one thread gives, also from memory', async () => {
    const real = await open();
    await expect(real.ensureSnapshot('pins', source)).resolves.toEqual({
      records: 3,
      duplicates: 0,
      unreadableRecords: 0,
      tokens: 21,
      load: 21,
      types: 20,
      segments: 1,
      segmentsFound: 0,
    });
    const result = await real.attribute(job(ANSWER));
    expect(result).toEqual(inThisThread(job(ANSWER)));
    expect(real.cached(job(ANSWER).requestHash, utf8(ANSWER))).toBe(result);
    expect(await real.attribute(job(ANSWER))).toBe(result);
  });

  it('keeps segments in its folder for the next start', async () => {
    const segmentDir = mkdtempSync(join(tmpdir(), 'openledger-pool-'));
    try {
      const first = await open({ segmentDir });
      await expect(first.ensureSnapshot('pins', source)).resolves.toMatchObject({ segmentsFound: 0 });
      const result = await first.attribute(job(ANSWER));
      await first.close();
      const second = await open({ segmentDir });
      await expect(second.ensureSnapshot('pins', source)).resolves.toMatchObject({ segmentsFound: 1 });
      expect(await second.attribute(job(ANSWER))).toEqual(result);
    } finally {
      rmSync(segmentDir, { recursive: true });
    }
  });

  it('continues texts and lists maximal spans', async () => {
    const real = await open();
    await real.ensureSnapshot('pins', source);
    const { text, tokens } = await real.continueText({
      snapshot: 'pins',
      prompt: utf8('the'),
      seed: utf8('s'),
      maxTokens: 8,
    });
    expect(tokens).toHaveLength(8);
    expect(textOf(text).length).toBeGreaterThan(8);
    const spans = await real.maximalSpans({
      snapshot: 'pins',
      output: utf8('a quick brown fox'),
      minTokens: 2,
    });
    expect(spans).toMatchObject([{ startToken: 1, endToken: 4, count: 1 }]);
  });

  it('B2: refuses what every node refuses, by the same error type', async () => {
    const real = await open();
    await real.ensureSnapshot('pins', source);
    const { name } = InvalidUtf8;
    await expect(real.attribute(job('', { output: Uint8Array.of(0xff) }))).rejects.toMatchObject({
      code: name,
      offset: 0,
    });
    const tooLong = { params: { ...job('').params, maxOutputTokens: 2 } };
    await expect(real.attribute(job('one two three', tooLong))).rejects.toMatchObject({
      code: 'TooManyTokens',
    } satisfies Partial<AttributionError>);
    await expect(real.attribute(job('x', { snapshot: 'other' }))).rejects.toMatchObject({
      code: 'UnknownSnapshot',
    });
  });

  it('B1: says which artifact is missing, and loads once it is there', async () => {
    const real = await open();
    const root = `0x${'12'.repeat(32)}` as const;
    const missing = {
      ...CONTRIBUTIONS[0]!,
      leaves: { kind: 'file', dataDir: '/nonexistent', root } as const,
    };
    await expect(real.ensureSnapshot('pins', () => [missing])).rejects.toMatchObject({
      missing: { kind: 'artifact', root },
    } satisfies Partial<Unavailable>);
    await expect(real.ensureSnapshot('pins', source)).resolves.toMatchObject({ records: 3 });
  });

  it('D3: keeps the snapshots used last', async () => {
    const real = await open({ maxSnapshots: 2 });
    for (const key of ['a', 'b']) await real.ensureSnapshot(key, source);
    await real.attribute(job(ANSWER, { snapshot: 'a' }));
    await real.ensureSnapshot('c', source);
    expect(['a', 'b', 'c'].map((key) => real.hasSnapshot(key))).toEqual([true, false, true]);
  });
});
