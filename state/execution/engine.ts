/**
 * The EVM with our state, our crypto and our modules. One engine runs one thing at a time; a chain has one for
 * blocks, each caller one of its own. Anything that is not a protocol outcome leaves as `Fault` or `Unavailable`
 * (rule B2), never as a result.
 */
import type { Block } from '@ethereumjs/block';
import {
  createEVM,
  type EVM,
  EVMError,
  type EVMResult,
  type ExecResult,
  type Message,
  type PrecompileFunc,
  type PrecompileInput,
} from '@ethereumjs/evm';
import { Address } from '@ethereumjs/util';
import { createVM, runTx, type VM } from '@ethereumjs/vm';
import { bloomOfLogs } from '../block/bloom.ts';
import { EMPTY_BYTES, fromHex, toHex } from '../crypto.ts';
import { LIMITS } from '../limits.ts';
import { type ModuleDefinition, ModuleRevert } from '../modules/context.ts';
import { entryPrice } from '../modules/module.ts';
import { isDelegation } from '../transactions/validate.ts';
import { Fault, type Hex, type Inside, type Log, Unavailable } from '../types.ts';
import { CHAIN_FORK, commonOf, type Fork } from './common.ts';
import { type Executable, executable } from './executable.ts';
import { type Step, setStepHook, useFastLoop } from './interpreter.ts';
import { createRunner, type NativeCall, type NativeFunction, type NativeResult } from './machine/runner.ts';
import { type Ran, runMessage, runTransaction } from './machine/transaction.ts';
import { type BlockEnvironment, bareError, frameContext, OutOfGas, rawLog } from './module-context.ts';
import type { ModuleTable } from './module-table.ts';
import { leastPrice, precompiles } from './precompiles.ts';
import { World } from './world.ts';

/** The block that a transaction sees. */
export interface BlockContext extends BlockEnvironment {
  coinbase: Hex;
  prevRandao: Hex;
  gasLimit: bigint;
  baseFeePerGas: bigint;
  /** What BLOBBASEFEE says; the least that EIP-4844 knows if nothing else is said, since there are no blobs. */
  blobBaseFee?: bigint;
  /** Hashes of blocks that the chain does not have, for BLOCKHASH in simulations. */
  hashOf?: (number: number) => Hex | undefined;
}

/** Precompiles that a call sees elsewhere or not at all. */
export interface PrecompileChanges {
  readonly moved: readonly { readonly from: Hex; readonly to: Hex }[];
  readonly removed: readonly Hex[];
}

/** Told what happens inside; for traces. */
export interface Observer {
  enter?(message: Message): void;
  exit?(result: EVMResult): void;
  step?(step: Step): void;
}

export interface Outcome {
  /** Refunds taken off by `runTransaction`; `runMessage` leaves that to whoever knows what else was paid. */
  gasUsed: bigint;
  /** What SSTORE gave back, not capped yet. */
  refund: bigint;
  status: 0 | 1;
  logs: Log[];
  /** Not told where the library ran it. */
  inside?: Inside;
  /** 256 bytes; only `runTransaction` fills it. */
  logsBloom: Uint8Array;
  returnData: Uint8Array;
  createdAddress: Hex | null;
  /** Name of the EVM's exception, e.g. 'revert', 'out of gas'. */
  exception: string | undefined;
  accessList: { address: Hex; storageKeys: Hex[] }[] | undefined;
}

export interface MessageRequest {
  from: Hex;
  to: Hex | null;
  data: Uint8Array;
  value: bigint;
  gasLimit: bigint;
  gasPrice: bigint;
  /** Addresses and slots that are warm from the start. */
  warm: { address: Hex; storageKeys: Hex[] }[];
}

export interface RunOptions {
  observer?: Observer;
  /** For calls: neither nonce nor funds are asked of the sender. */
  lenient?: boolean;
  reportAccessList?: boolean;
  precompiles?: PrecompileChanges;
}

