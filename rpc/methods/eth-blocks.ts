/** `eth`: blocks, transactions and receipts. */
import type { Block, Hex } from '../../state/types.ts';
import { isFailure } from '../backend.ts';
import { hexOf, quantity } from '../encode.ts';
import { RpcError } from '../errors.ts';
import { senderAndNonce } from '../history.ts';
import {
  findBlock,
  findNumber,
  headOf,
  isSmallBlock,
  type Method,
  type Methods,
  method,
  type RpcContext,
} from '../method.ts';
import {
  address,
  type BlockSelector,
  blockNumberOrTag,
  blockSelector,
  boolean,
  bytes,
  hash,
  indexParam,
  optional,
} from '../params.ts';
import {
  headerJson,
  minedTransactionJson,
  pendingTransactionJson,
  receiptJson,
  receiptsJson,
} from '../views.ts';

const byNumber = [blockNumberOrTag] as const;
const byHash = [hash] as const;

/** Two methods that differ only in how the block is named. */
function forBlock<const P extends readonly Parameters<typeof method>[0][number][]>(
  name: (by: 'Number' | 'Hash') => string,
  more: P,
  show: (context: RpcContext, block: Block, rest: unknown[]) => unknown,
  isSmall?: (context: RpcContext, at: BlockSelector, rest: unknown[]) => boolean,
): Methods {
  const selected = (at: unknown): BlockSelector =>
    typeof at === 'string' ? { by: 'hash', hash: at as Hex } : (at as BlockSelector);
  const make = (selector: typeof byNumber | typeof byHash): Method => ({
    params: [...selector, ...more],
    heavy: isSmall !== undefined,
    isSmall: isSmall && ((context, [at, ...rest]) => isSmall(context, selected(at), rest)),
    run(context, [at, ...rest]) {
      const block = findBlock(context.reader, selected(at));
      return block === undefined ? null : show(context, block, rest);
    },
  });
  return { [name('Number')]: make(byNumber), [name('Hash')]: make(byHash) };
}

/** Whether the whole text of the block is kept. */
function isWritten({ reader, blockTexts }: RpcContext, at: BlockSelector): boolean {
  const number = findNumber(reader, at);
  const hash = number === undefined ? undefined : headOf(reader, number)?.hash;
  return hash !== undefined && blockTexts.has(hash, true);
}

export function blockMethods(): Methods {
  return {
    ...forBlock(
      (by) => `eth_getBlockBy${by}`,
      [optional(boolean)],
      ({ reader, blockTexts }, block, [full]) => blockTexts.text(reader, block, full === true),
      (context, at, [full]) => full !== true || isSmallBlock(context, at) || isWritten(context, at),
    ),
    ...forBlock(
      (by) => `eth_getHeaderBy${by}`,
      [],
      (_, block) => headerJson(block),
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
    eth_getBlockReceipts: method(
      [blockSelector],
      (context, at) => {
        const block = findBlock(context.reader, at);
        if (block === undefined) return null;
        return receiptsJson(block, context.reader.receipts(block.header.number) ?? []);
      },
      { heavy: true, isSmall: isSmallBlock },
    ),
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
      async (context, who, nonce) => {
        const { backend, reader } = context;
        const mined = await senderAndNonce(context, who, BigInt(nonce));
        const at = mined === null ? undefined : reader.transactionLocation(mined);
        const block = at && reader.blockByNumber(at.number);
        if (at && block) return minedTransactionJson(reader, { block, index: at.index });
        const content = await backend.poolContent();
        const found = [...content.pending, ...content.queued].find(
          (item) => item.from === who && item.nonce === BigInt(nonce),
        );
        return found ? pendingTransactionJson(found.raw, reader.params.chainId) : null;
      },
      { heavy: true },
    ),
    eth_sendRawTransaction: method([bytes], async ({ backend }, raw) => {
      const answer = await backend.submitTransaction(raw);
      if (isFailure(answer)) throw new RpcError(answer.error.code, answer.error.message, answer.error.data);
      return answer.hash;
    }),
  };
}
