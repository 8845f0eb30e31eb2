/**
 * Calls that execute or scan run apart from the thread that talks to clients: one that takes long makes nobody else
 * wait, and one that takes too long is ended for good. Each lane is one thread; its calls run one after the other.
 */
import type { ErrorObject } from './errors.ts';
import { RPC_CODES, RpcError } from './errors.ts';
import type { RpcLimits } from './limits.ts';
import type { RpcContext } from './method.ts';

/** What methods that run apart may use. */
export type ReadContext = Pick<RpcContext, 'reader' | 'caller' | 'limits' | 'blockTexts'>;

export type Lane = 'call' | 'trace' | 'scan';

export interface Apart {
  /**
   * JSON of the result.
   * @param gone fires when nobody waits for it any more: a call whose turn has not come is then left out
   * @param timeoutMs of the client, who may want less than the limit but never gets more
   * @throws RpcError the method's own, -32005 when too many wait, or the one of its time limit
   */
  run(name: string, params: unknown, gone?: AbortSignal, timeoutMs?: number): Promise<string>;
}

/** What the other side gives back. `report`: an error of ours, told to the operator and not to the client. */
export type ApartAnswer =
  | { readonly body: string }
  | { readonly error: ErrorObject; readonly report?: string };

interface Place {
  readonly lane: Lane;
  readonly limit: 'callTimeoutMs' | 'traceTimeoutMs' | 'scanTimeoutMs';
  /** geth's words for this method. @param isClients whether the client himself set the limit */
  expired(limitMs: number, isClients: boolean): RpcError;
}

const seconds = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);

/** geth: RPCEVMTimeout. */
const CALL: Place = {
  lane: 'call',
  limit: 'callTimeoutMs',
  expired: (ms) => new RpcError(RPC_CODES.server, `execution aborted (timeout = ${seconds(ms)})`),
};
/** geth: defaultTraceTimeout. */
const TRACE: Place = {
  lane: 'trace',
  limit: 'traceTimeoutMs',
  expired: () => new RpcError(RPC_CODES.server, 'execution timeout'),
};
/** geth: the time-out of its server. */
const requestTimedOut = (): RpcError => new RpcError(RPC_CODES.timeout, 'request timed out');
/** The client's own limit is told as geth tells it, ours as what it is. */
const BLOCK_TRACE: Place = {
  lane: 'trace',
  limit: 'scanTimeoutMs',
  expired: (_, isClients) => (isClients ? TRACE.expired(0, true) : requestTimedOut()),
};
const SCAN: Place = { lane: 'scan', limit: 'scanTimeoutMs', expired: requestTimedOut };

/** All that run apart; they use nothing but a `ReadContext`. */
const PLACES: Readonly<Record<string, Place>> = {
  eth_call: CALL,
  eth_estimateGas: CALL,
  eth_createAccessList: CALL,
  eth_simulateV1: CALL,
  debug_traceTransaction: TRACE,
  debug_traceCall: TRACE,
  debug_traceBlockByNumber: BLOCK_TRACE,
  debug_traceBlockByHash: BLOCK_TRACE,
  trace_replayTransaction: TRACE,
  ots_traceTransaction: TRACE,
  ots_getInternalOperations: TRACE,
  eth_getLogs: SCAN,
  eth_getProof: SCAN,
  ots_searchTransactionsBefore: SCAN,
  ots_searchTransactionsAfter: SCAN,
  ots_getContractCreator: SCAN,
  ots_getBlockDetails: SCAN,
  ots_getBlockDetailsByHash: SCAN,
  ots_getBlockTransactions: SCAN,
  eth_getBlockByNumber: SCAN,
  eth_getBlockByHash: SCAN,
  eth_getBlockReceipts: SCAN,
  eth_feeHistory: SCAN,
  debug_getRawReceipts: SCAN,
  ol_supply: SCAN,
  ol_blocks: SCAN,
  ol_transactions: SCAN,
  ol_dataNets: SCAN,
  ol_contributions: SCAN,
  ol_attestations: SCAN,
  ol_models: SCAN,
  ol_inferences: SCAN,
  ol_addressTransactions: SCAN,
  ol_tokenTransfers: SCAN,
  ol_internalTransfers: SCAN,
};

export const APART_METHODS: readonly string[] = Object.keys(PLACES);

export function runsApart(name: string): boolean {
  return Object.hasOwn(PLACES, name);
}

/** One thread of a lane, started when it is needed. */
export interface LaneThread {
  /** Rejects when the thread ends before it answers. */
  answer(name: string, params: unknown): Promise<ApartAnswer>;
  /** Ends it at once, whatever it does; resolves when it is gone. */
  end(): Promise<void>;
}

export interface ApartOptions {
  start(lane: Lane): LaneThread;
  readonly limits: RpcLimits;
  /** Hears of errors that are ours. */
  report(error: unknown, method: string): void;
}

export interface RunningApart extends Apart {
  /** Starts the threads that stay, and what they need for a first call, in a moment when nobody waits. */
  warm(): Promise<void>;
  /** Ends all threads; what waits for them fails. */
  close(): Promise<void>;
}

