/**
 * Layout of the roots of pinned snapshots, by which texts are proven (docs/proofs.md), in the accounts of storage.ts.
 * Account 0x4f4c…52: `model.roots` (how many validators are asked for); per id of pinned snapshots `model.root` (the root
 * itself, so that a proof of this slot is a proof of it), `model.root.state` (status u8, refusal u8, tokens u48, types u48,
 * records u48, nodes u48), `model.root.pins` (modelId u64, version u32: whose pins they are), `model.root.subject`.
 */
import { Fault, type Hex, type StateView } from '../../types.ts';
import { AbiDecodeError, concatBytes, defineStruct, utf8Bytes } from '../abi.ts';
import type { ModuleContext } from '../context.ts';
import { keccakHex } from '../hash.ts';
import {
  readHash,
  readNumber,
  readPacked,
  slotOf,
  word,
  writeHash,
  writePacked,
  writeUint,
  ZERO_HASH,
} from '../storage.ts';
import { MODEL_ADDRESS } from './storage.ts';
import { ROOT_REFUSAL, ROOT_STATUS, type RootRefusal, type RootStatus, type SnapshotRoot } from './types.ts';

const ROOTS = slotOf('model.roots');
/** Slot of the module's account that holds the attested root of pinned snapshots; zero before. */
export const rootSlot = (id: Hex): Uint8Array => slotOf('model.root', id);
const stateSlot = (id: Hex) => slotOf('model.root.state', id);
const pinsSlot = (id: Hex) => slotOf('model.root.pins', id);
const subjectSlot = (id: Hex) => slotOf('model.root.subject', id);

const STATE = [
  ['status', 1],
  ['refusal', 1],
  ['tokens', 6],
  ['types', 6],
  ['records', 6],
  ['nodes', 6],
] as const;
const PINS = [
  ['modelId', 8],
  ['version', 4],
] as const;

const DOMAIN = utf8Bytes('OL/model/snapshots/v1');

/** A snapshot by what says its content on one chain: DataNets are append-only. */
export interface SnapshotName {
  readonly dataNetId: number;
  readonly length: number;
}

/** keccak(domain ‖ of each snapshot, DataNets ascending: word(DataNet) ‖ word(length)): the same for all models that pin the same. */
export function snapshotsIdOf(snapshots: readonly SnapshotName[]): Hex {
  const ascending = [...snapshots].sort((a, b) => a.dataNetId - b.dataNetId);
  const words = ascending.flatMap(({ dataNetId, length }) => [word(dataNetId), word(length)]);
  return keccakHex(concatBytes(DOMAIN, ...words));
}

const statusOf = new Map<bigint, RootStatus>(
  Object.entries(ROOT_STATUS).map(([name, value]) => [BigInt(value), name as RootStatus]),
);
const refusalOf = new Map<bigint, RootRefusal>(
  Object.entries(ROOT_REFUSAL).map(([name, value]) => [BigInt(value), name as RootRefusal]),
);

/** Roots that validators are asked for now. */
export function readRootCount(view: StateView): number {
  return readNumber(view, MODEL_ADDRESS, ROOTS);
}

export function readSnapshotRoot(view: StateView, id: Hex): SnapshotRoot {
  const packed = readPacked(view, MODEL_ADDRESS, stateSlot(id), STATE);
  return {
    id,
    status: statusOf.get(packed.status) ?? 'none',
    refusal: refusalOf.get(packed.refusal) ?? 'none',
    subject: orNone(readHash(view, MODEL_ADDRESS, subjectSlot(id))),
    root: orNone(readHash(view, MODEL_ADDRESS, rootSlot(id))),
    tokens: Number(packed.tokens),
    types: Number(packed.types),
    records: Number(packed.records),
    nodes: Number(packed.nodes),
  };
}

/** A model whose pins these are. @throws Fault if nobody ever asked for their root */
export function readRootPins(view: StateView, id: Hex): { modelId: bigint; version: number } {
  const { modelId, version } = readPacked(view, MODEL_ADDRESS, pinsSlot(id), PINS);
  if (modelId === 0n) throw new Fault(`nobody pinned the snapshots ${id}`);
  return { modelId, version: Number(version) };
}