export interface Engine {
  /** Runs a transaction that was checked against the state. On an exception the world is as it was before. */
  runTransaction(world: World, block: BlockContext, tx: Executable, options?: RunOptions): Promise<Outcome>;
  /** Runs a message outside any transaction; `gasUsed` is that of the execution alone. */
  runMessage(
    world: World,
    block: BlockContext,
    message: MessageRequest,
    options?: RunOptions,
  ): Promise<Outcome>;
}

export interface EngineOptions {
  chainId: number;
  modules: ModuleTable;
  /** Hash of an earlier block of the chain, for BLOCKHASH. */
  blockHash(number: number): Hex | undefined;
  /** Runs everything in the library; for comparison. */
  libraryLoop?: boolean;
  /** Runs Ethereum itself under this fork, precompiles at its prices: for Ethereum's tests. */
  ethereumFork?: Fork;
}

const DIRECT_CALL_ONLY = bareError('DirectCallOnly()');
const EIP_7623 = 7623;
const EIP_7702 = 7702;
const EIP_7939 = 7939;
const REVERT = EVMError.errorMessages.REVERT;
const OUT_OF_GAS = EVMError.errorMessages.OUT_OF_GAS;

/** The parts of the library's EVM that it does not show in its types. */
interface OpenEvm {
  stateManager: unknown;
  journal: {
    stateManager: unknown;
    cleanJournal(): void;
    cleanup(): Promise<void>;
    accessList?: Map<string, Set<string>>;
    startReportingAccessList(): void;
    addAlwaysWarmAddress(address: string, report?: boolean): void;
    addAlwaysWarmSlot(address: string, slot: string, report?: boolean): void;
  };
  transientStorage: { clear(): void };
  precompiles: Map<string, PrecompileFunc>;
  _emit(topic: string, data: unknown): unknown;
  _loadCode(message: Message): Promise<void>;
}

