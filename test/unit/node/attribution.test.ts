/** Attribution as execution sees it, with a real pool: a worker runs from compiled code, so `npm run build` comes first. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { decodeRetrievalRecord } from '../../../attribution/retrieval/api.ts';
import { DEVNET_PARAMS } from '../../../genesis/parameters.ts';
import { openArtifactStore } from '../../../node/artifacts/store.ts';
import { createArtifactPort } from '../../../node/executor-thread/artifact-port.ts';
import type * as Service from '../../../node/executor-thread/attribution.ts';
import { silentLog } from '../../../node/log.ts';
import type { AttributionJob, Hex } from '../../../state/types.ts';

const compiled = new URL('../../../dist/node/executor-thread/attribution.js', import.meta.url);
const { maxBytes, maxRecordBytes, maxRecords } = DEVNET_PARAMS.contribution;
const limits = { maxBytes, maxLeafBytes: maxRecordBytes, maxLeaves: maxRecords, utf8: true };

describe.skipIf(!existsSync(compiled))('attribution for execution (needs dist/: npm run build)', () => {
  const dir = mkdtempSync(join(tmpdir(), 'attribution-'));
  let service: Service.AttributionService | undefined;
  afterEach(async () => {
    await service?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('B1: makes a block unknown while a large index is built, and tells when it can be looked at again', async () => {
    const { createAttributionService } = (await import(compiled.href)) as typeof Service;
    const store = openArtifactStore({ dataDir: dir, log: silentLog });
    const text = Array.from({ length: 40_000 }, (_, i) => `word${i} follows word${(i * 7919) % 40_000}`).join(
      ' ',
    );
    const root = await store.putStream([new TextEncoder().encode(text.slice(0, maxRecordBytes))], limits);
    await store.close();
    let tell: (request: Hex) => void = () => {};
    const told = new Promise<Hex>((resolve) => {
      tell = resolve;
    });
    service = createAttributionService({
      dataDir: dir,
      params: DEVNET_PARAMS,
      workers: 1,
      artifacts: createArtifactPort(dir, () => {}),
      log: silentLog,
      // A node without patience.
      setTimer: (_, run) => {
        run();
        return () => {};
      },
      onAvailable: (request) => tell(request),
    });
    const job: AttributionJob = {
      requestHash: `0x${'a5'.repeat(32)}`,
      engine: 'token',
      version: 1,
      snapshots: [{ dataNetId: 1, length: 1, historyHash: `0x${'11'.repeat(32)}` }],
      sequence: () => [
        {
          contributionId: `0x${'22'.repeat(32)}`,
          dataNetId: 1,
          contributor: `0x${'33'.repeat(20)}`,
          commitSequence: 1,
          artifactRoot: root,
          recordCount: 1,
          accepted: Uint8Array.of(1),
        },
      ],
      prompt: new TextEncoder().encode('a prompt'),
      output: new TextEncoder().encode(text.slice(0, 400)),
      ineligible: [],
    };
    await expect(service.attribute(job)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      missing: { kind: 'attribution', requestId: job.requestHash },
    });
    expect(await told).toBe(job.requestHash);
    const outcome = await service.attribute(job);
    // One record of one person, so its tenth of the pool.
    expect(outcome.credits.map(({ contributor }) => contributor)).toEqual([`0x${'33'.repeat(20)}`]);
    expect((await service.attributeForOthers(job)).recordHash).toBe(outcome.recordHash);
  });

  it('serves both engines over one snapshot, each by its own rule, and shows citations with their texts', async () => {
    const { createAttributionService } = (await import(compiled.href)) as typeof Service;
    const store = openArtifactStore({ dataDir: dir, log: silentLog });
    const texts = [
      'The storm closed the harbour.',
      'Rye bread rises slowly.',
      'A hidden record about the storm.',
    ];
    const leaves = texts.map((text) => new TextEncoder().encode(text));
    const root = await store.putStream(leaves, limits);
    await store.close();
    service = createAttributionService({
      dataDir: dir,
      params: DEVNET_PARAMS,
      workers: 1,
      artifacts: createArtifactPort(dir, () => {}),
      log: silentLog,
      // A node that waits until it is done.
      setTimer: () => () => {},
      onAvailable: () => {},
    });
    const founders = new Uint8Array(24);
    new DataView(founders.buffer).setBigUint64(0, 65_536n);
    new DataView(founders.buffer).setBigUint64(8, 65_537n);
    const job: AttributionJob = {
      requestHash: `0x${'a5'.repeat(32)}`,
      engine: 'retrieval',
      version: 1,
      snapshots: [{ dataNetId: 1, length: 1, historyHash: `0x${'11'.repeat(32)}` }],
      sequence: () => [
        {
          contributionId: `0x${'22'.repeat(32)}`,
          dataNetId: 1,
          contributor: `0x${'33'.repeat(20)}`,
          commitSequence: 1,
          artifactRoot: root,
          recordCount: 3,
          // The third was refused.
          accepted: Uint8Array.of(0b011),
          founders,
        },
      ],
      prompt: new TextEncoder().encode('Which storm closed the harbour?'),
      output: new TextEncoder().encode('The one of last night.'),
      ineligible: [],
    };
    const outcome = await service.attribute(job);
    expect(outcome).toMatchObject({ outputTokens: 6, credits: [{ parts: 100_000_000 }] });
    expect(decodeRetrievalRecord(outcome.record).requestHash).toBe(job.requestHash);
    expect((await service.attributeForOthers(job)).recordHash).toBe(outcome.recordHash);
    expect(await service.explain(job)).toMatchObject({
      engine: 'retrieval',
      recordHash: outcome.recordHash,
      spans: [],
      citations: [{ contributionId: `0x${'22'.repeat(32)}`, recordIndex: 0, excerpt: texts[0] }],
    });
    const quoting = await service.attribute({ ...job, engine: 'token' });
    expect(quoting.recordHash).not.toBe(outcome.recordHash);
    expect(quoting.credits).toEqual([]);
    await expect(
      service.attribute({
        ...job,
        ineligible: [`0x${'33'.repeat(20)}`],
        requestHash: `0x${'a6'.repeat(32)}`,
      }),
    ).resolves.toMatchObject({ credits: [], uncovered: 1_000_000_000 });
  });
});
