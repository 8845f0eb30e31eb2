/** The context in which a module's handler runs (rules E1 to E3), and the one of the protocol's own steps. */
import type { ChainParams } from '../../genesis/types.ts';
import { isEmptyAccount } from '../accounts/account.ts';
import { bareHex, fromHex, keccak256, ZERO_ADDRESS } from '../crypto.ts';
import { type ModuleContext, ModuleRevert, Signal } from '../modules/context.ts';
import { type ExecutionPorts, Fault, type Hex, type InternalOperation, type Log } from '../types.ts';
import type { World } from './world.ts';

/** First four bytes of the hash of an error's signature: an ABI-encoded error without arguments. */
export function bareError(signature: string): Uint8Array {
  return keccak256(Buffer.from(signature, 'ascii')).slice(0, 4);
}

const WRITE_IN_STATIC = bareError('WriteInStaticContext()');

/** Thrown by `useGas`; the executor turns it into the EVM's out-of-gas. */
export class OutOfGas extends Signal {
  override name = 'OutOfGas';
}

/** What all contexts of one block share. */
export interface BlockEnvironment {
  params: ChainParams;
  genesisHash: Hex;
  ports: ExecutionPorts;
  block: { number: number; timestamp: number; parentTimestampMs: number };
}

export interface Frame {
  caller: Hex;
  value: bigint;
  isStatic: boolean;
  topLevel: boolean;
  gasLimit: bigint;
}

export interface FrameContext extends ModuleContext {
  readonly logs: Log[];
  readonly operations: InternalOperation[];
  gasUsed(): bigint;
}

export function frameContext(world: World, environment: BlockEnvironment, frame: Frame): FrameContext {
  return new ContextOfFrame(world, environment, frame);
}

/**
 * A class, since contracts call modules as often as they pay for: an object that spreads another and closes over its
 * functions takes longer to make than everything else that such a call does.
 */
class ContextOfFrame implements FrameContext {
  readonly params: ChainParams;
  readonly genesisHash: Hex;
  readonly ports: ExecutionPorts;
  readonly block: BlockEnvironment['block'];
  readonly caller: Hex;
  readonly value: bigint;
  readonly isStatic: boolean;
  readonly topLevel: boolean;
  readonly logs: Log[] = [];
  readonly operations: InternalOperation[] = [];
  private readonly world: World;
  private readonly gasLimit: bigint;
  private used = 0n;

  constructor(world: World, environment: BlockEnvironment, frame: Frame) {
    this.params = environment.params;
    this.genesisHash = environment.genesisHash;
    this.ports = environment.ports;
    this.block = environment.block;
    this.caller = frame.caller;
    this.value = frame.value;
    this.isStatic = frame.isStatic;
    this.topLevel = frame.topLevel;
    this.world = world;
    this.gasLimit = frame.gasLimit;
  }

  account(address: Hex) {
    return this.world.account(address);
  }

  storage(address: Hex, slot: Uint8Array): Uint8Array {
    return this.world.storage(address, slot);
  }

  code(address: Hex): Uint8Array {
    return this.world.code(address);
  }

  body(hash: Hex): Uint8Array | undefined {
    return this.world.body(hash);
  }

  gasUsed(): bigint {
    return this.used;
  }

  gasLeft(): bigint {
    return this.gasLimit - this.used;
  }

  useGas(amount: bigint): void {
    if (amount < 0n) throw new Fault('a module gave gas back');
    if (this.used + amount > this.gasLimit) {
      this.used = this.gasLimit;
      throw new OutOfGas();
    }
    this.used += amount;
  }

  setStorage(address: Hex, slot: Uint8Array, value: Uint8Array): void {
    this.mustWrite();
    if (slot.length !== 32) throw new Fault(`slot of ${slot.length} bytes`);
    this.world.writeSlot(address, bareHex(slot), value);
  }

  putBody(body: Uint8Array): Hex {
    this.mustWrite();
    return this.world.putBody(body);
  }

  transfer(from: Hex, to: Hex, amount: bigint): void {
    this.mustWrite();
    moveBalance(this.world, from, to, amount);
    if (amount > 0n) this.operations.push({ type: 'CALL', from, to, value: amount });
  }

  emit(log: Log): void {
    this.mustWrite();
    this.logs.push(log);
  }

  /** Modules check this themselves, before they charge; here it is made impossible (E1). */
  private mustWrite(): void {
    if (this.isStatic) throw new ModuleRevert(WRITE_IN_STATIC, 'write in a static call');
  }
}

/** Moves wei without running code. Nothing happens for zero, so that no empty account appears (EIP-161). */
export function moveBalance(world: World, from: Hex, to: Hex, amount: bigint): void {
  if (amount < 0n) throw new Fault('a module moved a negative amount');
  if (amount === 0n) return;
  const available = world.read(from)?.balance ?? 0n;
  if (available < amount)
    throw new Fault(`a module moved ${amount} wei from ${from}, which has ${available}`);
  world.addBalance(from, -amount);
  const left = world.read(from);
  if (left !== undefined && isEmptyAccount(left)) world.write(from, undefined);
  world.addBalance(to, amount);
}

const UNLIMITED = 1n << 62n;

/** For genesis, beginBlock and endBlock: nobody calls, nobody pays. Its logs are dropped. */
export function systemContext(world: World, environment: BlockEnvironment): FrameContext {
  return frameContext(world, environment, {
    caller: ZERO_ADDRESS,
    value: 0n,
    isStatic: false,
    topLevel: false,
    gasLimit: UNLIMITED,
  });
}

/** Log as the EVM library holds it. */
export function rawLog(log: Log): [Uint8Array, Uint8Array[], Uint8Array] {
  return [fromHex(log.address), log.topics.map((topic) => fromHex(topic)), log.data];
}
