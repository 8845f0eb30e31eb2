/** Operations of models. What they do and refuse is README.md beside this file. */
import type { AttributionEngine, Hex, SnapshotPin } from '../../types.ts';
import { readDataNetHead, readSnapshot, readVolume } from '../datanet/storage.ts';
import * as LIMIT from '../limits.ts';
import type { MeteredContext } from '../meter.ts';
import { checkText, type ModuleSpec } from '../module.ts';
import { ZERO_ADDRESS } from '../storage.ts';
import { modelInterface } from './abi.ts';
import { returnBond } from './bond.ts';
import { flattenLineage } from './lineage.ts';
import {
  addStake,
  engineNamed,
  MODEL_ADDRESS,
  type ModelState,
  type Pins,
  readModel,
  readModelBond,
  readModelCard,
  readModelCount,
  readModelOwner,
  readModelPins,
  readModelState,
  readStake,
  removeStake,
  takeStakeReward,
  toSnapshotStruct,
  writeModelBond,
  writeModelCard,
  writeModelCount,
  writeModelOperator,
  writeModelOwner,
  writeModelPins,
  writeModelPrice,
  writeModelState,
} from './storage.ts';
import { ENGINE, type LineageShare, MODEL_KIND, MODEL_STATUS } from './types.ts';

const { revert, encodeEvent } = modelInterface;
const MAX_ROYALTIES_BPS = 10_000n;

