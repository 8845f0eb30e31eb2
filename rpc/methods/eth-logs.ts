/** `eth`: logs, filters and subscriptions. */
import { headerNotFound, RPC_CODES, RpcError } from '../errors.ts';
import type { RpcLimits } from '../limits.ts';
import { checkRange, filterJson, isShortSearch, type LogFilter, logFilter, queryLogs } from '../logs.ts';
import { Encoded, headOf, type Methods, method, type RpcContext, socketMethod } from '../method.ts';
import { type BlockSelector, boolean, custom, optional } from '../params.ts';

export function logMethods(limits: RpcLimits): Methods {
  const filterParam = logFilter(limits);
  return {
    eth_getLogs: method([filterParam], ({ reader, limits }, filter) => queryLogs(reader, filter, limits), {
      heavy: true,
    }),
    eth_newFilter: method([filterParam], ({ filters }, filter) => {
      checkRange(filter);
      return filters.addLogs(filter);
    }),
    eth_newBlockFilter: method([], ({ filters }) => filters.addBlocks()),
    eth_newPendingTransactionFilter: method([optional(boolean)], ({ filters }) => filters.addPending()),
    eth_uninstallFilter: method([filterId], ({ filters }, id) => filters.remove(id)),
    // These two know the filter, which lives here; the search that it needs takes its turn as eth_getLogs.
    eth_getFilterChanges: {
      params: [filterId],
      heavy: false,
      run: (context, [id], _connection, gone) => filterChanges(context, id as string, gone),
    },
    eth_getFilterLogs: {
      params: [filterId],
      heavy: false,
      run(context, [id], _connection, gone) {
        const filter = context.filters.get(id as string);
        if (filter.kind !== 'logs') throw new RpcError(RPC_CODES.server, 'filter not found');
        return search(context, filter.filter, gone);
      },
    },
    eth_subscribe: socketMethod(
      [subscriptionName, optional(custom('options', (value) => value))],
      ({ subscriptions }, connection, name, options) => {
        // geth: the method is there only where notifications can be sent.
        if (connection === undefined)
          throw new RpcError(RPC_CODES.methodNotFound, 'notifications not supported: use a WebSocket');
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

/** An id that this server gave: 16 random bytes; any other word is answered "not found", not "malformed". */
const filterId = custom('id', (value, refuse) =>
  typeof value === 'string' ? value.slice(0, 68).toLowerCase() : refuse('expected an id as a string'),
);

const subscriptionName = custom('name', (value): string => {
  if (typeof value !== 'string')
    throw new RpcError(RPC_CODES.invalidParams, 'expected subscription name as first argument');
  return value.slice(0, 64);
});

function subscriptionFilter(param: ReturnType<typeof logFilter>, options: unknown) {
  try {
    return param.read(options ?? {});
  } catch (error) {
    throw new RpcError(RPC_CODES.invalidParams, `invalid argument 1: ${(error as Error).message}`);
  }
}

async function filterChanges(
  context: RpcContext,
  id: string,
  gone: AbortSignal | undefined,
): Promise<unknown> {
  const { filters, reader, limits } = context;
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
      const hash = headOf(reader, number)?.hash;
      if (hash === undefined) throw headerNotFound();
      hashes.push(hash);
    }
    return hashes;
  }
  const { fromBlock, toBlock } = filter.filter;
  const first = fromBlock?.by === 'number' ? Math.max(from, fromBlock.number) : from;
  const last = toBlock?.by === 'number' ? Math.min(to, toBlock.number) : to;
  // Moved before the scan, so that a second poll meanwhile does not give the same logs; and back if the scan fails.
  filter.next = to + 1;
  if (first > last) return [];
  try {
    const range = { fromBlock: asSelector(first), toBlock: asSelector(last), blockHash: undefined };
    return await search(context, { ...filter.filter, ...range }, gone);
  } catch (error) {
    filter.next = Math.min(filter.next, from);
    throw error;
  }
}

function asSelector(number: number): BlockSelector {
  return { by: 'number', number };
}

/** What eth_getLogs answers: short searches here, others as its own calls are made. */
async function search(
  { reader, limits, apart, heavy }: RpcContext,
  filter: LogFilter,
  gone: AbortSignal | undefined,
): Promise<unknown> {
  const { fromBlock, toBlock } = filter;
  const isShort =
    fromBlock?.by === 'number' &&
    toBlock?.by === 'number' &&
    isShortSearch(reader, fromBlock.number, toBlock.number, limits);
  if (apart !== undefined && !isShort)
    return new Encoded(await apart.run('eth_getLogs', [filterJson(filter)], gone));
  return heavy.run(() => queryLogs(reader, filter, limits));
}
