/** Steps that most stories of the modules begin with. */
import { attributionRecord, encodeAttributionRecord, lex } from '../../../../attribution/api.ts';
import { createRecordJudge } from '../../../../attribution/approval/judge.ts';
import { createValidatorSet } from '../../../../consensus/validator-set/set.ts';
import { sha256, toHex } from '../../../../state/crypto.ts';
import type { AttestationOperation } from '../../../../state/modules/attestation/types.ts';
import { keccakHex } from '../../../../state/modules/hash.ts';
import { interfaceAt } from '../../../../state/modules/interfaces.ts';
import { ENGINE } from '../../../../state/modules/model/types.ts';
import { hooks } from '../../../../state/modules/registry.ts';
import { writeSet } from '../../../../state/modules/staking/storage.ts';
import {
  approvalOf,
  approvalTask,
  attestations,
  commitmentOf,
  encodeApproval,
  openSubjects,
  sequence,
  subject,
} from '../../../../state/modules/views.ts';
import type {
  ArtifactInfo,
  AttributionEngine,
  AttributionJob,
  AttributionOutcome,
  Hex,
  Log,
} from '../../../../state/types.ts';
import { OPEN, person, salt, type World } from './world.ts';

export async function createDataNet(world: World, owner: Hex, name = 'poems'): Promise<bigint> {
  const { values } = await world.must('datanet', 'create', [name, 'summary', '', ['verse']], { from: owner });
  const id = values[0] as bigint;
  await world.must('datanet', 'publish', [id], { from: owner });
  return id;
}

export interface Committed {
  id: Hex;
  artifact: ArtifactInfo;
  salt: Hex;
}

let saltCounter = 0;

export async function commit(
  world: World,
  contributor: Hex,
  dataNetId: bigint,
  records: readonly (string | Uint8Array)[],
): Promise<Committed> {
  const artifact = world.addArtifact(records);
  const secret = salt(++saltCounter);
  const commitment = commitmentOf({
    sender: contributor,
    dataNetId,
    artifactRoot: artifact.root,
    size: artifact.size,
    salt: secret,
  });
  world.give(contributor, OPEN);
  const { values } = await world.must('contribution', 'commit', [dataNetId, commitment], {
    from: contributor,
    value: OPEN,
  });
  return { id: values[0] as Hex, artifact, salt: secret };
}

export function revealArguments({ id, artifact, salt: secret }: Committed, metadata = ''): unknown[] {
  return [
    id,
    artifact.root,
    BigInt(artifact.size),
    BigInt(artifact.leafCount),
    'CC-BY-4.0',
    metadata,
    secret,
  ];
}

/** Validators of a world in which nobody checks signatures, by their powers; members of the present block's set. */
export function seat(world: World, powers: readonly bigint[] = [1n, 1n, 1n, 1n]): Hex[] {
  const members = powers.map((power, i) => ({
    address: person(0xa0 + i),
    blsPublicKey: new Uint8Array(48).fill(0xa0 + i),
    power,
    recipient: person(0xa0 + i),
    priority: 0n,
  }));
  writeSet(world.system(), world.block.number, createValidatorSet(members));
  return members.map(({ address }) => address);
}

/** One transaction of type 0x54, as a block applies it: its problem or its events. */
export function attestation(world: World, operation: AttestationOperation) {
  const logs: Log[] = [];
  const problem = hooks.attestation?.(world.system(logs), operation, () => true);
  if (problem !== undefined) return { problem: problem.reason, early: problem.early };
  return { events: logs.map((log) => interfaceAt(log.address)?.decodeEvent(log)?.name) };
}

/** What an honest validator computes about a queued contribution. */
export function approvalBody(world: World, id: Hex): Uint8Array {
  const entriesOf = (net: number) => sequence(world.view, net, 0, 1_000);
  const task = approvalTask(world.view, id, entriesOf);
  const judge = createRecordJudge();
  const judged = ({ artifactRoot, commitSequence }: (typeof task)['own']) =>
    judge.judge({
      commitSequence,
      records: world.leavesOf(artifactRoot).map((text) => ({ hash: toHex(sha256(text)), text })),
    });
  for (const earlier of task.before) judged(earlier);
  return encodeApproval(approvalOf(id, task.own.commitSequence, judged(task.own)));
}