/** Wallets ask these all the time: their first question after a pause must not wait for a thread to load. */
const STAYING: readonly Lane[] = ['call', 'scan'];

export function createApart(options: ApartOptions): RunningApart {
  const lanes = new Map<Lane, ReturnType<typeof createLane>>();
  let isClosed = false;
  const laneOf = (name: Lane): ReturnType<typeof createLane> => {
    const lane = lanes.get(name) ?? createLane(name, options);
    lanes.set(name, lane);
    return lane;
  };
  return {
    async run(name, params, gone, timeoutMs) {
      const place = PLACES[name];
      if (place === undefined) throw new Error(`${name} does not run apart`);
      if (isClosed) throw closing();
      return laneOf(place.lane).run(place, name, params, gone, timeoutMs);
    },
    async warm() {
      // One after the other: a machine that starts several nodes has enough to do. An error is told to who asks next.
      await this.run('eth_call', [{}]).catch(() => {});
      await this.run('eth_getLogs', [{}]).catch(() => {});
    },
    async close() {
      isClosed = true;
      await Promise.all([...lanes.values()].map((lane) => lane.close()));
    },
  };
}

function createLane(lane: Lane, { start, limits, report }: ApartOptions) {
  const stays = STAYING.includes(lane);
  let thread: LaneThread | undefined;
  let isBusy = false;
  let isClosed = false;
  /** Time that calls have taken in the present thread. */
  let workedMs = 0;
  let idle: ReturnType<typeof setTimeout> | undefined;
  /** Each is told whether its turn has come; it has not when the lane closes. */
  const waiting: ((isTurn: boolean) => void)[] = [];

  async function turn(): Promise<void> {
    if (isClosed) throw closing();
    if (!isBusy) {
      isBusy = true;
      return;
    }
    if (waiting.length >= limits.maxHeavyQueue)
      throw new RpcError(
        RPC_CODES.limitExceeded,
        `limit exceeded: calls waiting (limit ${limits.maxHeavyQueue})`,
      );
    const began = performance.now();
    const isTurn = await new Promise<boolean>((resolve) => waiting.push(resolve));
    if (!isTurn) throw closing();
    // Whoever asked has given up by now: the time goes to those who have not.
    if (performance.now() - began > limits.scanTimeoutMs) {
      leave();
      throw requestTimedOut();
    }
  }

  /** Hands the place over, so `isBusy` stays true while somebody waits. */
  function leave(): void {
    const next = waiting.shift();
    if (next !== undefined) {
      next(true);
      return;
    }
    isBusy = false;
    // A thread that has worked much holds the memory of its largest call, and makes room for a fresh one.
    if (stays && workedMs < limits.readerWornMs) return;
    idle = setTimeout(() => void renew(), limits.readerIdleMs);
    idle.unref();
  }

  async function renew(): Promise<void> {
    await end();
    if (stays && !isClosed) thread ??= start(lane);
  }

  async function end(): Promise<void> {
    const ending = thread;
    thread = undefined;
    workedMs = 0;
    await ending?.end();
  }

  async function work(
    place: Place,
    name: string,
    params: unknown,
    timeoutMs = Number.POSITIVE_INFINITY,
  ): Promise<string> {
    if (isClosed) throw closing();
    clearTimeout(idle);
    thread ??= start(lane);
    const isClients = timeoutMs < limits[place.limit];
    const limitMs = isClients ? timeoutMs : limits[place.limit];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, limitMs, undefined);
    });
    let answer: ApartAnswer | undefined;
    const began = performance.now();
    try {
      answer = await Promise.race([thread.answer(name, params), late]);
    } catch (error) {
      // The thread is gone, most likely because its memory was used up; the next call gets a new one.
      await end();
      if (isClosed) throw closing();
      report(error, name);
      throw new RpcError(
        RPC_CODES.server,
        'execution aborted: it needed more than this node gives to a call',
      );
    } finally {
      clearTimeout(timer);
      workedMs += performance.now() - began;
    }
    if (answer === undefined) {
      // Only the end of the thread really stops what runs in it.
      await end();
      throw place.expired(limitMs, isClients);
    }
    if ('body' in answer) return answer.body;
    if (answer.report !== undefined) report(new Error(answer.report), name);
    throw new RpcError(answer.error.code, answer.error.message, answer.error.data);
  }

  return {
    async run(
      place: Place,
      name: string,
      params: unknown,
      gone?: AbortSignal,
      timeoutMs?: number,
    ): Promise<string> {
      await turn();
      try {
        if (gone?.aborted) throw new RpcError(RPC_CODES.server, 'the client is gone');
        return await work(place, name, params, timeoutMs);
      } finally {
        leave();
      }
    },
    async close() {
      isClosed = true;
      clearTimeout(idle);
      for (const refuse of waiting.splice(0)) refuse(false);
      await end();
    },
  };
}

function closing(): RpcError {
  return new RpcError(RPC_CODES.server, 'the node is stopping');
}
