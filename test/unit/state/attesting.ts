/** Validators of a real test chain that attest: real keys, real signatures, blocks made by the test. */
import { createCorpus, packOrderKey } from '../../../attribution/api.ts';
import { createRecordJudge } from '../../../attribution/approval/judge.ts';
import { commitCorpus } from '../../../attribution/proofs/api.ts';
import { encodeTrainingObject } from '../../../attribution/trained/api.ts';
import { attestationSignBytes } from '../../../consensus/sign-bytes.ts';
import { keccakHex, sha256, toHex } from '../../../state/crypto.ts';
import {
  approvalOf,
  approvalTask,
  encodeApproval,
  encodeRoot,
  encodeTraining,
  openSubjects,
  type RootTask,
  rootTask,
  type Subject,
  sequence,
  subject,
  trainingTask,
} from '../../../state/modules/views.ts';
import { encodeAttestation } from '../../../state/transactions/attestation.ts';
import type { Hex, StateView } from '../../../state/types.ts';
import { trainTask } from './modules/trained-story.ts';
import type { TestChain, TestValidator } from './support.ts';

/** What an honest validator computes about a queued contribution. */
export function honestBody(
  view: StateView,
  id: Hex,
  leavesOf: (root: Hex) => readonly Uint8Array[],
): Uint8Array {
  const task = approvalTask(view, id, (net) => sequence(view, net, 0, 1_000));
  const judge = createRecordJudge();
  const judged = ({ artifactRoot, commitSequence }: (typeof task)['own']) =>
    judge.judge({
      commitSequence,
      records: leavesOf(artifactRoot).map((text) => ({ hash: toHex(sha256(text)), text })),
    });
  for (const earlier of task.before) judged(earlier);
  return encodeApproval(approvalOf(id, task.own.commitSequence, judged(task.own)));
}

/** What an honest validator computes about pinned snapshots. */
export function honestRoot(
  { id, entries }: RootTask,
  leavesOf: (root: Hex) => readonly Uint8Array[],
): Uint8Array {
  const records = entries.flatMap(({ commitSequence, contributor, dataNetId, accepted, artifactRoot }) =>
    leavesOf(artifactRoot).flatMap((text, recordIndex) =>
      accepted[recordIndex >> 3]! & (1 << (recordIndex & 7))
        ? [
            {
              orderKey: packOrderKey(commitSequence, recordIndex),
              contributor: contributor.toLowerCase(),
              dataNetId,
              contributionId: commitSequence,
              recordIndex,
              bytes: text,
            },
          ]
        : [],
    ),
  );
  const { root, sizes } = commitCorpus(createCorpus(records));
  const { tokens, types, records: count, nodes } = sizes;
  return encodeRoot(id, { outcome: 'committed', root: toHex(root), tokens, types, records: count, nodes });
}

/** The object of any open subject. */
function honestObject(
  view: StateView,
  { kind, id }: Subject,
  leavesOf: (root: Hex) => readonly Uint8Array[],
): Uint8Array {
  if (kind === 'approval') return honestBody(view, id, leavesOf);
  if (kind === 'root') return honestRoot(rootTask(view, id), leavesOf);
  const task = trainingTask(view, id);
  return encodeTraining(task.modelId, task.version, encodeTrainingObject(trainTask(leavesOf, task).object));
}

export function attestRaw(
  test: TestChain,
  validator: TestValidator,
  said: { subject: Hex; root: Hex; genesisHash?: Hex; message?: Uint8Array; as?: Hex },
): Uint8Array {
  const genesisHash = said.genesisHash ?? test.chain.reader.genesisHash;
  const message = said.message ?? attestationSignBytes(genesisHash, said.subject, said.root);
  return encodeAttestation(
    {
      op: 'attest',
      subject: said.subject,
      validator: said.as ?? validator.address,
      root: said.root,
      signature: validator.secret.sign(message).toBytes(),
    },
    test.genesis.params.chainId,
  );
}

/** All validators attest what is open; blocks are made by `produce` until nothing is open any more. */
export async function attestOpen(
  test: TestChain,
  leavesOf: (root: Hex) => readonly Uint8Array[],
  produce: (attestations: Uint8Array[]) => Promise<unknown>,
): Promise<void> {
  const { params } = test.genesis;
  const view = () => test.chain.reader.stateAt(test.chain.head().number);
  const objects = openSubjects(view()).map((key) => ({
    key,
    object: honestObject(view(), subject(view(), key, params)!, leavesOf),
  }));
  if (objects.length === 0) return;
  // One more than two thirds: later ones would find the subject closed.
  const enough = test.validators.slice(0, Math.floor((2 * test.validators.length) / 3) + 1);
  await produce(
    objects.flatMap(({ key, object }) =>
      enough.map((validator) => attestRaw(test, validator, { subject: key, root: keccakHex(object) })),
    ),
  );
  for (let waited = 1; waited < params.attestation.activationBlocks; waited++) await produce([]);
  await produce(
    objects.map(({ key, object }) =>
      encodeAttestation({ op: 'publish', subject: key, object }, params.chainId),
    ),
  );
  if (openSubjects(view()).length > 0) throw new Error('something is still open');
}

/** Commits a block with these transactions of type 0x54 alone. */
export async function produceAttestations(test: TestChain, attestations: Uint8Array[]) {
  const { chain } = test;
  const built = await chain.build({
    parentHash: chain.head().hash,
    origin: test.origin(),
    attestations,
    candidates: [],
  });
  return { built, ...(await test.commit(built.block.hash)) };
}
