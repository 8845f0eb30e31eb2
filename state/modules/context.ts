import type { ChainParams, Genesis } from '../../genesis/types.ts';
import type { BlockOrigin, ExecutionPorts, Hex, Log, StateView, ValidatorRecord } from '../types.ts';
import type { Problem, Verify } from './attestation/subjects.ts';
import type { AttestationOperation } from './attestation/types.ts';

/**
 * What one call of a module's operation may see and do. Writes go through the EVM's journal, so that a revert at any
 * depth takes them back (E3). Given by the executor; the same object serves both doors (E1, E2).
 */
export interface ModuleContext extends StateView {
  readonly params: ChainParams;
  readonly block: { number: number; timestamp: number; parentTimestampMs: number };
  readonly genesisHash: Hex;
  /** The frame's caller and value (E1: from the executor's frame stack). */
  readonly caller: Hex;
  readonly value: bigint;
  readonly isStatic: boolean;
  /** Call depth 0 with `to` = this module, by native type or by ordinary transaction (C2). */
  readonly topLevel: boolean;
  readonly ports: ExecutionPorts;
  /** Charges gas before the work; throws the out-of-gas signal that the executor understands. */
  useGas(amount: bigint): void;
  gasLeft(): bigint;
  setStorage(address: Hex, slot: Uint8Array, value: Uint8Array): void;
  /** Stores a body in the per-block overlay and returns its keccak; a slot must name it to survive the commit. */
  putBody(body: Uint8Array): Hex;
  /** Moves wei between accounts; throws Fault if `from` lacks it (modules check before). Never runs code. */
  transfer(from: Hex, to: Hex, amount: bigint): void;
  emit(log: Log): void;
}

/** A module: one folder, one transaction type, one system address, one Solidity interface. */
export interface ModuleDefinition {
  /** Transaction type of the native door, 0x50... */
  readonly type: number;
  readonly name: string;
  /** 0x4f4c0000000000000000000000000000000000TT */
  readonly address: Hex;
  /** 0x4f4c0000000000000000000000000000000001TT: its slots hold keccaks of bodies. */
  readonly recordAddress: Hex;
  /**
   * Runs one call. `calldata` is selector || ABI arguments for both doors. Returns ABI-encoded return data.
   * Throws `ModuleRevert` with ABI-encoded error data.
   */
  run(context: ModuleContext, calldata: Uint8Array): Promise<Uint8Array>;
  /** Native door: RLP fields of operation `op` to calldata; undefined if malformed (the transaction is then not includable). */
  encodeNative(op: number, fields: import('../types.ts').NativeField[]): Uint8Array | undefined;
  /**
   * Attribution units that this transaction can use at most in the state before it, from declared sizes only; 0 for
   * most, and for those that will be refused before any attribution.
   */
  attributionUnits(call: TopLevelCall, view: StateView): number;
}

/** A transaction to a module, as far as its place in a block depends on it. */
export interface TopLevelCall {
  readonly params: ChainParams;
  readonly calldata: Uint8Array;
  readonly caller: Hex;
  readonly value: bigint;
  /** Of the whole transaction, intrinsic gas included. */
  readonly gasLimit: bigint;
  /** Block that would hold it. */
  readonly blockNumber: number;
}

/** The sets that the state after block H fixes: set(H+1) and set(H+2) (A6). */
export interface ValidatorSets {
  next: ValidatorRecord[];
  afterNext: ValidatorRecord[];
}

/**
 * What the protocol itself does, outside any transaction. The context has no caller (zero address), no value, no
 * gas limit, and its logs go nowhere.
 */
export interface ModuleHooks {
  /**
   * Wei that module accounts hold in block 0 beside what the genesis file allots: the bonds of the founders, which
   * block 0 creates. The genesis block credits them before it calls `genesis`.
   */
  genesisBalances(genesis: Genesis): { address: Hex; balance: bigint }[];
  /** Block 0, after the accounts of the genesis file exist. */
  genesis(context: ModuleContext, genesis: Genesis): void | Promise<void>;
  /** Before the first transaction of a block. `lastCommitHash` is the header's parentBeaconBlockRoot (A4). */
  beginBlock(context: ModuleContext, origin: BlockOrigin & { lastCommitHash: Hex }): void | Promise<void>;
  /** After the last one. */
  endBlock(context: ModuleContext): void | Promise<void>;
  validatorSets(view: StateView): ValidatorSets;
  /**
   * Proved equivocation of `operator` at `height`, from a system transaction. False, having changed nothing, if there
   * is nobody to punish or it was done before; the transaction is then invalid.
   */
  punishEquivocation?(context: ModuleContext, operator: Hex, height: number): boolean;
  /**
   * A transaction of type 0x54. The problem for which it cannot stand in this block, having changed nothing; undefined
   * when it was applied.
   */
  attestation?(context: ModuleContext, operation: AttestationOperation, verify: Verify): Problem | undefined;
}

/**
 * An error that is an answer and no mistake: contracts can bring it about as often as they pay for a call, and to
 * record where it was thrown would cost more than the rest of the call.
 */
export class Signal extends Error {
  constructor(message?: string) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Thrown by handlers: a protocol revert with ABI-encoded data. */
export class ModuleRevert extends Signal {
  override name = 'ModuleRevert';
  readonly data: Uint8Array;
  constructor(data: Uint8Array, message: string) {
    super(message);
    this.data = data;
  }
}
