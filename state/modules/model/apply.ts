/** Operations of models. What they do and refuse is README.md beside this file. */
import type { MeteredContext } from '../meter.ts';
import type { ModuleSpec } from '../module.ts';
import { ZERO_ADDRESS, ZERO_HASH } from '../storage.ts';
import { modelInterface } from './abi.ts';
import { returnBond } from './bond.ts';
import { readModel, readTraining } from './read.ts';
import { registerTrained, trainAgain } from './register-trained.ts';
import { checkAddresses, checkCard, emitPins, known, lineageOf, pinNow } from './registration.ts';
import { askForRoot, rootOfSnapshots } from './roots.ts';
import {
  addStake,
  engineNamed,
  isTrainedKind,
  MODEL_ADDRESS,
  type ModelState,
  readModelBond,
  readModelCount,
  readModelOwner,
  readModelPins,
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
import { abandonTraining } from './training.ts';
import { readTrainingObject, readTrainingSpec, readVersions } from './training-storage.ts';
import {
  ENGINE,
  MODEL_KIND,
  MODEL_STATUS,
  REFUSAL,
  ROOT_REFUSAL,
  ROOT_STATUS,
  TRAINING_STATUS,
} from './types.ts';

const { revert, encodeEvent } = modelInterface;

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
    // Those that the chain trains are registered by `registerTrained`; merged ones do not exist yet.
    if (kind !== BigInt(MODEL_KIND.external)) throw revert('KindNotSupported', [kind]);
    const engine = engineNamed(engineNumber);
    // Influence is of models that the chain trains.
    if (engine !== 'token' && engine !== 'retrieval') throw revert('EngineNotSupported', [engineNumber]);
    checkCard(name, description);
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
    if (engine === 'token') askForRoot(context, id, 1, pinned);
    return [id];
  },

  registerTrained,

  repin(context, id, dataNetIds) {
    const state = ownedAndActive(context, id);
    if (isTrainedKind(state.kind)) return [BigInt(trainAgain(context, id, state.kind, dataNetIds))];
    const pinned = pinNow(context, dataNetIds, state.engine);
    const version = state.version + 1;
    writeModelState(context, id, { ...state, version });
    writeModelPins(context, id, version, pinned);
    emitPins(context, id, version, pinned.snapshots);
    if (state.engine === 'token') askForRoot(context, id, version, pinned);
    return [BigInt(version)];
  },

  setPrice(context, id, basePrice, pricePerToken) {
    const { kind } = ownedAndActive(context, id);
    if (isTrainedKind(kind) && pricePerToken !== 0n) throw revert('NoTokenPrice', []);
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
    abandonTraining(context, id);
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
    const { kind } = ownedAndActive(context, id);
    if (isTrainedKind(kind)) {
      if (operator !== ZERO_ADDRESS) throw revert('NoOperator', []);
      checkAddresses(beneficiary);
    } else checkAddresses(operator, beneficiary);
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
    const newest = isTrainedKind(state.kind) ? readVersions(context, id).newest : state.version;
    const isKnown = version >= 1n && version <= BigInt(newest);
    return [((isKnown && readModelPins(context, id, Number(version))) || []).map(toSnapshotStruct)];
  },

  attributionRoot(context, id, version) {
    const state = known(context, id);
    const wanted = version === 0n ? state.version : Number(version);
    const pins = version <= BigInt(state.version) ? readModelPins(context, id, wanted) : undefined;
    if (pins === undefined) throw revert('UnknownVersion', [id, version]);
    const found = rootOfSnapshots(context, pins);
    return [
      {
        id: found.id,
        status: BigInt(ROOT_STATUS[found.status]),
        refusal: BigInt(ROOT_REFUSAL[found.refusal]),
        subject: found.subject ?? ZERO_HASH,
        root: found.root ?? ZERO_HASH,
        tokens: BigInt(found.tokens),
        types: BigInt(found.types),
        records: BigInt(found.records),
        nodes: BigInt(found.nodes),
      },
    ];
  },

  training(context, id, version) {
    const spec = known(context, id) && readTrainingSpec(context, id);
    if (spec === undefined) throw revert('NotTrained', [id]);
    const { newest } = readVersions(context, id);
    if (version > BigInt(newest)) throw revert('UnknownVersion', [id, version]);
    const found = readTraining(context, id, version === 0n ? newest : Number(version));
    if (found === undefined) throw revert('UnknownVersion', [id, version]);
    return [
      {
        version: BigInt(found.version),
        status: BigInt(TRAINING_STATUS[found.status]),
        refusal: BigInt(REFUSAL[found.refusal]),
        subject: found.subject,
        baseId: BigInt(found.base?.modelId ?? 0),
        baseVersion: BigInt(found.base?.version ?? 0),
        claimedHash: found.claimedHash ?? ZERO_HASH,
        spec,
        object: readTrainingObject(context, id, found.version) ?? new Uint8Array(0),
      },
    ];
  },

  stakeOf(context, id, staker) {
    known(context, id);
    const { amount, reward, lockedUntil } = readStake(context, id, staker);
    return [{ amount, reward, lockedUntil: BigInt(lockedUntil) }];
  },
};

/** Neither retired nor refused. */
function active(context: MeteredContext, id: bigint): ModelState {
  const state = known(context, id);
  if (state.status === 'retired') throw revert('ModelRetired', [id]);
  if (state.status === 'refused') throw revert('ModelRefused', [id]);
  return state;
}

function ownedAndActive(context: MeteredContext, id: bigint): ModelState {
  known(context, id);
  if (readModelOwner(context, id) !== context.caller) throw revert('NotModelOwner', [context.caller]);
  return active(context, id);
}
