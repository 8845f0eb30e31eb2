/** The attestation worker's core over real artifact files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import { artifactPath } from '../../../node/artifacts/file.ts';
import { merkleRoot } from '../../../node/artifacts/merkle.ts';
import { openArtifactStore } from '../../../node/artifacts/store.ts';
import type { ApprovalJob, ObjectAnswer } from '../../../node/attestation-worker/types.ts';
import { createWorkerCore } from '../../../node/attestation-worker/worker-core.ts';
import { silentLog } from '../../../node/log.ts';
import { artifactLimits } from '../../../node/rpc-thread/main-side.ts';
import { toHex } from '../../../state/crypto.ts';
import { readApprovalObject } from '../../../state/modules/contribution/approval.ts';
import type { TaskArtifact } from '../../../state/modules/views.ts';
import type { Hex } from '../../../state/types.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'attestation-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const leavesOf = (texts: readonly string[]) => texts.map((text) => new TextEncoder().encode(text));

/** A contribution whose bytes this node holds, unless told otherwise. */
async function artifact(commitSequence: number, texts: string[], isHere = true): Promise<TaskArtifact> {
  const leaves = leavesOf(texts);
  const root = toHex(merkleRoot(leaves));
  if (isHere) {
    const store = openArtifactStore({ dataDir: dir, log: silentLog });
    await store.putStream(leaves, artifactLimits(DEFAULT_PARAMS), root);
    await store.close();
  }
  return { commitSequence, artifactRoot: root, recordCount: texts.length };
}

const idOf = (sequence: number): Hex => `0x${sequence.toString(16).padStart(64, '0')}`;
const task = (own: TaskArtifact, ...before: TaskArtifact[]): ApprovalJob => ({
  kind: 'approval',
  contributionId: idOf(own.commitSequence),
  dataNetId: 1,
  before,
  own,
});
const acceptedOf = (answer: ObjectAnswer, own: TaskArtifact): number[] => {
  if (answer.kind !== 'done') throw new Error(`missing ${JSON.stringify(answer)}`);
  const object = readApprovalObject(answer.object, idOf(own.commitSequence), own.recordCount);
  if (object === undefined) throw new Error('malformed');
  return Array.from({ length: own.recordCount }, (_, i) => ((object.accepted[i >> 3] ?? 0) >> (i & 7)) & 1);
};

describe('the attestation worker', () => {
  it('B4: computes which records are new after everything before them', async () => {
    const compute = createWorkerCore(dir);
    const first = await artifact(5, ['one', 'two']);
    const second = await artifact(3, ['two', 'three']);
    const third = await artifact(9, ['three', 'four', 'one']);
    expect(acceptedOf(compute(task(first)), first)).toEqual([1, 1]);
    // The lower commit was approved later: it comes in.
    expect(acceptedOf(compute(task(second, first)), second)).toEqual([1, 1]);
    expect(acceptedOf(compute(task(third, first, second)), third)).toEqual([0, 1, 0]);
  });

  it('gives the same bytes whether it remembers what came before or reads it again', async () => {
    const parts = [
      await artifact(1, ['a b c', 'd e f']),
      await artifact(2, ['d e f', 'g']),
      await artifact(3, ['a b c d', 'g', 'h']),
    ];
    const remembering = createWorkerCore(dir);
    for (const [i, own] of parts.entries()) {
      const before = parts.slice(0, i);
      expect(remembering(task(own, ...before))).toEqual(createWorkerCore(dir)(task(own, ...before)));
    }
    // One in the middle was frozen: what it remembers does not fit any more.
    const [first, , third] = parts as [TaskArtifact, TaskArtifact, TaskArtifact];
    expect(remembering(task(third, first))).toEqual(createWorkerCore(dir)(task(third, first)));
    expect(acceptedOf(remembering(task(third, first)), third)).toEqual([1, 1, 1]);
  });

  it('B1: names every artifact that is not here, and goes on when it is', async () => {
    const compute = createWorkerCore(dir);
    const first = await artifact(1, ['one'], false);
    const own = await artifact(2, ['one', 'two'], false);
    expect(compute(task(own, first))).toEqual({
      kind: 'missing',
      roots: [first.artifactRoot, own.artifactRoot],
    });
    await artifact(1, ['one']);
    await artifact(2, ['one', 'two']);
    expect(acceptedOf(compute(task(own, first)), own)).toEqual([0, 1]);
  });

  it('asks for a damaged artifact again, and has forgotten what it read of it', async () => {
    const compute = createWorkerCore(dir);
    const first = await artifact(1, ['one', 'two']);
    const own = await artifact(2, ['two', 'three']);
    writeFileSync(artifactPath(dir, first.artifactRoot), 'rubbish');
    expect(compute(task(own, first))).toEqual({ kind: 'missing', roots: [first.artifactRoot] });
    rmSync(artifactPath(dir, first.artifactRoot));
    await artifact(1, ['one', 'two']);
    expect(acceptedOf(compute(task(own, first)), own)).toEqual([0, 1]);
  });

  it('B2: fails if an artifact is not what the chain says', async () => {
    const own = await artifact(1, ['one', 'two']);
    expect(() => createWorkerCore(dir)(task({ ...own, recordCount: 3 }))).toThrow(/has 2 records/);
  });
});
