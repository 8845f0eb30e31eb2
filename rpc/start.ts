/** Puts the RPC together and starts it: what the RPC's thread calls, and what tests call. */
import { randomBytes } from 'node:crypto';
import { toHex } from '../state/crypto.ts';
import type { Caller, ChainReader, Hex } from '../state/types.ts';
import { type AccessRules, isLoopback } from './access.ts';
import type { Apart } from './apart.ts';
import { createArtifactRoutes } from './artifacts.ts';
import type { Cancel, RpcBackend } from './backend.ts';
import { createBlockTexts } from './block-texts.ts';
import { createDispatcher } from './dispatch.ts';
import { findStaticDirectory, loadStaticFiles } from './explorer/files.ts';
import { createFilters } from './filters.ts';
import { createGate } from './gate.ts';
import { DEFAULT_LIMITS, type RpcLimits } from './limits.ts';
import type { RpcContext } from './method.ts';
import { chosenMethods } from './methods/index.ts';
import { listen, type RunningServer } from './server.ts';
import { createSubscriptions } from './subscriptions.ts';
import { headerJson, pendingTransactionJson } from './views.ts';

export { PortInUse } from './server.ts';

export interface RpcConfig {
  /** Address to listen on; loopback unless the operator says otherwise. */
  readonly host?: string;
  /** 0 lets the system choose. */
  readonly port?: number;
  /** Host names beside loopback and `host` that requests may name; `*` accepts any. */
  readonly allowedHosts?: readonly string[];
  /** Web origins beside pages of this machine; `*` accepts any. */
  readonly allowedOrigins?: readonly string[];
  /** Namespaces to answer; default `LOCAL_NAMESPACES` on loopback, `NAMESPACES` elsewhere. */
  readonly namespaces?: readonly string[];
  readonly limits?: Partial<RpcLimits>;
  /** Folder of the explorer's files; found by itself when not given. */
  readonly staticDirectory?: string;
}

export interface StartRpcOptions {
  readonly reader: ChainReader;
  readonly caller: Caller;
  readonly backend: RpcBackend;
  readonly config?: RpcConfig;
  /** Runs what executes or scans in other threads; without it they take turns in this one. */
  readonly apart?: Apart;
  /** Hears of errors that are ours. Default: nothing is said. */
  readonly report?: (error: unknown, where: string) => void;
  /** Monotone milliseconds. */
  readonly now?: () => number;
  /** Ids of filters and subscriptions; 16 random bytes, so that nobody guesses another's. */
  readonly newId?: () => Hex;
}

export interface RunningRpc extends RunningServer {
  readonly host: string;
}

export const NAMESPACES = ['eth', 'net', 'web3', 'txpool', 'rpc', 'ol'] as const;
/** Added on loopback only: a trace costs as much as its block, and names what others' contracts do inside. */
export const LOCAL_NAMESPACES = [...NAMESPACES, 'debug', 'ots', 'erigon', 'trace'] as const;

/** Blocks that one announcement may bring, after which listeners start anew at the head. */
const MAX_CATCH_UP = 64;

