/**
 * Records of the native modules as JSON of the `ol` namespace: ids, heights and counts are numbers, wei are hex
 * quantities, hashes and bytes are hex, states are words.
 */
import { WHOLE } from '../attribution/api.ts';
import { decodeTrainingSpec, type TrainingSpec } from '../attribution/trained/api.ts';
import type { ChainParams } from '../genesis/types.ts';
import { moduleAddress, TYPE } from '../state/modules/addresses.ts';
import type { Attestation, Subject } from '../state/modules/attestation/views.ts';
import type { Contribution } from '../state/modules/contribution/views.ts';
import { type DataNet, dataNet, type HistoryEntry } from '../state/modules/datanet/views.ts';
import type { Citation, Inference } from '../state/modules/inference/views.ts';
import {
  type Model,
  type ModelTraining,
  model,
  rootSlot,
  type SnapshotRoot,
  type Training,
} from '../state/modules/model/views.ts';
import type { RewardView } from '../state/modules/reward/views.ts';
import type { Hex, ModelEngine, SnapshotPin, StateView } from '../state/types.ts';
import type { AttributionCitation, AttributionView } from './backend.ts';
import { hexOf, quantity } from './encode.ts';

const NO_HASH = `0x${'0'.repeat(64)}`;

export function dataNetJson(net: DataNet): object {
  return { ...net, tags: [...net.tags] };
}

export function entryJson(entry: HistoryEntry): object {
  return { ...entry, accepted: hexOf(entry.accepted) };
}

/** `held`: whether this node has the bytes; `attestation`: its newest subject. Absent where they were not looked up. */
export function contributionJson(
  item: Contribution,
  more: { held?: boolean; attestation?: object | null } = {},
): Record<string, unknown> {
  const { revealed, approval } = item;
  return {
    id: item.id,
    dataNetId: item.dataNetId,
    contributor: item.contributor,
    status: item.status,
    commitment: item.commitment,
    commitSequence: item.commitSequence,
    commitBlock: item.commitBlock,
    revealBy: item.revealBy,
    deposit: quantity(item.deposit),
    artifactRoot: revealed?.artifactRoot ?? NO_HASH,
    size: revealed?.size ?? 0,
    recordCount: revealed?.recordCount ?? 0,
    licence: revealed?.licence ?? '',
    metadata: revealed?.metadata ?? '',
    sequenceIndex: approval?.sequenceIndex ?? null,
    acceptedCount: approval?.acceptedCount ?? 0,
    accepted: approval ? hexOf(approval.accepted) : '0x',
    founders: approval ? hexOf(approval.founders) : '0x',
    novelty: approval
      ? {
          records: approval.novelRecords,
          bytes: approval.novelBytes,
          tokens: approval.novelTokens,
          unquotedTokens: approval.unquotedTokens,
          totalTokens: approval.tokens,
        }
      : null,
    subject: item.subject ?? null,
    flags: item.flags,
    ...more,
  };
}

export function subjectJson(item: Subject): Record<string, unknown> {
  return {
    key: item.key,
    kind: item.kind,
    id: item.id,
    sequence: item.sequence,
    status: item.status,
    reason: item.reason,
    openedAt: item.openedAt,
    settledAt: item.settledAt > 0 ? item.settledAt : null,
    activeFrom: item.activeFrom > 0 ? item.activeFrom : null,
    root: item.root ?? null,
    votedPower: quantity(item.votedPower),
    bestPower: quantity(item.bestPower),
    totalPower: quantity(item.totalPower),
  };
}

export function attestedJson(item: Attestation): object {
  return { validator: item.validator, power: quantity(item.power), root: item.root ?? null };
}

export function rewardJson(reward: RewardView): object {
  return {
    account: reward.account,
    claimable: quantity(reward.claimable),
    pending: quantity(reward.pending),
    maturing: { amount: quantity(reward.maturing.amount), at: reward.maturing.at },
    filling: { amount: quantity(reward.filling.amount), at: reward.filling.at },
    beneficiary: reward.beneficiary,
  };
}

/** Genesis parameters: their big integers as decimal strings. */
export function paramsJson(params: ChainParams): unknown {
  return JSON.parse(
    JSON.stringify(params, (_, value) => (typeof value === 'bigint' ? value.toString() : value)),
  );
}

/** `account` and `slot`: what eth_getProof proves the root by. */
export function snapshotRootJson({ id, refusal, subject, root, ...more }: SnapshotRoot): object {
  return {
    snapshotsId: id,
    ...more,
    refusal: refusal === 'none' ? null : refusal,
    root: root ?? null,
    subject: subject ?? null,
    account: moduleAddress(TYPE.model),
    slot: hexOf(rootSlot(id)),
  };
}

export function modelJson({ training, root, ...item }: Model, state: StateView): object {
  return {
    ...item,
    basePrice: quantity(item.basePrice),
    pricePerToken: quantity(item.pricePerToken),
    bond: quantity(item.bond),
    totalStake: quantity(item.totalStake),
    snapshots: item.snapshots.map((pin) => pinJson(pin, state)),
    attributionRoot: root ? snapshotRootJson(root) : null,
    training: training ? trainingJson(training, state) : null,
  };
}

