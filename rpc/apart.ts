/**
 * Calls that execute or scan run apart from the thread that talks to clients: one that takes long makes nobody else
 * wait, and one that takes too long is ended for good. Each lane is one thread; its calls run one after the other. While
 * they are short, the next ones are with the thread before the last is answered: waking two threads for each of them
 * costs more than most calls.
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

/** One thread of a lane, started when it is needed. It may be asked again before it has answered, and works in order. */
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

/** Calls that are with a thread at once, and what the last one may have taken for that. */
const AHEAD = 8;
const SHORT_MS = 5;

interface Job {
  readonly place: Place;
  readonly name: string;
  readonly params: unknown;
  readonly gone: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly askedMs: number;
  readonly resolve: (body: string) => void;
  readonly reject: (error: Error) => void;
}

function createLane(lane: Lane, { start, limits, report }: ApartOptions) {
  const stays = STAYING.includes(lane);
  let thread: LaneThread | undefined;
  let isEnding = false;
  let isClosed = false;
  /** Time that calls have taken in the present thread, and the last of them. */
  let workedMs = 0;
  let lastMs = Number.POSITIVE_INFINITY;
  let idle: ReturnType<typeof setTimeout> | undefined;
  const waiting: Job[] = [];
  /** With the thread; the first is at work since `begunMs`, and its time is counted. */
  const sent: Job[] = [];
  let begunMs = 0;
  let late: ReturnType<typeof setTimeout> | undefined;

  const isFull = (): boolean => isEnding || sent.length >= (lastMs <= SHORT_MS ? AHEAD : 1);

  function pump(): void {
    while (waiting.length > 0 && !isFull()) {
      const job = waiting.shift()!;
      if (job.gone?.aborted) job.reject(new RpcError(RPC_CODES.server, 'the client is gone'));
      // Whoever asked has given up by now: the time goes to those who have not.
      else if (performance.now() - job.askedMs > limits.scanTimeoutMs) job.reject(requestTimedOut());
      else send(job);
    }
    if (sent.length > 0 || isEnding || thread === undefined) return;
    // A thread that has worked much holds the memory of its largest call, and makes room for a fresh one.
    if (stays && workedMs < limits.readerWornMs) return;
    clearTimeout(idle);
    idle = setTimeout(() => void renew(), limits.readerIdleMs);
    idle.unref();
  }

  function send(job: Job): void {
    clearTimeout(idle);
    try {
      thread ??= start(lane);
    } catch (error) {
      report(error, job.name);
      job.reject(
        new RpcError(RPC_CODES.server, 'this node cannot start a thread for the call; try again later'),
      );
      return;
    }
    const asked = thread;
    sent.push(job);
    if (sent.length === 1) begin();
    asked.answer(job.name, job.params).then(
      (answer) => {
        if (asked === thread) settle(job, answer);
      },
      (error) => {
        if (asked === thread) void fail(error);
      },
    );
  }

  /** The time of the first that is with the thread begins. */
  function begin(): void {
    const [first] = sent;
    begunMs = performance.now();
    if (first !== undefined) late = setTimeout(() => void expire(), limitOf(first));
  }

  const limitOf = ({ place, timeoutMs }: Job): number => Math.min(timeoutMs, limits[place.limit]);

  function settle(job: Job, answer: ApartAnswer): void {
    const at = sent.indexOf(job);
    sent.splice(at, 1);
    if (at === 0) {
      clearTimeout(late);
      lastMs = performance.now() - begunMs;
      workedMs += lastMs;
      begin();
    }
    if ('body' in answer) job.resolve(answer.body);
    else {
      if (answer.report !== undefined) report(new Error(answer.report), job.name);
      job.reject(new RpcError(answer.error.code, answer.error.message, answer.error.data));
    }
    pump();
  }

  /** Only the end of the thread really stops what runs in it. What stood behind it goes to the next one. */
  async function expire(): Promise<void> {
    const job = await endFirst();
    job.reject(job.place.expired(limitOf(job), job.timeoutMs < limits[job.place.limit]));
    pump();
  }

  /** The thread is gone, most likely because its memory was used up. */
  async function fail(error: unknown): Promise<void> {
    const job = await endFirst();
    if (isClosed) return job.reject(closing());
    report(error, job.name);
    job.reject(
      new RpcError(RPC_CODES.server, 'execution aborted: it needed more than this node gives to a call'),
    );
    pump();
  }

  async function endFirst(): Promise<Job> {
    clearTimeout(late);
    const [first, ...behind] = sent.splice(0) as [Job, ...Job[]];
    waiting.unshift(...behind);
    await end();
    return first;
  }

  async function renew(): Promise<void> {
    await end();
    try {
      if (stays && !isClosed) thread ??= start(lane);
    } catch (error) {
      // Whoever asks next tries again, and hears of it.
      report(error, lane);
    }
    pump();
  }

  async function end(): Promise<void> {
    const ending = thread;
    thread = undefined;
    workedMs = 0;
    lastMs = Number.POSITIVE_INFINITY;
    isEnding = true;
    await ending?.end();
    isEnding = false;
  }

  return {
    run(
      place: Place,
      name: string,
      params: unknown,
      gone?: AbortSignal,
      timeoutMs = Number.POSITIVE_INFINITY,
    ): Promise<string> {
      if (isClosed) return Promise.reject(closing());
      if (waiting.length >= limits.maxHeavyQueue && isFull())
        return Promise.reject(
          new RpcError(
            RPC_CODES.limitExceeded,
            `limit exceeded: calls waiting (limit ${limits.maxHeavyQueue})`,
          ),
        );
      return new Promise((resolve, reject) => {
        const askedMs = performance.now();
        waiting.push({ place, name, params, gone, timeoutMs, askedMs, resolve, reject });
        pump();
      });
    },
    async close() {
      isClosed = true;
      clearTimeout(idle);
      clearTimeout(late);
      for (const job of [...sent.splice(0), ...waiting.splice(0)]) job.reject(closing());
      await end();
    },
  };
}

function closing(): RpcError {
  return new RpcError(RPC_CODES.server, 'the node is stopping');
}