export async function createEngine(options: EngineOptions): Promise<Engine> {
  const common = commonOf(options.chainId, options.ethereumFork ?? CHAIN_FORK);
  const knowsDelegations = common.isActivatedEIP(EIP_7702);
  const chainId = options.chainId;
  const frames: Message[] = [];
  let world: World = new World(NOTHING);
  let block: BlockContext | undefined;
  let observer: Observer | undefined;

  const blockHash = (number: number) => block?.hashOf?.(number) ?? options.blockHash(number);
  const blockchain = {
    async getBlock(number: number) {
      const hash = blockHash(number);
      if (hash === undefined) throw new Fault(`BLOCKHASH: header ${number} is missing`);
      return { hash: () => fromHex(hash) };
    },
    async putBlock() {},
    shallowCopy() {
      return blockchain;
    },
  };
  const evm = (await createEVM({
    common,
    stateManager: world,
    blockchain,
    customPrecompiles: [
      ...precompiles(common, {
        priced: options.ethereumFork === undefined,
        blake2f: (input) => runner.blake2f(input),
      }),
      ...options.modules.list.map((module) => ({
        address: new Address(fromHex(module.address)),
        function: (input: PrecompileInput) => runLibraryModule(module, input),
      })),
    ],
  })) as EVM;
  const vm: VM = await createVM({ common, stateManager: world, evm, blockchain });
  const open = evm as unknown as OpenEvm;
  /** Warm wherever a call may have moved them. */
  const warmPrecompiles = [...open.precompiles.keys()];
  if (options.libraryLoop !== true) await useFastLoop(evm, common);

  // The library awaits listeners one by one; we have one listener, and most of its events nobody wants.
  open._emit = (topic, data) => {
    if (topic === 'beforeMessage') {
      frames.push(data as Message);
      observer?.enter?.(data as Message);
    } else if (topic === 'afterMessage') {
      frames.pop();
      observer?.exit?.(data as EVMResult);
    } else if (topic === 'step') observer?.step?.(data as Step);
    return undefined;
  };
  (vm as unknown as { _emit(): unknown })._emit = () => undefined;

  // EIP-7702: an account that delegates to a precompile runs nothing, and modules are precompiles (E1). The library
  // would run the byte 0xfe that stands at a module's address.
  open._loadCode = async (message) => {
    if (message.code !== undefined) return;
    const precompile = evm.getPrecompile(message.codeAddress);
    if (precompile !== undefined) {
      message.code = precompile;
      message.isCompiled = true;
      return;
    }
    let code = world.code(toHex(message.codeAddress.bytes));
    if (knowsDelegations && isDelegation(code)) {
      const target = new Address(code.slice(3));
      if (message.depth === 0) open.journal.addAlwaysWarmAddress(target.toString());
      code = evm.getPrecompile(target) === undefined ? world.code(toHex(target.bytes)) : EMPTY_BYTES;
    }
    message.code = code;
    message.isCompiled = false;
    message.chargeCodeAccesses = true;
  };

  /** The library's door to a module. */
  async function runLibraryModule(module: ModuleDefinition, input: PrecompileInput): Promise<ExecResult> {
    const frame = frames.at(-1);
    if (frame === undefined || frame.to === undefined) throw new Fault('a module runs outside any frame');
    const result = await runModule(module, {
      caller: toHex(frame.caller.bytes),
      value: frame.value,
      isStatic: frame.isStatic,
      topLevel: frame.depth === 0,
      isDirect: !frame.delegatecall && toHex(frame.to.bytes) === module.address,
      data: input.data,
      gasLimit: Number(input.gasLimit),
    });
    const { exception, logs = [] } = result;
    return {
      returnValue: result.output,
      executionGasUsed: BigInt(result.gasUsed),
      ...(exception === undefined
        ? { logs: logs.map(rawLog) }
        : { exceptionError: new EVMError(exception as EVMError['error']) }),
    };
  }

  async function runModule(module: ModuleDefinition, call: NativeCall): Promise<NativeResult> {
    if (block === undefined) throw new Fault('a module runs outside any block');
    if (!call.isDirect) return { output: DIRECT_CALL_ONLY, gasUsed: 0, exception: REVERT };
    if (call.gasLimit < entryPrice(call.data.length)) return outOfGas(call);
    const context = frameContext(world, block, {
      caller: call.caller,
      value: call.value,
      isStatic: call.isStatic,
      topLevel: call.topLevel,
      gasLimit: BigInt(call.gasLimit),
    });
    try {
      // What a module keeps of its calldata must outlast the memory that it lies in.
      const output = await module.run(context, call.data.slice());
      const { logs, operations } = context;
      return { output, gasUsed: Number(context.gasUsed()), logs, operations };
    } catch (error) {
      if (error instanceof ModuleRevert)
        return { output: error.data, gasUsed: Number(context.gasUsed()), exception: REVERT };
      if (error instanceof OutOfGas) return outOfGas(call);
      throw error;
    }
  }

  /** The library's precompiles, and the modules. */
  function natives(): Map<Hex, NativeFunction> {
    const all = new Map<Hex, NativeFunction>();
    for (const [name, run] of open.precompiles) {
      const least = leastPrice(Number.parseInt(name, 16), { priced: options.ethereumFork === undefined });
      all.set(`0x${name}`, (call) => {
        // For little gas nothing is done, not even what would find that out.
        if (call.gasLimit < least) return outOfGas(call);
        const result = run({ data: call.data, gasLimit: BigInt(call.gasLimit), common, _EVM: evm });
        return result instanceof Promise ? result.then(nativeResult) : nativeResult(result);
      });
    }
    for (const module of options.modules.list) all.set(module.address, (call) => runModule(module, call));
    return all;
  }
  const rules = {
    chainId,
    knowsDelegations,
    hasFloor: common.isActivatedEIP(EIP_7623),
    countsLeadingZeros: common.isActivatedEIP(EIP_7939),
  };
  const runner = createRunner({ ...rules, natives: natives(), blockHash });
  /** Who wants to be told of frames and steps, or asks for what only it does, is served by the library. */
  const isForLibrary = (gasLimit: bigint, run: RunOptions) =>
    options.libraryLoop === true ||
    run.observer !== undefined ||
    run.lenient === true ||
    run.reportAccessList === true ||
    run.precompiles !== undefined ||
    gasLimit > LIMITS.maxMachineGas;

  function enter(nextWorld: World, nextBlock: BlockContext, nextObserver: Observer | undefined): void {
    if (block !== undefined) throw new Fault('the engine is already running something');
    world = nextWorld;
    block = nextBlock;
    observer = nextObserver;
    open.stateManager = world;
    open.journal.stateManager = world;
    (vm as unknown as { stateManager: unknown }).stateManager = world;
    const step = observer?.step?.bind(observer);
    setStepHook(evm, step);
    evm.events.removeAllListeners('step');
    if (step !== undefined && options.libraryLoop === true) evm.events.on('step', () => {});
  }

  function leave(): void {
    block = undefined;
    observer = undefined;
    frames.length = 0;
  }

  /** After an exception the library's own journal is in the middle of something. */
  function reset(): void {
    open.journal.cleanJournal();
    open.transientStorage.clear();
    world.abortTransaction();
  }

  /** Applies the changes and gives what puts the precompiles back. */
  function changePrecompiles({ moved, removed }: PrecompileChanges): () => void {
    const table = open.precompiles;
    const before = new Map(table);
    const taken = moved.map(({ from, to }) => ({ to, contract: before.get(from.slice(2)) }));
    for (const address of [...removed, ...moved.map(({ from }) => from)]) table.delete(address.slice(2));
    for (const { to, contract } of taken) if (contract !== undefined) table.set(to.slice(2), contract);
    return () => {
      table.clear();
      for (const [address, contract] of before) table.set(address, contract);
    };
  }

  async function guarded<T>(
    nextWorld: World,
    nextBlock: BlockContext,
    { observer: nextObserver, precompiles }: RunOptions,
    run: () => Promise<T>,
  ): Promise<T> {
    enter(nextWorld, nextBlock, nextObserver);
    const putBack = precompiles === undefined ? undefined : changePrecompiles(precompiles);
    try {
      const result = await run();
      if (frames.length > 0) throw new Fault('a frame was entered and never left');
      world.endTransaction();
      return result;
    } catch (error) {
      reset();
      if (error instanceof Unavailable || error instanceof Fault) throw error;
      throw new Fault(`execution failed on this machine: ${(error as Error).message}`, { cause: error });
    } finally {
      putBack?.();
      leave();
    }
  }

  return {
    runTransaction: (nextWorld, nextBlock, tx, runOptions = {}) =>
      guarded(nextWorld, nextBlock, runOptions, async () => {
        if (!isForLibrary(tx.gasLimit, runOptions)) {
          const ran = await runTransaction(runner, rules, world, environmentOf(nextBlock), tx);
          return { ...ranOutcome(ran), logsBloom: bloomOfLogs(ran.logs) };
        }
        const result = await runTx(vm, {
          tx: executable(tx, common),
          block: libraryBlock(nextBlock),
          blockGasUsed: 0n,
          skipHardForkValidation: true,
          skipBlockGasLimitValidation: true,
          skipNonce: runOptions.lenient === true,
          skipBalance: runOptions.lenient === true,
          reportAccessList: runOptions.reportAccessList === true,
        });
        return {
          ...outcomeOf(result, result.totalGasSpent),
          logsBloom: result.bloom.bitvector,
          accessList: result.accessList?.map((item) => ({
            address: item.address as Hex,
            storageKeys: item.storageKeys as Hex[],
          })),
        };
      }),
    runMessage: (nextWorld, nextBlock, message, runOptions = {}) =>
      guarded(nextWorld, nextBlock, runOptions, async () => {
        if (!isForLibrary(message.gasLimit, runOptions))
          return ranOutcome(await runMessage(runner, world, environmentOf(nextBlock), message));
        await open.journal.cleanup();
        if (runOptions.reportAccessList === true) open.journal.startReportingAccessList();
        for (const address of warmPrecompiles) open.journal.addAlwaysWarmAddress(address);
        open.journal.addAlwaysWarmAddress(message.from);
        open.journal.addAlwaysWarmAddress(nextBlock.coinbase);
        if (message.to !== null) open.journal.addAlwaysWarmAddress(message.to);
        for (const { address, storageKeys } of message.warm) {
          open.journal.addAlwaysWarmAddress(address, true);
          for (const slot of storageKeys) open.journal.addAlwaysWarmSlot(address, slot, true);
        }
        const result = await evm.runCall({
          block: libraryBlock(nextBlock),
          caller: new Address(fromHex(message.from)),
          origin: new Address(fromHex(message.from)),
          to: message.to === null ? undefined : new Address(fromHex(message.to)),
          data: message.data,
          value: message.value,
          gasLimit: message.gasLimit,
          gasPrice: message.gasPrice,
        });
        const outcome = outcomeOf(result, result.execResult.executionGasUsed);
        // EIP-6780: only what was made by the same message goes.
        for (const [address] of result.execResult.selfdestruct ?? [])
          if (result.execResult.createdAddresses?.has(address) === true)
            await nextWorld.deleteAccount(new Address(fromHex(address as Hex)));
        outcome.accessList = reportedAccesses(open.journal.accessList);
        await open.journal.cleanup();
        return outcome;
      }),
  };
}

