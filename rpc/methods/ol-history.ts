/** `ol`: the past of an address page by page, from the indexes: transactions, token transfers, internal transfers. */
import { LIST } from '../../state/indexes/postings.ts';
import type { ChainReader, Hex, Log } from '../../state/types.ts';
import { hexOf, quantity } from '../encode.ts';
import { namesOf } from '../history.ts';
import type { RpcLimits } from '../limits.ts';
import { headOf, type Methods, method, type RpcContext } from '../method.ts';
import { address, count, custom, object, optional } from '../params.ts';
import { type Name, type Stop, walk } from '../posting-walk.ts';
import { keptReceipts, transactionSummary } from '../views.ts';

/** keccak of `Transfer(address,address,uint256)`: ERC-20 and ERC-721 alike; the number of topics tells them apart. */
const TRANSFER: Hex = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';
type Standard = 'erc20' | 'erc721';
const DEFAULT_ITEMS = 50;
/** Operations of one transaction are counted within this; a block's gas allows some thousand. */
const OPERATIONS = 65_536;

export function historyMethods(limits: RpcLimits): Methods {
  const page = pageParam(limits);
  return {
    ol_addressTransactions: method(
      [address, page],
      (context, who, request) =>
        pageOfHistory(context, namesOf(who), request, ({ block, positions }) =>
          transactionsAt(context.reader, block, positions.flat()),
        ),
      { heavy: true },
    ),
    ol_tokenTransfers: method(
      [address, page],
      (context, who, request) => {
        const topic: Hex = `0x${who.slice(2).padStart(64, '0')}`;
        // The topics at 1 and 2 are giver and taker.
        const names = [1, 2].map((position) => ({ list: LIST.topic + position, name: topic }));
        return pageOfHistory(context, names, request, ({ block, positions }) =>
          tokenTransfersAt(context.reader, block, positions.flat(), request?.standard),
        );
      },
      { heavy: true },
    ),
    ol_internalTransfers: method(
      [address, page],
      (context, who, request) =>
        pageOfHistory(context, [{ list: LIST.moved, name: who }], request, ({ block, positions }) =>
          internalTransfersAt(context.reader, block, positions.flat(), who),
        ),
      { heavy: true },
    ),
  };
}

/** What comes before this place, seen from the head: `position` of `block` and everything above are left out. */
interface Cursor {
  readonly block: number;
  readonly position: number;
}
interface HistoryRequest {
  readonly cursor: Cursor | undefined;
  readonly limit: number | undefined;
  readonly standard: Standard | undefined;
}

const cursorParam = custom('cursor', (value, refuse): Cursor => {
  const match = typeof value === 'string' ? /^(\d{1,15}):(\d{1,15})$/.exec(value) : null;
  if (match === null) return refuse("expected the 'next' of the page before");
  return { block: Number(match[1]), position: Number(match[2]) };
});
const standardParam = custom(
  'standard',
  (value, refuse): Standard =>
    value === 'erc20' || value === 'erc721' ? value : refuse("expected 'erc20' or 'erc721'"),
);

function pageParam(limits: RpcLimits) {
  const shape = object(
    'page',
    { cursor: optional(cursorParam), limit: optional(count), standard: optional(standardParam) },
    'refuse',
  );
  return optional(
    custom('page', (value, refuse): HistoryRequest => {
      const read = shape.read(value);
      const { limit } = read;
      if (limit !== undefined && (limit < 1 || limit > limits.maxPageItems))
        refuse(`limit: expected 1 to ${limits.maxPageItems}`);
      return read;
    }),
  );
}

/** One line of a history, and where in its block it stands. */
interface Item {
  readonly position: number;
  readonly json: () => object;
}

/**
 * Newest first. `next` is null at the end, which is block `oldest`: what was before is not indexed or no longer kept.
 * Looks at no more than `maxPageScan` blocks, and says where to go on.
 */