export const handlers: ModuleSpec<typeof modelInterface.spec>['handlers'] = {
  register(
    context,
    kind,
    engineNumber,
    name,
    description,
    parents,
    royaltiesBps,
    dataNetIds,
    operator,
    beneficiary,
    basePrice,
    pricePerToken,
  ) {
    // Base, adapter and merged models need training and influence, which this form of the chain does not have yet.
    if (kind !== BigInt(MODEL_KIND.external)) throw revert('KindNotSupported', [kind]);
    const engine = engineNamed(engineNumber);
    if (engine === undefined) throw revert('EngineNotSupported', [engineNumber]);
    if (name === '') throw revert('EmptyName', []);
    checkText(name, LIMIT.MAX_NAME_BYTES);
    checkText(description, LIMIT.MAX_DESCRIPTION_BYTES);
    checkAddresses(operator, beneficiary);
    const { minOperatorBond } = context.params.inference;
    if (context.value < minOperatorBond) throw revert('BondTooLow', [context.value, minOperatorBond]);
    const modelId = readModelCount(context) + 1;
    const id = BigInt(modelId);
    const lineage = lineageOf(context, modelId, parents, royaltiesBps);
    const pinned = pinNow(context, dataNetIds, engine);

    writeModelCount(context, modelId);
    writeModelOwner(context, id, context.caller);
    writeModelOperator(context, id, operator, beneficiary);
    writeModelState(context, id, {
      status: 'active',
      kind: 'external',
      engine,
      version: 1,
      openRequests: 0,
      createdAt: context.block.number,
    });
    writeModelPrice(context, id, { base: basePrice, token: pricePerToken });
    writeModelBond(context, id, context.value);
    writeModelCard(context, id, {
      name,
      description,
      parents: parents.map(Number),
      royaltiesBps: royaltiesBps.map(Number),
      lineage,
    });
    writeModelPins(context, id, 1, pinned);
    context.emit(encodeEvent('Registered', [id, context.caller, operator, kind, engineNumber, name]));
    context.emit(encodeEvent('PriceSet', [id, basePrice, pricePerToken]));
    context.emit(encodeEvent('BondAdded', [id, context.value]));
    emitPins(context, id, 1, pinned.snapshots);
    return [id];
  },

  repin(context, id, dataNetIds) {
    const state = ownedAndActive(context, id);
    const pinned = pinNow(context, dataNetIds, state.engine);
    const version = state.version + 1;
    writeModelState(context, id, { ...state, version });
    writeModelPins(context, id, version, pinned);
    emitPins(context, id, version, pinned.snapshots);
    return [BigInt(version)];
  },

  setPrice(context, id, basePrice, pricePerToken) {
    ownedAndActive(context, id);
    writeModelPrice(context, id, { base: basePrice, token: pricePerToken });
    context.emit(encodeEvent('PriceSet', [id, basePrice, pricePerToken]));
    return [];
  },

  stake(context, id) {
    active(context, id);
    const amount = context.value;
    if (amount === 0n) throw revert('ZeroAmount', []);
    // A stake that came for one fee and left would take from those who stay.
    const lockedUntil = context.block.number + context.params.inference.vestingBlocks;
    addStake(context, id, context.caller, amount, lockedUntil);
    context.emit(encodeEvent('Staked', [id, context.caller, amount]));
    return [];
  },

  unstake(context, id, amount) {
    known(context, id);
    if (amount === 0n) throw revert('ZeroAmount', []);
    const position = readStake(context, id, context.caller);
    if (amount > position.amount) throw revert('StakeTooLow', [position.amount, amount]);
    const now = context.block.number;
    if (now < position.lockedUntil) throw revert('StakeLocked', [BigInt(position.lockedUntil), BigInt(now)]);
    removeStake(context, id, context.caller, amount);
    context.transfer(MODEL_ADDRESS, context.caller, amount);
    context.emit(encodeEvent('Unstaked', [id, context.caller, amount]));
    return [];
  },

  retire(context, id) {
    const state = ownedAndActive(context, id);
    writeModelState(context, id, { ...state, status: 'retired' });
    context.emit(encodeEvent('Retired', [id]));
    if (state.openRequests === 0) returnBond(context, id);
    return [];
  },

  claim(context, id) {
    known(context, id);
    const amount = takeStakeReward(context, id, context.caller);
    if (amount === 0n) throw revert('NothingToClaim', []);
    context.transfer(MODEL_ADDRESS, context.caller, amount);
    context.emit(encodeEvent('StakeRewardClaimed', [id, context.caller, amount]));
    return [amount];
  },

  addBond(context, id) {
    active(context, id);
    if (context.value === 0n) throw revert('ZeroAmount', []);
    writeModelBond(context, id, readModelBond(context, id) + context.value);
    context.emit(encodeEvent('BondAdded', [id, context.value]));
    return [];
  },

  setOperator(context, id, operator, beneficiary) {
    ownedAndActive(context, id);
    checkAddresses(operator, beneficiary);
    writeModelOperator(context, id, operator, beneficiary);
    context.emit(encodeEvent('OperatorSet', [id, operator, beneficiary]));
    return [];
  },

  model(context, id) {
    const found = readModel(context, id);
    if (found === undefined) throw revert('UnknownModel', [id]);
    return [
      {
        ...found,
        id,
        kind: BigInt(MODEL_KIND[found.kind]),
        engine: BigInt(ENGINE[found.engine]),
        status: BigInt(MODEL_STATUS[found.status]),
        version: BigInt(found.version),
        createdAt: BigInt(found.createdAt),
        openRequests: BigInt(found.openRequests),
        parents: found.parents.map(BigInt),
        royaltiesBps: found.royaltiesBps.map(BigInt),
        lineage: found.lineage.map((share) => ({
          modelId: BigInt(share.modelId),
          parts: BigInt(share.parts),
        })),
        snapshots: found.snapshots.map(toSnapshotStruct),
      },
    ];
  },

  modelCount: (context) => [BigInt(readModelCount(context))],

  snapshots(context, id, version) {
    const state = known(context, id);
    const isKnown = version >= 1n && version <= BigInt(state.version);
    return [((isKnown && readModelPins(context, id, Number(version))) || []).map(toSnapshotStruct)];
  },

  stakeOf(context, id, staker) {
    known(context, id);
    const { amount, reward, lockedUntil } = readStake(context, id, staker);
    return [{ amount, reward, lockedUntil: BigInt(lockedUntil) }];
  },
};

function known(context: MeteredContext, id: bigint): ModelState {
  const state = readModelState(context, id);
  if (state === undefined) throw revert('UnknownModel', [id]);
  return state;
}

function active(context: MeteredContext, id: bigint): ModelState {
  const state = known(context, id);
  if (state.status === 'retired') throw revert('ModelRetired', [id]);
  return state;
}