function outOfGas({ gasLimit }: NativeCall): NativeResult {
  return { output: EMPTY_BYTES, gasUsed: gasLimit, exception: OUT_OF_GAS };
}

function nativeResult(result: ExecResult): NativeResult {
  return {
    gasUsed: Number(result.executionGasUsed),
    output: result.returnValue,
    ...(result.exceptionError === undefined ? {} : { exception: result.exceptionError.error }),
  };
}

function environmentOf(block: BlockContext) {
  return {
    number: block.block.number,
    timestamp: block.block.timestamp,
    coinbase: block.coinbase,
    prevRandao: block.prevRandao,
    gasLimit: block.gasLimit,
    baseFee: block.baseFeePerGas,
  };
}

function ranOutcome(ran: Ran): Outcome {
  return {
    gasUsed: ran.gasUsed,
    refund: ran.refund,
    status: ran.exception === undefined ? 1 : 0,
    logs: ran.exception === undefined ? ran.logs : [],
    inside: ran.inside,
    logsBloom: EMPTY_BYTES,
    returnData: ran.output,
    createdAddress: ran.createdAddress,
    exception: ran.exception,
    accessList: undefined,
  };
}

function reportedAccesses(
  reported: Map<string, Set<string>> | undefined,
): { address: Hex; storageKeys: Hex[] }[] | undefined {
  if (reported === undefined) return undefined;
  return [...reported].map(([address, slots]) => ({
    address: `0x${address}` as Hex,
    storageKeys: [...slots].map((slot): Hex => `0x${slot}`),
  }));
}