/** All validators attest what is queued and publish it, in the order of approval; the block's number stays. */
export function attestAll(world: World): string[] {
  const events: string[] = [];
  const apply = (operation: AttestationOperation) => {
    const result = attestation(world, operation);
    if (result.problem !== undefined) throw new Error(result.problem);
    events.push(...(result.events ?? []).map(String));
  };
  const { number } = world.block;
  const objects = openSubjects(world.view).flatMap((key) => {
    const found = subject(world.view, key, world.params)!;
    if (found.kind !== 'approval') return [];
    const object = approvalBody(world, found.id);
    for (const { validator, root } of attestations(world.view, key) ?? [])
      if (root === undefined && subject(world.view, key, world.params)?.status === 'open')
        apply({
          op: 'attest',
          subject: key,
          validator,
          root: keccakHex(object),
          signature: new Uint8Array(96),
        });
    return [{ key, object }];
  });
  world.block.number += world.params.attestation.activationBlocks;
  for (const { key, object } of objects) apply({ op: 'publish', subject: key, object });
  world.block.number = number;
  return events;
}

/** The owner approves, validators attest at once. */
export async function approve(world: World, owner: Hex, id: Hex): Promise<string[]> {
  seat(world);
  await world.must('contribution', 'approve', [id], { from: owner });
  return attestAll(world);
}

/** Commits, reveals and approves; returns the contribution's id. */
export async function contribute(
  world: World,
  owner: Hex,
  contributor: Hex,
  dataNetId: bigint,
  records: readonly (string | Uint8Array)[],
): Promise<Hex> {
  const committed = await commit(world, contributor, dataNetId, records);
  await world.must('contribution', 'reveal', revealArguments(committed), { from: contributor });
  await approve(world, owner, committed.id);
  return committed.id;
}

export interface ModelOptions {
  owner: Hex;
  operator: Hex;
  beneficiary: Hex;
  dataNetIds: readonly bigint[];
  parents?: readonly bigint[];
  royaltiesBps?: readonly bigint[];
  engine?: AttributionEngine;
  basePrice?: bigint;
  pricePerToken?: bigint;
}

export function registerArguments(options: ModelOptions): unknown[] {
  return [
    4n,
    BigInt(ENGINE[options.engine ?? 'token']),
    'oracle',
    'answers in verse',
    options.parents ?? [],
    options.royaltiesBps ?? [],
    options.dataNetIds,
    options.operator,
    options.beneficiary,
    options.basePrice ?? 1_000n,
    options.pricePerToken ?? 10n,
  ];
}

export async function registerModel(world: World, options: ModelOptions): Promise<bigint> {
  const bond = world.params.inference.minOperatorBond;
  world.give(options.owner, bond);
  seat(world);
  const { values } = await world.must('model', 'register', registerArguments(options), {
    from: options.owner,
    value: bond,
  });
  return values[0] as bigint;
}

export async function ask(
  world: World,
  asker: Hex,
  modelId: bigint,
  escrow = 10_000n,
  maxOutputTokens = 64n,
  prompt = 'Sing, goddess',
): Promise<Hex> {
  world.give(asker, escrow);
  const { values } = await world.must('inference', 'request', [modelId, prompt, maxOutputTokens], {
    from: asker,
    value: escrow,
  });
  return values[0] as Hex;
}

/** An engine that credits as told; its record is canonical and names request and output, as the real one's does. */
export function creditAs(credits: readonly { contributor: Hex; parts: number }[]) {
  return (job: AttributionJob): AttributionOutcome => {
    const ordered = [...credits].sort(
      (a, b) => b.parts - a.parts || (a.contributor < b.contributor ? -1 : 1),
    );
    const coverage = ordered.reduce((sum, credit) => sum + credit.parts, 0);
    const record = encodeAttributionRecord(
      attributionRecord(job.requestHash, job.output, {
        version: 1,
        totalWeightQ16: 1 << 20,
        coverage,
        uncovered: 1_000_000_000 - coverage,
        credits: ordered.map(({ contributor, parts }) => ({ contributor, credit: parts })),
        spans: [],
      } as never),
    );
    return {
      record,
      recordHash: keccakHex(record),
      outputTokens: lex(job.output).length,
      credits: ordered,
      uncovered: 1_000_000_000 - coverage,
    };
  };
}