function ownedAndActive(context: MeteredContext, id: bigint): ModelState {
  const state = known(context, id);
  if (readModelOwner(context, id) !== context.caller) throw revert('NotModelOwner', [context.caller]);
  if (state.status === 'retired') throw revert('ModelRetired', [id]);
  return state;
}

function checkAddresses(...addresses: Hex[]): void {
  if (addresses.includes(ZERO_ADDRESS)) throw revert('ZeroAddress', []);
}

/** Ascending lists have one spelling and no doubles. */
function checkAscending(ids: readonly bigint[]): void {
  ids.forEach((id, i) => {
    if (i > 0 && id <= (ids[i - 1] as bigint)) throw revert('NotAscending', [id]);
  });
}

/** Snapshots of the DataNets as they are now: what makes an answer's attribution reproducible (C1). */
function pinNow(context: MeteredContext, dataNetIds: readonly bigint[], engine: AttributionEngine): Pins {
  const limit = context.params.inference.maxSnapshotsPerModel;
  if (dataNetIds.length === 0) throw revert('NoDataNets', []);
  if (dataNetIds.length > limit) throw revert('TooManyDataNets', [BigInt(dataNetIds.length), BigInt(limit)]);
  checkAscending(dataNetIds);
  let [entries, records, bytes] = [0, 0, 0];
  const snapshots = dataNetIds.map((id) => {
    const head = readDataNetHead(context, id);
    if (head === undefined) throw revert('UnknownDataNet', [id]);
    if (head.status !== 'published') throw revert('DataNetNotPublished', [id]);
    const pin = readSnapshot(context, id);
    if (pin.length === 0) throw revert('EmptySnapshot', [id]);
    const volume = readVolume(context, id);
    entries += pin.length;
    records += volume.records;
    bytes += volume.bytes;
    return pin;
  });
  if (entries > LIMIT.MAX_PINNED_ENTRIES)
    throw revert('TooManyEntries', [BigInt(entries), BigInt(LIMIT.MAX_PINNED_ENTRIES)]);
  const maxRecords = engine === 'retrieval' ? context.params.retrieval.maxRecords : LIMIT.MAX_PINNED_RECORDS;
  if (records > maxRecords) throw revert('TooManyRecords', [BigInt(records), BigInt(maxRecords)]);
  if (bytes > LIMIT.MAX_PINNED_BYTES)
    throw revert('SnapshotsTooLarge', [BigInt(bytes), BigInt(LIMIT.MAX_PINNED_BYTES)]);
  return { snapshots, records };
}

function lineageOf(
  context: MeteredContext,
  modelId: number,
  parents: readonly bigint[],
  royaltiesBps: readonly bigint[],
): LineageShare[] {
  if (parents.length > LIMIT.MAX_PARENTS)
    throw revert('TooManyParents', [BigInt(parents.length), BigInt(LIMIT.MAX_PARENTS)]);
  if (parents.length !== royaltiesBps.length)
    throw revert('RoyaltiesMismatch', [BigInt(parents.length), BigInt(royaltiesBps.length)]);
  checkAscending(parents);
  const sum = royaltiesBps.reduce((a, b) => a + b, 0n);
  if (sum > MAX_ROYALTIES_BPS) throw revert('RoyaltiesTooHigh', [sum]);
  const lineage = flattenLineage(
    modelId,
    parents.map((parent, i) => {
      known(context, parent);
      return {
        modelId: Number(parent),
        royaltyBps: Number(royaltiesBps[i]),
        lineage: readModelCard(context, parent).lineage,
      };
    }),
  );
  if (lineage.length - 1 > LIMIT.MAX_ANCESTORS)
    throw revert('TooManyAncestors', [BigInt(lineage.length - 1), BigInt(LIMIT.MAX_ANCESTORS)]);
  return lineage;
}

function emitPins(
  context: MeteredContext,
  id: bigint,
  version: number,
  pinned: readonly SnapshotPin[],
): void {
  for (const { dataNetId, length, historyHash } of pinned)
    context.emit(
      encodeEvent('Pinned', [id, BigInt(version), BigInt(dataNetId), BigInt(length), historyHash]),
    );
}