function outcomeOf(result: EVMResult, gasUsed: bigint): Outcome {
  const { exceptionError, returnValue, logs } = result.execResult;
  return {
    gasUsed,
    refund: result.execResult.gasRefund ?? 0n,
    status: exceptionError === undefined ? 1 : 0,
    logs: (logs ?? []).map(([address, topics, data]) => ({
      address: toHex(address),
      topics: topics.map(toHex),
      data,
    })),
    logsBloom: EMPTY_BYTES,
    returnData: returnValue,
    createdAddress: result.createdAddress === undefined ? null : toHex(result.createdAddress.bytes),
    exception: exceptionError?.error,
    accessList: undefined,
  };
}

/** What the library reads of a block while it runs a transaction. */
function libraryBlock(block: BlockContext): Block {
  return {
    header: {
      number: BigInt(block.block.number),
      timestamp: BigInt(block.block.timestamp),
      coinbase: new Address(fromHex(block.coinbase)),
      difficulty: 0n,
      prevRandao: fromHex(block.prevRandao),
      gasLimit: block.gasLimit,
      gasUsed: 0n,
      baseFeePerGas: block.baseFeePerGas,
      getBlobGasPrice: () => block.blobBaseFee ?? 1n,
    },
    errorStr: () => `block ${block.block.number}`,
  } as unknown as Block;
}

const NOTHING = {
  account: () => undefined,
  slot: () => EMPTY_BYTES,
  code: () => EMPTY_BYTES,
  body: () => undefined,
};