/** Settings in words and as bytes, the version that answers, and the one that came last. */
function trainingJson({ spec, active, newest }: ModelTraining, state: StateView): object {
  return {
    settings: settingsJson(decodeTrainingSpec(spec)),
    spec: hexOf(spec),
    active: active ? versionJson(active, state) : null,
    newest: versionJson(newest, state),
  };
}

function settingsJson({ features, classes, training, metric }: TrainingSpec): object {
  return {
    features,
    classes,
    training: 'seed' in training ? { ...training, seed: hexOf(training.seed) } : training,
    metric,
  };
}

function versionJson(item: Training, state: StateView): object {
  const { object } = item;
  const trained = object?.outcome === 'trained' ? object : undefined;
  return {
    version: item.version,
    status: item.status,
    base: item.base ?? null,
    claimedHash: item.claimedHash ?? null,
    subject: item.subject,
    modelHash: trained?.modelHash ?? null,
    metricHash: trained?.metricHash ?? null,
    samples: trained?.samples ?? null,
    passedOver: trained?.passedOver ?? null,
    dimensions: trained?.dimensions ?? null,
    refusal: item.refusal === 'none' ? null : refusalJson(item),
    snapshots: item.snapshots.map((pin) => pinJson(pin, state)),
  };
}

/** `detail`: the failure that validators attested, or why they attested nothing. */
function refusalJson({ refusal, object, freezeReason }: Training): object {
  const failure = object?.outcome === 'failed' ? object.failure : null;
  return { reason: refusal, detail: refusal === 'frozen' ? freezeReason : failure };
}

function pinJson(pin: SnapshotPin, state: StateView): object {
  return { ...pin, name: dataNet(state, pin.dataNetId)?.name ?? null };
}

export function inferenceJson(item: Inference, state: StateView): Record<string, unknown> {
  const used = model(state, item.modelId);
  return {
    id: item.id,
    sequence: item.sequence,
    modelId: item.modelId,
    modelName: used?.name ?? null,
    modelKind: used?.kind ?? null,
    modelVersion: item.modelVersion,
    engine: item.engine,
    asker: item.asker,
    operator: item.operator,
    status: item.status,
    prompt: item.prompt,
    basePrice: quantity(item.basePrice),
    pricePerToken: quantity(item.pricePerToken),
    maxOutputTokens: item.maxOutputTokens,
    escrow: quantity(item.escrow),
    requestedAt: item.requestedAt,
    expiryBlock: item.expiryBlock,
    attributionVersion: item.attributionVersion,
    paramsHash: item.paramsHash,
    promptHash: item.promptHash,
    requestHash: item.requestHash,
    attributionHash: item.attributionHash ?? null,
    fee: item.status === 'settled' ? quantity(item.fee) : null,
    outputTokens: item.status === 'settled' ? item.outputTokens : null,
    closedAt: item.closedAt > 0 ? item.closedAt : null,
    snapshots: item.snapshots.map((pin) => pinJson(pin, state)),
  };
}

/** A citation as state says it, with what only the bytes of its record tell. */
export type CitationToShow = Citation & Partial<AttributionCitation>;

/** What an attribution says, whoever computed it. `output`: the bytes that positions count in. */
export interface AttributionToShow
  extends Omit<AttributionView, 'engine' | 'spans' | 'citations' | 'credits'> {
  readonly engine: ModelEngine;
  readonly requestId: Hex;
  readonly credits: readonly {
    readonly contributor: Hex;
    readonly parts: number;
    readonly amount?: Hex | null;
  }[];
  readonly spans: AttributionView['spans'] | null;
  readonly citations: readonly CitationToShow[];
  readonly output: Uint8Array;
}

/** Said wherever a person sees an attribution. */
export const WHAT_IT_PROVES: Readonly<Record<ModelEngine, string>> = {
  token: 'For an external model the chain proves what the answer quotes, not what the model learned.',
  retrieval:
    'The chain proves which records are nearest to the prompt, not that the model read them or that the answer follows from them.',
  influence:
    'Every validator trained this model and computed this answer: who is credited gave samples without which the model would be less sure of it.',
};

export function attributionJson(state: StateView, shown: AttributionToShow): Record<string, unknown> {
  const names = new Map<number, string | null>();
  const nameOf = (id: number): string | null => {
    if (!names.has(id)) names.set(id, dataNet(state, id)?.name ?? null);
    return names.get(id) ?? null;
  };
  return {
    requestId: shown.requestId,
    engine: shown.engine,
    recordHash: shown.recordHash,
    outputTokens: shown.outputTokens,
    /** Parts of 10^9 of the data pool. */
    coverage: WHOLE - shown.uncovered,
    uncovered: shown.uncovered,
    credits: shown.credits,
    /** Null where there are none to tell: an engine without spans, or bytes that are not here. */
    spans:
      (shown.engine === 'token' ? shown.spans : null)?.map(({ weightQ16, ...span }) => ({
        ...span,
        text: Buffer.from(shown.output.subarray(span.startByte, span.endByte)).toString('utf8'),
        weightBits: Math.round((weightQ16 / 65_536) * 1_000) / 1_000,
        dataNetName: nameOf(span.dataNetId),
      })) ?? null,
    citations:
      shown.engine === 'retrieval'
        ? shown.citations.map((citation) => ({ ...citation, dataNetName: nameOf(citation.dataNetId) }))
        : null,
    note: WHAT_IT_PROVES[shown.engine],
  };
}