/** Validators are asked from now on. */
export function openRoot(
  context: ModuleContext,
  id: Hex,
  { modelId, version, subject }: { modelId: bigint; version: number; subject: Hex },
): void {
  writeUint(context, MODEL_ADDRESS, ROOTS, readRootCount(context) + 1);
  writeState(context, id, 'open', 'none', NO_SIZES);
  writePacked(context, MODEL_ADDRESS, pinsSlot(id), PINS, { modelId, version: BigInt(version) });
  writeHash(context, MODEL_ADDRESS, subjectSlot(id), subject);
}

/** What came of it; undefined: nothing, its subject is frozen. */
export function closeRoot(context: ModuleContext, id: Hex, object: RootObject | undefined): void {
  writeUint(context, MODEL_ADDRESS, ROOTS, readRootCount(context) - 1);
  if (object === undefined) writeState(context, id, 'frozen', 'none', NO_SIZES);
  else if (object.outcome === 'refused') writeState(context, id, 'refused', object.refusal, NO_SIZES);
  else {
    writeState(context, id, 'attested', 'none', object);
    writeHash(context, MODEL_ADDRESS, rootSlot(id), object.root);
  }
}

type Sizes = Pick<SnapshotRoot, 'tokens' | 'types' | 'records' | 'nodes'>;
const NO_SIZES: Sizes = { tokens: 0, types: 0, records: 0, nodes: 0 };

function writeState(
  context: ModuleContext,
  id: Hex,
  status: RootStatus,
  refusal: RootRefusal,
  { tokens, types, records, nodes }: Sizes,
): void {
  writePacked(context, MODEL_ADDRESS, stateSlot(id), STATE, {
    status: BigInt(ROOT_STATUS[status]),
    refusal: BigInt(ROOT_REFUSAL[refusal]),
    tokens: BigInt(tokens),
    types: BigInt(types),
    records: BigInt(records),
    nodes: BigInt(nodes),
  });
}

// --- what validators attest -------------------------------------------------------------------------------------

/** What committing to pinned snapshots gave. */
export type RootObject =
  | ({ outcome: 'committed'; root: Hex } & Sizes)
  | { outcome: 'refused'; refusal: Exclude<RootRefusal, 'none'> };

const object = defineStruct(
  'uint8 refusal, bytes32 root, uint48 tokens, uint48 types, uint48 records, uint48 nodes',
);

/** slot of the root ‖ abi.encode(struct): no object fits two sets of snapshots. */
export function encodeRoot(id: Hex, value: RootObject): Uint8Array {
  const isRefused = value.outcome === 'refused';
  const { tokens, types, records, nodes } = isRefused ? NO_SIZES : value;
  return concatBytes(
    rootSlot(id),
    object.encode({
      refusal: BigInt(ROOT_REFUSAL[isRefused ? value.refusal : 'none']),
      root: isRefused ? ZERO_HASH : value.root,
      tokens: BigInt(tokens),
      types: BigInt(types),
      records: BigInt(records),
      nodes: BigInt(nodes),
    }),
  );
}

/** The object in such bytes; undefined unless they are one of these snapshots, in its one form. */
export function readRootObject(bytes: Uint8Array, id: Hex): RootObject | undefined {
  let value: ReturnType<typeof object.decode>;
  try {
    value = object.decode(bytes.subarray(32));
  } catch (error) {
    if (error instanceof AbiDecodeError) return undefined;
    throw error;
  }
  const refusal = refusalOf.get(value.refusal);
  if (refusal === undefined) return undefined;
  const found: RootObject =
    refusal !== 'none'
      ? { outcome: 'refused', refusal }
      : {
          outcome: 'committed',
          root: value.root,
          tokens: Number(value.tokens),
          types: Number(value.types),
          records: Number(value.records),
          nodes: Number(value.nodes),
        };
  if (found.outcome === 'committed' && found.root === ZERO_HASH) return undefined;
  const again = encodeRoot(id, found);
  return again.length === bytes.length && again.every((byte, i) => byte === bytes[i]) ? found : undefined;
}

function orNone(hash: Hex): Hex | undefined {
  return hash === ZERO_HASH ? undefined : hash;
}
