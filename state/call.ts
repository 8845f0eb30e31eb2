/** Calls, estimates and traces: execution on a state that is thrown away (E3). Views of modules answer here too. */
import { type BaseState, hasCode } from './accounts/account.ts';
import { checksumAddress, EMPTY_BYTES, greater, lesser, ZERO_ADDRESS } from './crypto.ts';
import { createBlockRun } from './execution/block-run.ts';
import type { Fork } from './execution/common.ts';
import {
  type BlockContext,
  createEngine,
  type Engine,
  type Observer,
  type Outcome,
  type RunOptions,
} from './execution/engine.ts';
import { type ModuleTable, moduleTable } from './execution/module-table.ts';
import { createTouchObserver } from './execution/touched.ts';
import { createTracer } from './execution/tracer.ts';
import { World } from './execution/world.ts';
import { LIMITS } from './limits.ts';
import { createLru } from './lru.ts';
import { overriddenWorld, precompileChanges } from './overrides.ts';
import { isPrecompile } from './precompiles.ts';
import type { Reader } from './reader.ts';
import { type BlockSteps, errorOf, simulate } from './simulate.ts';
import { floorGas, intrinsicGas } from './transactions/intrinsic.ts';
import { decodeIncluded, isFeeless } from './transactions/system.ts';
import {
  type BlockOverrides,
  type CallError,
  type Caller,
  type CallFrame,
  type CallRequest,
  type CallResult,
  type EstimateResult,
  type ExecutionPorts,
  Fault,
  type Hex,
  type StateChange,
  StateNotAvailable,
  type StateOverrides,
  type StructLog,
  type TraceOptions,
  TraceTooLarge,
  type TransactionTrace,
  Unavailable,
} from './types.ts';

export interface CallerOptions {
  /** Needed to run settlements and reveals; without them such calls answer `Unavailable`. */
  ports?: ExecutionPorts;
  modules?: ModuleTable;
  /** Ethereum's own rules instead of this chain's: for Ethereum's tests. */
  ethereum?: EthereumRules;
}

export interface EthereumRules {
  /** Fork under which calls run. */
  fork: Fork;
  /** What runs the transactions of block `number` again. */
  engineOf(number: number): Promise<Engine>;
  /** Around the calls of a simulated block. */
  steps: BlockSteps;
}

const NO_PORTS: ExecutionPorts = {
  attribute: async (job) => {
    throw new Unavailable({ kind: 'attribution', requestId: job.requestHash });
  },
  infer: async ({ modelId, version }) => {
    throw new Unavailable({ kind: 'model', modelId, version });
  },
  artifact: async (root) => {
    throw new Unavailable({ kind: 'artifact', root });
  },
};

/** A request with everything filled in. */
interface Prepared {
  from: Hex;
  to: Hex | null;
  data: Uint8Array;
  value: bigint;
  gasPrice: bigint;
  /** Most that the sender offered for one gas; 0 if it named no price. */
  feeCap: bigint;
  accessList: { address: Hex; storageKeys: Hex[] }[];
  authorizationList: CallRequest['authorizationList'];
  native: { op: number; fields: NonNullable<CallRequest['native']>['fields'] } | undefined;
  intrinsic: bigint;
  floor: bigint;
}

/** geth stops its bisection when the two ends are this close, in thousandths. */
const ESTIMATE_TOLERANCE_PERMILLE = 15n;
const TRANSFER_GAS = 21_000n;
/** EIP-150: a call keeps 1/64 for its caller. */
const CALL_SHARE = 64n;
/** EIP-3529: refunds give back at most a fifth. */
const REFUND_QUOTIENT = 5n;