/** @throws PortInUse */
export async function startRpc(options: StartRpcOptions): Promise<RunningRpc> {
  const { reader, caller, backend, config = {} } = options;
  const report = options.report ?? (() => {});
  const now = options.now ?? (() => performance.now());
  const newId = options.newId ?? (() => toHex(randomBytes(16)));
  const host = config.host ?? '127.0.0.1';
  const limits = { ...DEFAULT_LIMITS, ...config.limits };
  const namespaces = config.namespaces ?? (isLoopback(host) ? LOCAL_NAMESPACES : NAMESPACES);

  // Asks the pool for news only while somebody listens.
  let pendingNews: Cancel | undefined;
  const onListeners = (): void => {
    const wanted = subscriptions.pendingListeners + filters.pendingListeners > 0;
    if (wanted) pendingNews ??= announcePending(context);
    else {
      pendingNews?.();
      pendingNews = undefined;
    }
  };
  const subscriptions = createSubscriptions(limits, newId, onListeners);
  const filters = createFilters(reader, limits, now, newId, onListeners);
  const context: RpcContext = {
    reader,
    caller,
    backend,
    limits,
    filters,
    subscriptions,
    blockTexts: createBlockTexts(limits),
    heavy: createGate('calls', limits.maxHeavyCalls, limits.maxHeavyQueue),
    apart: options.apart,
    namespaces,
  };
  const access: AccessRules = {
    bindHost: host,
    allowedHosts: config.allowedHosts ?? [],
    allowedOrigins: config.allowedOrigins ?? [],
  };
  const cancelHeads = announceHeads(context, report);
  const stopNews = (): void => {
    cancelHeads();
    pendingNews?.();
    pendingNews = undefined;
  };
  try {
    const server = await listen(
      {
        dispatcher: createDispatcher(context, chosenMethods(limits, namespaces), report),
        subscriptions,
        artifacts: createArtifactRoutes(reader, backend, limits, (error) => report(error, 'artifacts')),
        page: loadStaticFiles(config.staticDirectory ?? findStaticDirectory()),
        health: () => readiness(reader, backend),
        metrics: backend.metrics ? () => backend.metrics?.() ?? Promise.resolve('') : undefined,
        limits,
        access,
      },
      host,
      config.port ?? 0,
    );
    return {
      host,
      port: server.port,
      async close() {
        await server.close();
        stopNews();
      },
    };
  } catch (error) {
    stopNews();
    throw error;
  }
}

/** Hands new blocks to subscriptions. */
function announceHeads(context: RpcContext, report: (error: unknown, where: string) => void): Cancel {
  const { reader, backend, subscriptions } = context;
  let announced = reader.head().number;
  let syncing = false;

  const onHead = (head: { number: number; hash: Hex }): void => {
    try {
      // Several blocks may have been committed since the last announcement; each is announced, in order.
      const from = Math.max(announced + 1, head.number - MAX_CATCH_UP + 1);
      for (let number = from; number <= head.number; number++) {
        const block = reader.blockByNumber(number);
        if (block === undefined) throw new Error(`announced block ${number} is not readable`);
        announced = number;
        if (subscriptions.size === 0) continue;
        const receipts = reader.receipts(number) ?? [];
        subscriptions.publishBlock(block, receipts, () => JSON.stringify(headerJson(block)));
      }
    } catch (error) {
      report(error, 'newHeads');
    }
    if (subscriptions.size > 0) tellSyncing();
  };

  const tellSyncing = (): void => {
    backend.syncing().then(
      (progress) => {
        const active = progress !== undefined;
        if (active === syncing) return;
        syncing = active;
        subscriptions.publishSyncing(
          progress === undefined
            ? 'false'
            : JSON.stringify({
                syncing: true,
                status: {
                  StartingBlock: progress.startingBlock,
                  CurrentBlock: progress.currentBlock,
                  HighestBlock: progress.highestBlock,
                },
              }),
        );
      },
      (error) => report(error, 'syncing'),
    );
  };

  return backend.onHead(onHead);
}

/** Hands transactions that became executable to subscriptions and filters. */
function announcePending({ reader, backend, subscriptions, filters }: RpcContext): Cancel {
  return backend.onPendingTransactions((transactions) => {
    filters.announce(transactions.map(({ hash }) => hash));
    subscriptions.publishPending(
      transactions.map(({ hash, raw }) => ({
        hash,
        json: () => JSON.stringify(pendingTransactionJson(raw, reader.params.chainId)),
      })),
    );
  });
}

/** Ready: answers are current. Not ready while the node syncs, while no blocks come, or after it stopped by itself. */
async function readiness(
  reader: ChainReader,
  backend: RpcBackend,
): Promise<{ ready: boolean; body: object }> {
  const [progress, node] = await Promise.all([backend.syncing(), backend.node()]);
  const head = reader.head();
  const reason =
    node.halted ??
    (progress ? `syncing: ${progress.currentBlock} of ${progress.highestBlock}` : node.standstill);
  return {
    ready: reason === undefined,
    body: {
      ready: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
      head: head.number,
      hash: head.hash,
    },
  };
}
