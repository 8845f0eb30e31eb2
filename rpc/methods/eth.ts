/** The `eth` namespace. Results and refusals as geth gives them; docs/rpc.md lists what differs. */
import { EMPTY_TRIE_ROOT_HEX, KECCAK_EMPTY_HEX } from '../../state/crypto.ts';
import type { Block } from '../../state/types.ts';
import { isFailure } from '../backend.ts';
import { callFailure, callRequest, readOverrides, toCallRequest } from '../call.ts';
import { bytesOf, hexOf, quantity } from '../encode.ts';
import { headerNotFound, RPC_CODES, RpcError } from '../errors.ts';
import { feeHistory, gasPrice, suggestTip } from '../fees.ts';
import { DEFAULT_LIMITS, type RpcLimits } from '../limits.ts';
import { logFilter, queryLogs, scan } from '../logs.ts';
import {
  findNumber,
  type Method,
  type Methods,
  method,
  type RpcContext,
  resolveNumber,
  socketMethod,
  stateOf,
} from '../method.ts';
import {
  address,
  type BlockSelector,
  blockNumberOrTag,
  blockSelector,
  boolean,
  bytes,
  custom,
  hash,
  indexParam,
  list,
  optional,
  slot,
  string,
} from '../params.ts';
import {
  blockJson,
  minedTransactionJson,
  pendingTransactionJson,
  receiptJson,
  receiptsJson,
} from '../views.ts';

const byNumber = [blockNumberOrTag] as const;
const byHash = [hash] as const;

export function ethMethods(limits: RpcLimits = DEFAULT_LIMITS): Methods {
  return {
    ...chainMethods(),
    ...accountMethods(limits),
    ...blockMethods(),
    ...callMethods(),
    ...logMethods(limits),
  };
}

function chainMethods(): Methods {
  return {
    eth_chainId: method([], ({ reader }) => quantity(reader.params.chainId)),
    eth_blockNumber: method([], ({ reader }) => quantity(reader.head().number)),
    eth_syncing: method([], async ({ backend }) => {
      const progress = await backend.syncing();
      return progress === undefined
        ? false
        : {
            startingBlock: quantity(progress.startingBlock),
            currentBlock: quantity(progress.currentBlock),
            highestBlock: quantity(progress.highestBlock),
          };
    }),
    // No keys are held here.
    eth_accounts: method([], () => []),
    eth_mining: method([], () => false),
    eth_gasPrice: method([], ({ reader }) => quantity(gasPrice(reader))),
    eth_maxPriorityFeePerGas: method([], ({ reader }) => quantity(suggestTip(reader))),
    eth_feeHistory: method(
      [indexParam, blockNumberOrTag, optional(percentiles)],
      ({ reader, limits }, count, newest, rewards) =>
        feeHistory(reader, limits, count, resolveNumber(reader, newest), rewards),
      { heavy: true },
    ),
  };
}

const percentiles = custom('percentiles', (value, refuse) => {
  if (!Array.isArray(value)) return refuse('expected an array of percentiles');
  if (value.length > DEFAULT_LIMITS.maxFeeHistoryPercentiles)
    return refuse(`over the query limit ${DEFAULT_LIMITS.maxFeeHistoryPercentiles}`);
  return value.map((item, index) => {
    if (typeof item !== 'number' || !(item >= 0 && item <= 100))
      return refuse(`invalid reward percentile: item ${index} is not a number from 0 to 100`);
    if (index > 0 && item <= value[index - 1])
      return refuse(`invalid reward percentile: item ${index} is not above the one before`);
    return item;
  });
});

function accountMethods(limits: RpcLimits): Methods {
  return {
    eth_getBalance: method([address, optional(blockSelector)], ({ reader }, who, at) =>
      quantity(stateOf(reader, at).account(who)?.balance ?? 0n),
    ),
    eth_getTransactionCount: method(
      [address, optional(blockSelector)],
      async ({ reader, backend }, who, at) => {
        const mined = stateOf(reader, at).account(who)?.nonce ?? 0n;
        if (!isPending(at)) return quantity(mined);
        const pending = await backend.pendingNonce(who);
        return quantity(pending !== undefined && pending > mined ? pending : mined);
      },
    ),
    eth_getCode: method([address, optional(blockSelector)], ({ reader }, who, at) =>
      hexOf(stateOf(reader, at).code(who)),
    ),
    eth_getStorageAt: method([address, slot, optional(blockSelector)], ({ reader }, who, key, at) =>
      hexOf(stateOf(reader, at).storage(who, bytesOf(key))),
    ),
    eth_getProof: method(
      [address, list(slot, limits.maxProofSlots), optional(blockSelector)],
      ({ reader }, who, slots, at) => {
        const proof = reader.proof(who, slots, resolveNumber(reader, at));
        const { account } = proof;
        return {
          address: who,
          accountProof: proof.accountProof.map(hexOf),
          balance: quantity(account?.balance ?? 0n),
          codeHash: account?.codeHash ?? KECCAK_EMPTY_HEX,
          nonce: quantity(account?.nonce ?? 0n),
          storageHash: account?.storageRoot ?? EMPTY_TRIE_ROOT_HEX,
          storageProof: proof.storageProof.map((item) => ({
            key: item.key,
            value: quantity(item.value),
            proof: item.proof.map(hexOf),
          })),
        };
      },
      { heavy: true },
    ),
  };
}

