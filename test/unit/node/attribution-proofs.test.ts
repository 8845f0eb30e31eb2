/** Proofs as a node makes them, in a real thread: it runs from compiled code, so `npm run build` comes first. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyCreditsProof, verifyPhraseProof } from '../../../attribution/proofs/verifier.ts';
import { DEVNET_PARAMS } from '../../../genesis/parameters.ts';
import { openArtifactStore } from '../../../node/artifacts/store.ts';
import { createArtifactPort } from '../../../node/executor-thread/artifact-port.ts';
import type * as Service from '../../../node/executor-thread/attribution-proofs.ts';
import { silentLog } from '../../../node/log.ts';
import { toHex } from '../../../state/crypto.ts';
import type { AttributionJob, Hex, SequenceEntry } from '../../../state/types.ts';

const compiled = new URL('../../../dist/node/executor-thread/attribution-proofs.js', import.meta.url);
const { maxBytes, maxRecordBytes, maxRecords } = DEVNET_PARAMS.contribution;
const utf8 = (text: string) => new TextEncoder().encode(text);

describe.skipIf(!existsSync(compiled))('proofs in a node (needs dist/: npm run build)', () => {
  const dir = mkdtempSync(join(tmpdir(), 'proofs-'));
  const snapshots = [{ dataNetId: 1, length: 1 }];
  const question = { kind: 'phrase', phrase: ['quick', 'fox'].map(utf8) } as const;
  let entry: SequenceEntry;
  let create: typeof Service.createProofService;
  beforeAll(async () => {
    ({ createProofService: create } = (await import(compiled.href)) as typeof Service);
    const store = openArtifactStore({ dataDir: dir, log: silentLog });
    const limits = { maxBytes, maxLeafBytes: maxRecordBytes, maxLeaves: maxRecords, utf8: true };
    const artifactRoot = await store.putStream([utf8('the quick fox'), utf8('a quick fox sleeps')], limits);
    await store.close();
    entry = {
      contributionId: `0x${'22'.repeat(32)}`,
      dataNetId: 1,
      contributor: `0x${'33'.repeat(20)}`,
      commitSequence: 7,
      artifactRoot,
      recordCount: 2,
      accepted: Uint8Array.of(3),
    };
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const open = (patience: 'none' | 'endless' = 'endless') =>
    create({
      dataDir: dir,
      params: DEVNET_PARAMS,
      artifacts: createArtifactPort(dir, () => {}),
      setTimer: (_, run) => {
        if (patience === 'none') run();
        return () => {};
      },
    });

  it('commits to a snapshot when it is first asked for, and proves phrases and credits', async () => {
    const service = open();
    try {
      const phrase = await service.prove(snapshots, [entry], question);
      expect(verifyPhraseProof(phrase.root, phrase.proof)).toMatchObject({
        kind: 'occurs',
        count: 2,
        first: { contributor: entry.contributor, orderKey: 7 * 65_536, token: 1 },
      });
      const job: AttributionJob = {
        requestHash: `0x${'a5'.repeat(32)}`,
        engine: 'token',
        version: 1,
        snapshots: [{ ...snapshots[0]!, historyHash: `0x${'11'.repeat(32)}` }],
        sequence: () => [entry],
        prompt: utf8(''),
        output: utf8('the quick fox sleeps'),
        ineligible: [],
      };
      const credits = await service.prove(snapshots, [entry], { kind: 'credits', job });
      expect(credits.root).toEqual(phrase.root);
      if (credits.kind !== 'credits') throw new Error('another kind of proof');
      expect(verifyCreditsProof(credits.root, credits.inputs, credits.proof)).toEqual(credits.credits);
    } finally {
      await service.close();
    }
  });

  it('gives validators the root of the same texts, and says what is missing', async () => {
    const service = open();
    try {
      const pins = snapshots.map((one) => ({ ...one, historyHash: `0x${'11'.repeat(32)}` as Hex }));
      const committed = await service.commit(pins, [entry]);
      expect(committed).toMatchObject({ outcome: 'committed', records: 2, tokens: 7, types: 5 });
      const proven = await service.prove(snapshots, [entry], question);
      expect(committed).toMatchObject({ root: toHex(proven.root) });
      const missing = { ...entry, artifactRoot: `0x${'44'.repeat(32)}` as Hex };
      expect(await service.commit([{ ...pins[0]!, dataNetId: 2 }], [missing])).toEqual({
        outcome: 'missing',
        roots: [missing.artifactRoot],
      });
    } finally {
      await service.close();
    }
  });

  it('refuses texts of too many tokens with a code, which is the same on every node', async () => {
    const store = openArtifactStore({ dataDir: dir, log: silentLog });
    const limits = { maxBytes, maxLeafBytes: maxRecordBytes, maxLeaves: maxRecords, utf8: true };
    const entries: SequenceEntry[] = [];
    // Half a million marks and the number of the record, 33 times: just above 16 Mi tokens.
    const marks = '. '.repeat(maxRecordBytes / 2 - 8);
    for (let n = 0; n < 11; n++) {
      const texts = [0, 1, 2].map((i) => utf8(`${marks} ${3 * n + i}`));
      const artifactRoot = await store.putStream(texts, limits);
      entries.push({
        ...entry,
        commitSequence: 8 + n,
        artifactRoot,
        recordCount: 3,
        accepted: Uint8Array.of(7),
      });
    }
    await store.close();
    const service = open();
    try {
      const pins = [{ dataNetId: 3, length: 11, historyHash: `0x${'11'.repeat(32)}` as Hex }];
      const refused = { outcome: 'refused', refusal: 'tooLarge' };
      expect(await service.commit(pins, entries)).toEqual(refused);
      await expect(service.prove(pins, entries, question)).rejects.toMatchObject({ code: 'ProofTooLarge' });
    } finally {
      await service.close();
    }
  });

  it('says that it is being prepared, that an artifact is missing, that too much is asked', async () => {
    const service = open('none');
    try {
      await expect(service.prove(snapshots, [entry], question)).rejects.toMatchObject({ code: 'PREPARING' });
      const missing = { ...entry, artifactRoot: `0x${'44'.repeat(32)}` as Hex };
      await expect(service.prove([{ dataNetId: 2, length: 1 }], [missing], question)).rejects.toMatchObject({
        code: 'UNAVAILABLE',
      });
    } finally {
      await service.close();
    }
    const busy = open();
    try {
      const asked = Array.from({ length: 5 }, () => busy.prove(snapshots, [entry], question));
      const answers = await Promise.allSettled(asked);
      expect(answers.map(({ status }) => status)).toEqual([...Array(4).fill('fulfilled'), 'rejected']);
      expect(answers[4]).toMatchObject({ reason: { code: 'BUSY' } });
      await expect(busy.prove(snapshots, [entry], { kind: 'phrase', phrase: [] })).rejects.toMatchObject({
        code: 'InvalidParameter',
      });
    } finally {
      await busy.close();
    }
  });
});
