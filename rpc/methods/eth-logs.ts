/** `eth`: logs, filters and subscriptions. */
import { headerNotFound, RPC_CODES, RpcError } from '../errors.ts';
import type { RpcLimits } from '../limits.ts';
import { findLogs, logFilter, queryLogs } from '../logs.ts';
import { type Methods, method, type RpcContext, socketMethod } from '../method.ts';
import { boolean, custom, optional, string } from '../params.ts';

export function logMethods(limits: RpcLimits): Methods {
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
    return first > last ? [] : await findLogs(reader, filter.filter, first, last, limits);
  } catch (error) {
    filter.next = from;
    throw error;
  }
}
