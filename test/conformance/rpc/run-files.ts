/** Runs exchanges through the dispatcher of the RPC, with a real pool behind it. */
import { randomBytes } from 'node:crypto';
import { createPool } from '../../../node/mempool/pool.ts';
import type { PoolTransaction, RpcBackend } from '../../../rpc/backend.ts';
import { createBlockTexts } from '../../../rpc/block-texts.ts';
import { createDispatcher, type Dispatcher } from '../../../rpc/dispatch.ts';
import { createFilters } from '../../../rpc/filters.ts';
import { createGate } from '../../../rpc/gate.ts';
import { DEFAULT_LIMITS } from '../../../rpc/limits.ts';
import { chosenMethods } from '../../../rpc/methods/index.ts';
import { LOCAL_NAMESPACES } from '../../../rpc/start.ts';
import { createSubscriptions } from '../../../rpc/subscriptions.ts';
import { type CallerOptions, createCaller } from '../../../state/call.ts';
import { toHex } from '../../../state/crypto.ts';
import { nextBaseFee } from '../../../state/execution/fees.ts';
import { createModuleTable } from '../../../state/execution/module-table.ts';
import { LIMITS } from '../../../state/limits.ts';
import type { Reader } from '../../../state/reader.ts';
import { decodeTransaction } from '../../../state/transactions/decode.ts';
import { floorGas, intrinsicGas } from '../../../state/transactions/intrinsic.ts';
import { isDelegation } from '../../../state/transactions/validate.ts';
import type { PooledTransaction } from '../../../state/types.ts';
import { difference, type Json, shapeDifference } from './compare.ts';
import { ethereumRules } from './ethereum-rules.ts';
import type { ExchangeFile, ReadFile } from './exchange.ts';
import type { ImportedChain } from './import.ts';
import { SKIPS } from './skips.ts';

export interface Report {
  passed: string[];
  failed: { name: string; why: string }[];
  skipped: { name: string; reason: string }[];
}

export async function runFiles(chain: ImportedChain, files: readonly ReadFile[]): Promise<Report> {
  const report: Report = { passed: [], failed: [], skipped: [] };
  const dispatcher = createNode(chain);
  for (const file of files) {
    const reason = SKIPS[file.name];
    if (reason !== undefined) report.skipped.push({ name: file.name, reason });
    else {
      const why = 'problem' in file ? file.problem : await problemOf(file, dispatcher);
      if (why === undefined) report.passed.push(file.name);
      else report.failed.push({ name: file.name, why });
    }
  }
  return report;
}

async function problemOf(file: ExchangeFile, dispatcher: Dispatcher): Promise<string | undefined> {
  for (const { request, response } of file.exchanges) {
    const answer = JSON.parse((await dispatcher.handle(request)) ?? 'null') as Json;
    const why = file.specOnly ? shapeDifference(answer, response) : difference(answer, response);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** Ethereum has none. */
export const noModules = createModuleTable([], {
  genesisBalances: () => [],
  genesis() {},
  beginBlock() {},
  endBlock() {},
  validatorSets: () => ({ next: [], afterNext: [] }),
});

function createNode(chain: ImportedChain): Dispatcher {
  return dispatcherOf(chain.reader, { modules: noModules, ethereum: ethereumRules(chain) });
}

/** Our own chain behind a dispatcher. */
export function createChainDispatcher(reader: Reader): Dispatcher {
  return dispatcherOf(reader, {});
}

function dispatcherOf(reader: Reader, rules: CallerOptions): Dispatcher {
  const backend = createBackend(reader);
  const newId = () => toHex(randomBytes(16));
  const now = () => performance.now();
  return createDispatcher(
    {
      reader,
      caller: createCaller(reader, rules),
      backend,
      limits: DEFAULT_LIMITS,
      filters: createFilters(reader, DEFAULT_LIMITS, now, newId),
      subscriptions: createSubscriptions(DEFAULT_LIMITS, newId, () => {}),
      blockTexts: createBlockTexts(DEFAULT_LIMITS),
      heavy: createGate('calls', DEFAULT_LIMITS.maxHeavyCalls, DEFAULT_LIMITS.maxHeavyQueue),
      namespaces: LOCAL_NAMESPACES,
    },
    chosenMethods(DEFAULT_LIMITS, LOCAL_NAMESPACES),
    (error, method) => console.error(`${method}: ${(error as Error).stack ?? String(error)}`),
  );
}

/** A node that is alone and synced, with the pool that ships. */
function createBackend(reader: Reader): RpcBackend {
  const { chainId } = reader.params;
  const head = () => reader.blockByNumber(reader.head().number)!;
  const pool = createPool({
    nowMs: () => performance.now(),
    journal: { load: () => [], append() {}, rewrite() {}, size: () => 0, close() {} },
    chain: {
      decode: (raw) => decodeTransaction(raw, chainId, noModules),
      account(address) {
        const view = reader.stateAt(reader.head().number);
        const account = view.account(address);
        const code = view.code(address);
        return {
          nonce: account?.nonce ?? 0n,
          balance: account?.balance ?? 0n,
          code: code.length === 0 ? 'none' : isDelegation(code) ? 'delegation' : 'contract',
        };
      },
      headNumber: () => reader.head().number,
      nextBaseFee: () => {
        const { header, timestampMs } = head();
        return nextBaseFee({ ...header, timestampMs }, timestampMs + 12_000, reader.params.block);
      },
      intrinsicGas: (tx) => ({ intrinsic: intrinsicGas(tx), floor: floorGas(tx) }),
      maxTransactionGas: () => ({
        perTransaction: LIMITS.transactionGasCap,
        perBlock: head().header.gasLimit,
      }),
      minBaseFee: () => 0n,
      gate: () => ({ state: 'ready' }),
    },
  });
  const shown = ({ hash, from, nonce, raw }: PooledTransaction): PoolTransaction => ({
    hash,
    from,
    nonce,
    raw,
  });
  const absent = async () => undefined;
  return {
    async submitTransaction(raw) {
      const result = pool.add(raw, 'local');
      return result.ok ? { hash: result.hash } : { error: { code: -32000, message: result.message } };
    },
    pendingNonce: async (address) => pool.pendingNonce(address),
    poolStatus: async () => pool.counts(),
    async poolContent() {
      const { pending, queued } = pool.content();
      return { pending: pending.map(shown), queued: queued.map(shown) };
    },
    async poolTransaction(hash) {
      const found = pool.get(hash);
      return found && shown(found);
    },
    onHead: () => () => {},
    onPendingTransactions: () => () => {},
    peers: async () => [],
    syncing: absent,
    node: async () => ({ clientVersion: 'OpenLedger/conformance' }),
    storeArtifact: () => Promise.reject(new Error('no artifacts here')),
    artifactInfo: absent,
    artifactLeaves: absent,
    previewAttribution: absent,
    attributionDetails: absent,
    attributionProof: absent,
  };
}