/** One caller runs one thing at a time; requests queue. */
export function createCaller(reader: Reader, options: CallerOptions = {}): Caller {
  const modules = options.modules ?? moduleTable;
  const ports = options.ports ?? NO_PORTS;
  let engine: Promise<Engine> | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  function serially<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    const run = queue.then(async () => {
      engine ??= createEngine({
        chainId: reader.params.chainId,
        modules,
        blockHash: (n) => reader.hashByNumber(n),
        ...(options.ethereum === undefined ? {} : { ethereumFork: options.ethereum.fork }),
      });
      return work(await engine);
    });
    queue = run.catch(() => {});
    return run;
  }

  /** Blocks are final: what calls see of one, and what they read of its state, is the same for all of them. */
  const contexts = createLru<number, BlockContext>(LIMITS.maxCallBases);
  const bases = createLru<number, BaseState>(LIMITS.maxCallBases);

  function contextOf(number: number, overrides: BlockOverrides): BlockContext {
    let context = contexts.get(number);
    if (context === undefined) {
      context = newContext(number);
      contexts.set(number, context);
    }
    if (Object.keys(overrides).length === 0) return context;
    const { number: shown, timestamp, ...rest } = overrides;
    return {
      ...context,
      ...rest,
      block: {
        ...context.block,
        ...(shown === undefined ? {} : { number: shown }),
        ...(timestamp === undefined ? {} : { timestamp }),
      },
    };
  }

  function newContext(number: number): BlockContext {
    const header = reader.headerByNumber(number);
    if (header === undefined) throw new StateNotAvailable(`there is no block ${number}`);
    const parent = number === 0 ? undefined : reader.blockByNumber(number - 1);
    return {
      params: reader.params,
      genesisHash: reader.genesisHash,
      ports,
      block: {
        number,
        timestamp: header.timestamp,
        parentTimestampMs: parent?.timestampMs ?? 0,
      },
      coinbase: header.coinbase,
      prevRandao: header.prevRandao,
      gasLimit: header.gasLimit,
      baseFeePerGas: header.baseFeePerGas ?? 0n,
    };
  }

  const worldAt = (number: number, overrides: StateOverrides | undefined): World =>
    overriddenWorld(baseAt(number), overrides);

  function baseAt(number: number): BaseState {
    let base = bases.get(number);
    if (base === undefined || number < reader.oldestState()) {
      base = reader.baseAt(number);
      bases.set(number, base);
    }
    return base;
  }

  /** Fills in a request, or says why it cannot be one. */
  function prepare(request: CallRequest, context: BlockContext): Prepared | CallError {
    let to = request.to ?? null;
    let data = request.data ?? EMPTY_BYTES;
    if (request.native !== undefined) {
      const module = modules.ofType(request.native.type);
      const calldata = module?.encodeNative(request.native.op, request.native.fields);
      if (module === undefined || calldata === undefined)
        return failure('other', `operation ${request.native.op} does not have these fields`);
      to = module.address;
      data = calldata;
    }
    const feeCap = request.gasPrice ?? request.maxFeePerGas ?? 0n;
    const tip = request.gasPrice ?? request.maxPriorityFeePerGas ?? 0n;
    const room = feeCap - context.baseFeePerGas;
    const gasPrice = feeCap === 0n ? 0n : context.baseFeePerGas + lesser(tip, room);
    if (feeCap > 0n && room < 0n)
      return failure(
        'other',
        `max fee per gas less than block base fee: address ${checksumAddress(request.from ?? ZERO_ADDRESS)}, maxFeePerGas: ${feeCap}, baseFee: ${context.baseFeePerGas}`,
      );
    const { authorizationList } = request;
    const sender = `(sender ${checksumAddress(request.from ?? ZERO_ADDRESS)})`;
    if (authorizationList !== undefined && to === null)
      return failure('other', `EIP-7702 transaction cannot be used to create contract ${sender}`);
    if (authorizationList?.length === 0)
      return failure('other', `EIP-7702 transaction with empty auth list ${sender}`);
    const shape = {
      to: to === null ? null : (to.toLowerCase() as Hex),
      data,
      accessList: request.accessList ?? [],
      authorizationList: request.authorizationList,
      native: request.native,
    };
    const priced = {
      to: shape.to,
      data,
      accessList: shape.accessList,
      ...(shape.authorizationList === undefined ? {} : { authorizationList: shape.authorizationList }),
      ...(shape.native === undefined ? {} : { native: shape.native }),
    };
    return {
      ...shape,
      from: (request.from ?? ZERO_ADDRESS).toLowerCase() as Hex,
      value: request.value ?? 0n,
      gasPrice,
      feeCap,
      intrinsic: intrinsicGas(priced),
      floor: floorGas(priced),
    };
  }

  /** Runs a prepared request with a gas limit. `gasUsed` of the result is what a transaction would pay for. */
  async function execute(
    running: Engine,
    world: World,
    context: BlockContext,
    request: Prepared,
    gasLimit: bigint,
    runOptions: RunOptions = {},
  ): Promise<{ result: CallResult; outcome: Outcome | undefined }> {
    const least = greater(request.floor, request.intrinsic);
    if (gasLimit < least)
      return {
        result: emptyResult(failure('gas too low', `intrinsic gas too low: have ${gasLimit}, want ${least}`)),
        outcome: undefined,
      };
    const balance = world.read(request.from)?.balance ?? 0n;
    const cost = request.value + request.feeCap * gasLimit;
    if (balance < cost)
      return {
        result: emptyResult(
          failure(
            'insufficient funds',
            `insufficient funds for gas * price + value: address ${checksumAddress(request.from)} have ${balance} want ${cost}`,
          ),
        ),
        outcome: undefined,
      };
    // As in geth, a call that names no price sees no base fee.
    const seen = request.feeCap === 0n ? { ...context, baseFeePerGas: 0n } : context;
    let outcome: Outcome;
    let gasUsed: bigint;
    const sender = world.read(request.from);
    if (request.authorizationList !== undefined && (sender === undefined || !hasCode(sender))) {
      outcome = await running.runTransaction(
        world,
        seen,
        {
          type: 4,
          from: request.from,
          to: request.to,
          nonce: sender?.nonce ?? 0n,
          value: request.value,
          gasLimit,
          maxFeePerGas: request.gasPrice,
          maxPriorityFeePerGas: request.feeCap === 0n ? 0n : request.gasPrice - seen.baseFeePerGas,
          data: request.data,
          accessList: request.accessList,
          authorizationList: request.authorizationList,
        },
        { ...runOptions, lenient: true },
      );
      gasUsed = outcome.gasUsed;
    } else {
      outcome = await running.runMessage(
        world,
        seen,
        {
          from: request.from,
          to: request.to,
          data: request.data,
          value: request.value,
          gasLimit: gasLimit - request.intrinsic,
          gasPrice: request.gasPrice,
          warm: request.accessList,
        },
        runOptions,
      );
      const spent = request.intrinsic + outcome.gasUsed;
      gasUsed = greater(spent - lesser(outcome.refund, spent / REFUND_QUOTIENT), request.floor);
    }
    const result: CallResult = { returnData: outcome.returnData, gasUsed, logs: outcome.logs };
    if (outcome.exception !== undefined) result.error = errorOf(outcome);
    return { result, outcome };
  }

  function optionsOf(overrides: StateOverrides | undefined): RunOptions {
    return overrides === undefined ? {} : { precompiles: precompileChanges(overrides) };
  }

  function gasOf(request: CallRequest): bigint {
    return lesser(request.gas ?? LIMITS.callGasCap, LIMITS.callGasCap);
  }

  async function estimate(
    running: Engine,
    request: CallRequest,
    number: number,
    overrides: StateOverrides | undefined,
    blockOverrides: BlockOverrides,
  ): Promise<EstimateResult> {
    const context = contextOf(number, blockOverrides);
    const prepared = prepare(request, context);
    if ('kind' in prepared) return { error: prepared };
    const fresh = () => worldAt(number, overrides);
    // As in geth, a limit below any transaction's gas is none.
    let high = request.gas !== undefined && request.gas >= TRANSFER_GAS ? request.gas : context.gasLimit;
    if (high > LIMITS.transactionGasCap) high = LIMITS.transactionGasCap;
    if (prepared.feeCap > 0n) {
      const balance = fresh().read(prepared.from)?.balance ?? 0n;
      const affordable = (balance - prepared.value) / prepared.feeCap;
      if (balance >= prepared.value && affordable < high) high = affordable;
    }
    const changes = optionsOf(overrides);
    const attempt = async (gas: bigint) =>
      (await execute(running, fresh(), context, prepared, gas, changes)).result;
    const { result: most, outcome } = await execute(running, fresh(), context, prepared, high, changes);
    if (most.error !== undefined) {
      const { kind, message } = most.error;
      if (kind === 'out of gas' || kind === 'gas too low')
        return { error: failure('gas too low', `gas required exceeds allowance (${high})`) };
      return outcome === undefined
        ? { error: failure(kind, `failed with ${high} gas: ${message}`) }
        : { error: most.error };
    }
    // Refunds come after: the limit must hold what was used before them, and what calls keep back.
    let low = most.gasUsed - 1n;
    const guess = (most.gasUsed * CALL_SHARE) / (CALL_SHARE - 1n) + 2_300n;
    if (guess < high && (await attempt(guess)).error === undefined) high = guess;
    const exact = await attempt(most.gasUsed);
    if (exact.error === undefined) return { gas: most.gasUsed };
    while (low + 1n < high) {
      if ((high - low) * 1000n < high * ESTIMATE_TOLERANCE_PERMILLE) break;
      const middle = (low + high) / 2n;
      if ((await attempt(middle)).error === undefined) high = middle;
      else low = middle;
    }
    return { gas: high };
  }

  return {
    call: (request, number, overrides, blockOverrides = {}) =>
      serially(async (running) => {
        const context = contextOf(number, blockOverrides);
        const prepared = prepare(request, context);
        if ('kind' in prepared) return emptyResult(prepared);
        const world = worldAt(number, overrides);
        const gas = gasOf(request);
        const { result, outcome } = await execute(
          running,
          world,
          context,
          prepared,
          gas,
          optionsOf(overrides),
        );
        if (outcome !== undefined || result.error === undefined) return result;
        const { kind, message } = result.error;
        return emptyResult(failure(kind, `err: ${message} (supplied gas ${gas})`));
      }),

    estimateGas: (request, number, overrides, blockOverrides = {}) =>
      serially((running) => estimate(running, request, number, overrides, blockOverrides)),

    createAccessList: (request, number, overrides) =>
      serially(async (running) => {
        const context = contextOf(number, {});
        const prepared = prepare(request, context);
        if ('kind' in prepared) return { accessList: [], gasUsed: 0n, error: prepared };
        const first = await execute(running, worldAt(number, overrides), context, prepared, gasOf(request), {
          reportAccessList: true,
          ...optionsOf(overrides),
        });
        const always = new Set([prepared.from, prepared.to, context.coinbase]);
        const accessList = (first.outcome?.accessList ?? []).filter(
          ({ address, storageKeys }) =>
            storageKeys.length > 0 || !(always.has(address) || isPrecompile(address)),
        );
        const listed = prepare({ ...request, accessList }, context);
        if ('kind' in listed) return { accessList, gasUsed: 0n, error: listed };
        const { result } = await execute(
          running,
          worldAt(number, overrides),
          context,
          listed,
          gasOf(request),
          optionsOf(overrides),
        );
        return {
          accessList,
          gasUsed: result.gasUsed,
          ...(result.error === undefined ? {} : { error: result.error }),
        };
      }),

    simulate: (simulation, number) =>
      serially(async (running) => {
        const base = reader.blockByNumber(number);
        if (base === undefined) throw new StateNotAvailable(`there is no block ${number}`);
        const { ethereum } = options;
        return await simulate(
          {
            params: reader.params,
            genesisHash: reader.genesisHash,
            ports,
            engine: running,
            base,
            state: reader.scratchAt(number),
            ...(ethereum === undefined ? {} : { steps: ethereum.steps }),
          },
          simulation,
        );
      }),

    traceCall: (request, number, { overrides, blockOverrides = {}, ...traceOptions } = {}) =>
      serially(async (running) => {
        const context = contextOf(number, blockOverrides);
        const prepared = prepare(request, context);
        if ('kind' in prepared)
          return { result: emptyResult(prepared), ran: false, frame: emptyFrame(request) };
        const world = worldAt(number, overrides);
        const gas = gasOf(request);
        const trace = startTrace(world, traceOptions, [prepared.from, prepared.to, context.coinbase]);
        const { result, outcome } = await execute(running, world, context, prepared, gas, {
          observer: trace.observer,
          ...optionsOf(overrides),
        });
        const { frame = emptyFrame(request), ...parts } = trace.finish();
        return {
          result,
          ran: outcome !== undefined,
          frame: { ...frame, gas, gasUsed: result.gasUsed },
          ...parts,
        };
      }),

    traceBlock: (number, traceOptions = {}) =>
      serially(async (running) => {
        const block = reader.blockByNumber(number);
        const parent = reader.blockByNumber(number - 1);
        if (block === undefined || parent === undefined)
          throw new StateNotAvailable(`there is no block ${number} to trace`);
        const world = new World(reader.baseAt(number - 1));
        const run = createBlockRun({
          // The block is final: validators have judged.
          judge: () => undefined,
          verify: () => true,
          engine: (await options.ethereum?.engineOf(number)) ?? running,
          modules,
          params: {
            ...reader.params,
            block: { ...reader.params.block, gasLimit: block.header.gasLimit },
          },
          genesisHash: reader.genesisHash,
          ports,
          world,
          parent: { hash: parent.hash, timestampMs: parent.timestampMs },
          number,
          origin: block,
          coinbase: block.header.coinbase,
          prevRandao: block.header.prevRandao,
          baseFeePerGas: block.header.baseFeePerGas ?? 0n,
        });
        await run.begin();
        const traces: TransactionTrace[] = [];
        const last = traceOptions.index ?? block.transactions.length - 1;
        for (let index = 0; index <= last && index < block.transactions.length; index++) {
          const tx = decodeIncluded(block.transactions[index]!, reader.params.chainId, modules);
          const wanted = traceOptions.index === undefined || traceOptions.index === index;
          if (!wanted) {
            await run.apply(tx);
            continue;
          }
          const trace = startTrace(world, traceOptions, [tx.from, tx.to, block.header.coinbase]);
          const { receipt, outcome } = await run.apply(tx, trace.observer);
          const { frame: seen, ...parts } = trace.finish();
          const frame = isFeeless(tx) ? emptyFrame(tx) : seen;
          if (frame === undefined) throw new Fault('a transaction ran without a frame');
          traces.push({
            receipt,
            returnData: outcome.returnData,
            frame: { ...frame, gas: tx.gasLimit, gasUsed: receipt.gasUsed },
            ...parts,
          });
        }
        return traces;
      }),
  };
}