function isPending(at: BlockSelector | undefined): boolean {
  return at?.by === 'tag' && at.tag === 'pending';
}

function findBlock({ reader }: RpcContext, at: BlockSelector): Block | undefined {
  if (at.by === 'hash') return reader.blockByHash(at.hash);
  const number = findNumber(reader, at);
  return number === undefined ? undefined : reader.blockByNumber(number);
}

/** Two methods that differ only in how the block is named. */
function forBlock<const P extends readonly Parameters<typeof method>[0][number][]>(
  name: (by: 'Number' | 'Hash') => string,
  more: P,
  show: (context: RpcContext, block: Block, rest: unknown[]) => unknown,
): Methods {
  const make = (selector: typeof byNumber | typeof byHash): Method => ({
    params: [...selector, ...more],
    heavy: false,
    run(context, [at, ...rest]) {
      const selected: BlockSelector =
        typeof at === 'string' ? { by: 'hash', hash: at as `0x${string}` } : (at as BlockSelector);
      const block = findBlock(context, selected);
      return block === undefined ? null : show(context, block, rest);
    },
  });
  return { [name('Number')]: make(byNumber), [name('Hash')]: make(byHash) };
}

function blockMethods(): Methods {
  return {
    ...forBlock(
      (by) => `eth_getBlockBy${by}`,
      [optional(boolean)],
      ({ reader }, block, [full]) => blockJson(reader, block, full === true),
    ),
    ...forBlock(
      (by) => `eth_getBlockTransactionCountBy${by}`,
      [],
      (_, block) => quantity(block.transactions.length),
    ),
    ...forBlock(
      (by) => `eth_getUncleCountByBlock${by}`,
      [],
      () => '0x0',
    ),
    ...forBlock(
      (by) => `eth_getUncleByBlock${by}AndIndex`,
      [indexParam],
      () => null,
    ),
    ...forBlock(
      (by) => `eth_getTransactionByBlock${by}AndIndex`,
      [indexParam],
      ({ reader }, block, [index]) => minedTransactionJson(reader, { block, index: index as number }),
    ),
    ...forBlock(
      (by) => `eth_getRawTransactionByBlock${by}AndIndex`,
      [indexParam],
      (_, block, [index]) => {
        const raw = block.transactions[index as number];
        return raw === undefined ? '0x' : hexOf(raw);
      },
    ),
    eth_getBlockReceipts: method([blockSelector], (context, at) => {
      const block = findBlock(context, at);
      if (block === undefined) return null;
      return receiptsJson(block, context.reader.receipts(block.header.number) ?? []);
    }),
    eth_getTransactionByHash: method([hash], async ({ reader, backend }, id) => {
      const at = reader.transactionLocation(id);
      if (at === undefined) {
        const pooled = await backend.poolTransaction(id);
        if (pooled !== undefined) return pendingTransactionJson(pooled.raw, reader.params.chainId);
        // It may have been mined while the pool was asked.
      }
      const found = at ?? reader.transactionLocation(id);
      const block = found && reader.blockByNumber(found.number);
      return block ? minedTransactionJson(reader, { block, index: found.index }) : null;
    }),
    eth_getRawTransactionByHash: method([hash], async ({ reader, backend }, id) => {
      const at = reader.transactionLocation(id);
      const raw = at
        ? reader.blockByNumber(at.number)?.transactions[at.index]
        : (await backend.poolTransaction(id))?.raw;
      return raw === undefined ? null : hexOf(raw);
    }),
    eth_getTransactionReceipt: method([hash], ({ reader }, id) => {
      const at = reader.transactionLocation(id);
      const block = at && reader.blockByNumber(at.number);
      return block ? receiptJson(block, reader.receipts(at.number) ?? [], at.index) : null;
    }),
    eth_getTransactionBySenderAndNonce: method(
      [address, indexParam],
      async ({ backend, reader }, who, nonce) => {
        // Only the pool is indexed by sender; mined ones are found by the explorer's index.
        const content = await backend.poolContent();
        const found = [...content.pending, ...content.queued].find(
          (item) => item.from === who && item.nonce === BigInt(nonce),
        );
        return found ? pendingTransactionJson(found.raw, reader.params.chainId) : null;
      },
    ),
    eth_sendRawTransaction: method([bytes], async ({ backend }, raw) => {
      const answer = await backend.submitTransaction(raw);
      if (isFailure(answer)) throw new RpcError(answer.error.code, answer.error.message, answer.error.data);
      return answer.hash;
    }),
  };
}