async function pageOfHistory(
  { reader, limits }: RpcContext,
  names: readonly Name[],
  request: HistoryRequest | undefined,
  itemsAt: (stop: Stop) => Item[],
): Promise<object> {
  const oldest = Math.max(reader.postings.oldest(), reader.postings.first());
  const { cursor, limit = DEFAULT_ITEMS } = request ?? {};
  const head = reader.head().number;
  const from = cursor === undefined ? head : Math.min(cursor.block, head);
  const items: object[] = [];
  let looked = 0;
  let last = '';
  for await (const stop of walk(reader.postings, names, oldest, from, true)) {
    const { block } = stop;
    for (const { position, json } of itemsAt(stop).sort((a, b) => b.position - a.position)) {
      if (block === cursor?.block && position >= cursor.position) continue;
      if (items.length === limit) return { items, next: last, oldest };
      items.push(json());
      last = `${block}:${position}`;
    }
    looked += 1;
    if (looked >= limits.maxPageScan) return { items, next: `${block}:0`, oldest };
  }
  return { items, next: null, oldest };
}

function transactionsAt(reader: ChainReader, number: number, indexes: readonly number[]): Item[] {
  const block = reader.blockByNumber(number);
  const receipts = keptReceipts(reader, number);
  if (block === undefined || receipts === undefined) return [];
  return [...new Set(indexes)].map((index) => ({
    position: index,
    json: () => transactionSummary(reader, block, receipts, index),
  }));
}

function tokenTransfersAt(
  reader: ChainReader,
  number: number,
  positions: readonly number[],
  standard: Standard | undefined,
): Item[] {
  const block = headOf(reader, number);
  const receipts = keptReceipts(reader, number);
  if (block === undefined || receipts === undefined) return [];
  const wanted = new Set(positions);
  const items: Item[] = [];
  let position = 0;
  for (const { logs, transactionHash } of receipts)
    for (const log of logs) {
      const at = position++;
      const kind = wanted.has(at) ? standardOf(log) : undefined;
      if (kind === undefined || (standard ?? kind) !== kind) continue;
      items.push({
        position: at,
        json: () => ({
          standard: kind,
          token: log.address,
          from: addressIn(log.topics[1]!),
          to: addressIn(log.topics[2]!),
          ...(kind === 'erc20'
            ? { value: quantity(BigInt(hexOf(log.data))) }
            : { tokenId: quantity(BigInt(log.topics[3]!)) }),
          transactionHash,
          logIndex: at,
          blockNumber: number,
          timestamp: block.header.timestamp,
        }),
      });
    }
  return items;
}

/** ERC-20 has the amount in the data, ERC-721 the token in a fourth topic. */
function standardOf({ topics, data }: Log): Standard | undefined {
  if (topics[0] !== TRANSFER) return undefined;
  if (topics.length === 3 && data.length === 32) return 'erc20';
  return topics.length === 4 && data.length === 0 ? 'erc721' : undefined;
}

function addressIn(topic: Hex): Hex {
  return `0x${topic.slice(-40)}`;
}

function internalTransfersAt(
  reader: ChainReader,
  number: number,
  indexes: readonly number[],
  who: Hex,
): Item[] {
  const block = headOf(reader, number);
  const receipts = keptReceipts(reader, number);
  if (block === undefined || receipts === undefined) return [];
  return indexes.flatMap((index): Item[] => {
    const { inside, transactionHash } = receipts[index]!;
    return (inside?.operations ?? []).flatMap(({ type, from, to, value }, at): Item[] => {
      if (from !== who && to !== who) return [];
      const json = () => ({
        type: type.toLowerCase(),
        from,
        to,
        value: quantity(value),
        transactionHash,
        blockNumber: number,
        timestamp: block.header.timestamp,
      });
      return [{ position: index * OPERATIONS + Math.min(at, OPERATIONS - 1), json }];
    });
  });
}