/** Observers for what a trace is to hold. @param parties accounts that every run touches */
function startTrace(
  world: World,
  options: TraceOptions,
  parties: readonly (Hex | null)[],
): {
  observer: Observer;
  finish(): { frame: CallFrame | undefined; steps?: StructLog[]; change?: StateChange };
} {
  const tracer = createTracer(world, options);
  const touches = options.state === true ? createTouchObserver(world) : undefined;
  for (const party of parties) if (party !== null) touches?.touch(party);
  return {
    observer: touches === undefined ? tracer : bothObservers(tracer, touches),
    finish() {
      const steps = tracer.steps();
      if (tracer.wasCut())
        throw new TraceTooLarge(
          `trace too large: more than ${LIMITS.maxTraceSteps} steps or ${LIMITS.maxTraceBytes} bytes; ask for the first ones with "limit"`,
        );
      return {
        frame: tracer.root(),
        ...(steps === undefined ? {} : { steps }),
        ...(touches === undefined ? {} : { change: touches.change() }),
      };
    },
  };
}

function bothObservers(first: Observer, second: Observer): Observer {
  return {
    enter(message) {
      first.enter?.(message);
      second.enter?.(message);
    },
    exit(result) {
      first.exit?.(result);
      second.exit?.(result);
    },
    step(step) {
      first.step?.(step);
      second.step?.(step);
    },
  };
}

function failure(kind: CallError['kind'], message: string, data: Uint8Array = EMPTY_BYTES): CallError {
  return { kind, message, data };
}

function emptyResult(error: CallError): CallResult {
  return { returnData: EMPTY_BYTES, gasUsed: 0n, logs: [], error };
}

function emptyFrame(request: Pick<CallRequest, 'from' | 'to' | 'value' | 'gas' | 'data'>) {
  return {
    type: 'CALL' as const,
    from: request.from ?? ZERO_ADDRESS,
    to: request.to ?? null,
    value: request.value ?? 0n,
    gas: request.gas ?? LIMITS.callGasCap,
    gasUsed: 0n,
    input: request.data ?? EMPTY_BYTES,
    output: EMPTY_BYTES,
    logs: [],
    calls: [],
  };
}