function callMethods(): Methods {
  return {
    eth_call: method(
      [callRequest, optional(blockSelector), optional(readOverrides)],
      async ({ reader, caller }, request, at, overrides) => {
        const result = await caller.call(toCallRequest(request), resolveNumber(reader, at), overrides);
        if (result.error) throw callFailure(result.error);
        return hexOf(result.returnData);
      },
      { heavy: true },
    ),
    eth_estimateGas: method(
      [callRequest, optional(blockSelector), optional(readOverrides)],
      async ({ reader, caller }, request, at, overrides) => {
        const result = await caller.estimateGas(toCallRequest(request), resolveNumber(reader, at), overrides);
        if ('error' in result) throw callFailure(result.error);
        return quantity(result.gas);
      },
      { heavy: true },
    ),
    eth_createAccessList: method(
      [callRequest, optional(blockSelector)],
      async ({ reader, caller }, request, at) => {
        const result = await caller.createAccessList(toCallRequest(request), resolveNumber(reader, at));
        return {
          accessList: result.accessList,
          gasUsed: quantity(result.gasUsed),
          ...(result.error ? { error: result.error.message } : {}),
        };
      },
      { heavy: true },
    ),
  };
}

function logMethods(limits: RpcLimits): Methods {
  const filterParam = logFilter(limits);
  return {
    eth_getLogs: method([filterParam], ({ reader, limits }, filter) => queryLogs(reader, filter, limits), {
      heavy: true,
    }),
    eth_newFilter: method([filterParam], ({ filters }, filter) => filters.addLogs(filter)),
    eth_newBlockFilter: method([], ({ filters }) => filters.addBlocks()),
    eth_newPendingTransactionFilter: method([optional(boolean)], ({ filters }) => filters.addPending()),
    eth_uninstallFilter: method([filterId], ({ filters }, id) => filters.remove(id)),
    eth_getFilterChanges: method([filterId], (context, id) => filterChanges(context, id), { heavy: true }),
    eth_getFilterLogs: method(
      [filterId],
      ({ filters, reader, limits }, id) => {
        const filter = filters.get(id);
        if (filter.kind !== 'logs') throw new RpcError(RPC_CODES.server, 'filter not found');
        return queryLogs(reader, filter.filter, limits);
      },
      { heavy: true },
    ),
    eth_subscribe: socketMethod(
      [string(64), optional(custom('options', (value) => value))],
      ({ subscriptions }, connection, name, options) => {
        if (connection === undefined)
          throw new RpcError(RPC_CODES.server, 'notifications not supported: use a WebSocket');
        switch (name) {
          case 'newHeads':
            return subscriptions.add(connection, { kind: 'newHeads' });
          case 'logs':
            return subscriptions.add(connection, {
              kind: 'logs',
              filter: subscriptionFilter(filterParam, options),
            });
          case 'newPendingTransactions':
            return subscriptions.add(connection, { kind: 'newPendingTransactions', full: options === true });
          case 'syncing':
            return subscriptions.add(connection, { kind: 'syncing' });
          default:
            throw new RpcError(RPC_CODES.methodNotFound, `no "${name}" subscription in eth namespace`);
        }
      },
    ),
    eth_unsubscribe: socketMethod([filterId], ({ subscriptions }, connection, id) => {
      if (connection === undefined || !subscriptions.remove(connection, id))
        throw new RpcError(RPC_CODES.server, 'subscription not found');
      return true;
    }),
  };
}

/** An id that this server gave: 16 random bytes, but a foreign one is answered "not found", not "malformed". */
const filterId = custom('id', (value, refuse) => {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{1,64}$/.test(value))
    return refuse('expected an id in hex');
  return value.toLowerCase() as `0x${string}`;
});

function subscriptionFilter(param: ReturnType<typeof logFilter>, options: unknown) {
  try {
    return param.read(options ?? {});
  } catch (error) {
    throw new RpcError(RPC_CODES.invalidParams, `invalid argument 1: ${(error as Error).message}`);
  }
}

async function filterChanges({ filters, reader, limits }: RpcContext, id: `0x${string}`): Promise<unknown[]> {
  const filter = filters.get(id);
  if (filter.kind === 'pending') return filter.hashes.splice(0);
  const head = reader.head().number;
  const from = filter.next;
  const to = Math.min(head, from + limits.maxLogBlocks - 1);
  if (from > to) return [];
  if (filter.kind === 'blocks') {
    filter.next = to + 1;
    const hashes: string[] = [];
    for (let number = from; number <= to; number++) {
      const block = reader.blockByNumber(number);
      if (block === undefined) throw headerNotFound();
      hashes.push(block.hash);
    }
    return hashes;
  }
  const { fromBlock, toBlock } = filter.filter;
  const first = fromBlock?.by === 'number' ? Math.max(from, fromBlock.number) : from;
  const last = toBlock?.by === 'number' ? Math.min(to, toBlock.number) : to;
  // Moved before the scan, so that a second poll meanwhile does not give the same logs; and back if the scan fails.
  filter.next = to + 1;
  try {
    return first > last ? [] : await scan(reader, filter.filter, first, last, limits);
  } catch (error) {
    filter.next = from;
    throw error;
  }
}
