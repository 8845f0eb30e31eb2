/** The `debug` namespace: raw data and traces, in geth's formats. Off on public binds unless the operator names it. */
import { encodeHeader } from '../../state/block/codec.ts';
import { encodeReceipt } from '../../state/block/receipts.ts';
import type { Block, TransactionTrace } from '../../state/types.ts';
import { callRequest, toCallRequest } from '../call.ts';
import { hexOf } from '../encode.ts';
import { RPC_CODES, RpcError } from '../errors.ts';
import { findBlock, isSmallBlock, type Methods, method, type RpcContext, resolveNumber } from '../method.ts';
import { type BlockSelector, blockNumberOrTag, blockSelector, hash, optional } from '../params.ts';
import { DEFAULT_WISH, type TraceWish, traceJson, traceWish } from '../tracers/index.ts';

export const debugMethods: Methods = {
  debug_getRawHeader: method([blockSelector], ({ reader }, at) =>
    hexOf(encodeHeader(blockOf({ reader }, at).header)),
  ),
  debug_getRawBlock: method([blockSelector], ({ reader }, at) => {
    const bytes = reader.blockBytes(resolveNumber(reader, at));
    return bytes === undefined ? null : hexOf(bytes);
  }),
  debug_getRawReceipts: method(
    [blockSelector],
    ({ reader }, at) => {
      const { number } = blockOf({ reader }, at).header;
      return (reader.receipts(number) ?? []).map((receipt) => hexOf(encodeReceipt(receipt)));
    },
    { heavy: true, isSmall: isSmallBlock },
  ),
  debug_getRawTransaction: method([hash], async ({ reader, backend }, id) => {
    const at = reader.transactionLocation(id);
    const raw = at
      ? reader.blockByNumber(at.number)?.transactions[at.index]
      : (await backend.poolTransaction(id))?.raw;
    return raw === undefined ? null : hexOf(raw);
  }),
  debug_traceTransaction: method(
    [hash, traceWish],
    async ({ reader, caller }, id, wish = DEFAULT_WISH) => {
      const at = reader.transactionLocation(id);
      const block = at && reader.blockByNumber(at.number);
      if (at === undefined || block === undefined)
        throw new RpcError(RPC_CODES.server, 'transaction not found');
      const [trace] = await caller.traceBlock(at.number, { index: at.index, ...wish.collect });
      if (trace === undefined) throw new RpcError(RPC_CODES.server, 'transaction not found');
      return transactionTraceJson(trace, wish, block, at.index);
    },
    { heavy: true, timeoutMs: (_id, wish) => wish?.timeoutMs },
  ),
  debug_traceBlockByNumber: method([blockNumberOrTag, traceWish], traceBlock, {
    heavy: true,
    timeoutMs: (_at, wish) => wish?.timeoutMs,
  }),
  debug_traceBlockByHash: method(
    [hash, traceWish],
    (context, id, wish) => traceBlock(context, { by: 'hash', hash: id }, wish),
    { heavy: true, timeoutMs: (_id, wish) => wish?.timeoutMs },
  ),
  debug_traceCall: method(
    [callRequest, optional(blockSelector), traceWish],
    async ({ reader, caller }, request, at, wish = DEFAULT_WISH) => {
      const number = resolveNumber(reader, at);
      const { overrides, blockOverrides, collect, format } = wish;
      const { result, ...trace } = await caller.traceCall(
        toCallRequest(request, reader.params.chainId),
        number,
        {
          ...collect,
          ...(overrides === undefined ? {} : { overrides }),
          ...(blockOverrides === undefined ? {} : { blockOverrides }),
        },
      );
      // What cannot even begin is an error; what fails on its way is a trace.
      if (result.error !== undefined && !trace.ran)
        throw new RpcError(RPC_CODES.server, `tracing failed: ${result.error.message}`);
      const { gasUsed, returnData, error } = result;
      const place = { blockHash: null, blockNumber: number, transactionHash: null, transactionPosition: 0 };
      return traceJson({ ...trace, gasUsed, returnData, failed: error !== undefined }, format, place);
    },
    { heavy: true, timeoutMs: (_call, _at, wish) => wish?.timeoutMs },
  ),
};

async function traceBlock(
  { reader, caller }: RpcContext,
  at: BlockSelector,
  wish: TraceWish = DEFAULT_WISH,
): Promise<object[]> {
  const block = blockOf({ reader }, at);
  if (block.header.number === 0) throw new RpcError(RPC_CODES.server, 'genesis is not traceable');
  const traces = await caller.traceBlock(block.header.number, wish.collect);
  return traces.map((trace, index) => ({
    txHash: trace.receipt.transactionHash,
    result: transactionTraceJson(trace, wish, block, index),
  }));
}

function blockOf({ reader }: Pick<RpcContext, 'reader'>, at: BlockSelector): Block {
  const block = findBlock(reader, at);
  if (block === undefined)
    throw new RpcError(
      RPC_CODES.server,
      at.by === 'tag' ? 'block not found' : `block ${at.by === 'hash' ? at.hash : `#${at.number}`} not found`,
    );
  return block;
}

function transactionTraceJson(
  trace: TransactionTrace,
  { format }: TraceWish,
  block: Block,
  transactionPosition: number,
): unknown {
  const { gasUsed, status, transactionHash } = trace.receipt;
  const place = {
    blockHash: block.hash,
    blockNumber: block.header.number,
    transactionHash,
    transactionPosition,
  };
  return traceJson({ ...trace, gasUsed, failed: status === 0 }, format, place);
}
