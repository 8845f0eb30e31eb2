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
  let used = 0n;
  const logs: Log[] = [];
  const operations: InternalOperation[] = [];
  // Modules check this themselves, before they charge; here it is made impossible (E1).
  const mustWrite = (): void => {
    if (frame.isStatic) throw new ModuleRevert(WRITE_IN_STATIC, 'write in a static call');
  };
  return {
    ...environment,
    logs,
    operations,
    caller: frame.caller,
    value: frame.value,
    isStatic: frame.isStatic,
    topLevel: frame.topLevel,
    account: (address) => world.account(address),
    storage: (address, slot) => world.storage(address, slot),
    code: (address) => world.code(address),
    body: (hash) => world.body(hash),
    gasUsed: () => used,
    gasLeft: () => frame.gasLimit - used,
    useGas(amount) {
      if (amount < 0n) throw new Fault('a module gave gas back');
      if (used + amount > frame.gasLimit) {
        used = frame.gasLimit;
        throw new OutOfGas();
      }
      used += amount;
    },
    setStorage(address, slot, value) {
      mustWrite();
      if (slot.length !== 32) throw new Fault(`slot of ${slot.length} bytes`);
      world.writeSlot(address, bareHex(slot), value);
    },
    putBody(body) {
      mustWrite();
      return world.putBody(body);
    },
    transfer(from, to, amount) {
      mustWrite();
      moveBalance(world, from, to, amount);
      if (amount > 0n) operations.push({ type: 'CALL', from, to, value: amount });
    },
    emit(log) {
      mustWrite();
      logs.push(log);
    },
  };
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
