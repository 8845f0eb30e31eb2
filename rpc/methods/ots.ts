/**
 * What the Otterscan explorer asks beside the standard methods: `ots`, `erigon_getHeaderByNumber` and
 * `trace_replayTransaction`. Block numbers, nonces and pages come as JSON numbers. Questions about an address are
 * answered from the indexes.
 */
import type { Block, CallFrame, Hex, TransactionTrace } from '../../state/types.ts';
import { hexOf, quantity } from '../encode.ts';
import { creatorOf, searchTransactions, senderAndNonce } from '../history.ts';
import { findBlock, isSmallBlock, type Methods, method, type RpcContext, stateOf } from '../method.ts';
import {
  address,
  type BlockSelector,
  blockNumberOrTag,
  count,
  custom,
  hash,
  list,
  string,
} from '../params.ts';
import { flatJson } from '../tracers/calls.ts';
import { stateDiffJson } from '../tracers/prestate.ts';
import { blockJson, headerJson, minedTransactionJson, receiptJson } from '../views.ts';

/** Otterscan refuses nodes below 8. */
const API_LEVEL = 8;

const anyBlock = custom('block', (value): BlockSelector => {
  if (typeof value === 'number') return { by: 'number', number: count.read(value) };
  return blockNumberOrTag.read(value);
});

export const otsMethods: Methods = {
  ots_getApiLevel: method([], () => API_LEVEL),
  ots_hasCode: method([address, anyBlock], ({ reader }, who, at) => stateOf(reader, at).code(who).length > 0),
  ots_getBlockDetails: method(
    [anyBlock],
    ({ reader }, at) => detailsJson({ reader }, findBlock(reader, at)),
    { heavy: true, isSmall: isSmallBlock },
  ),
  ots_getBlockDetailsByHash: method(
    [hash],
    ({ reader }, id) => detailsJson({ reader }, reader.blockByHash(id)),
    { heavy: true, isSmall: (context, id) => isSmallBlock(context, { by: 'hash', hash: id }) },
  ),
  ots_getBlockTransactions: method(
    [anyBlock, count, count],
    ({ reader, limits }, at, page, size) => {
      const block = findBlock(reader, at);
      return block === undefined ? null : pageJson(reader, block, page, Math.min(size, limits.maxPageItems));
    },
    { heavy: true, isSmall: isSmallBlock },
  ),
  ots_searchTransactionsBefore: method(
    [address, count, count],
    (context, who, block, size) => searchTransactions(context, who, block, size, 'before'),
    { heavy: true },
  ),
  ots_searchTransactionsAfter: method(
    [address, count, count],
    (context, who, block, size) => searchTransactions(context, who, block, size, 'after'),
    { heavy: true },
  ),
  ots_getTransactionBySenderAndNonce: method(
    [address, count],
    (context, who, nonce) => senderAndNonce(context, who, BigInt(nonce)),
    { heavy: true },
  ),
  ots_getContractCreator: method([address], (context, who) => creatorOf(context, who), { heavy: true }),
  ots_getTransactionError: method([hash], ({ reader }, id) => {
    const at = reader.transactionLocation(id);
    const receipt = at && reader.receipts(at.number)?.[at.index];
    if (receipt === undefined) return null;
    return receipt.status === 1 ? '0x' : hexOf(receipt.revertData);
  }),
  ots_traceTransaction: method(
    [hash],
    async (context, id) => {
      const trace = await traceOf(context, id);
      return trace === undefined ? null : callsJson(trace.frame, 0);
    },
    { heavy: true },
  ),
  ots_getInternalOperations: method(
    [hash],
    async (context, id) => {
      const at = context.reader.transactionLocation(id);
      const inside = at && context.reader.receipts(at.number)?.[at.index]?.inside;
      if (inside !== undefined) return inside.operations.map(operationJson);
      // A block from before nodes kept it is executed once more.
      const trace = await traceOf(context, id);
      if (trace === undefined) return null;
      return trace.frame.error === undefined ? trace.frame.calls.flatMap(operationsIn) : [];
    },
    { heavy: true },
  ),
};

export const erigonMethods: Methods = {
  erigon_getHeaderByNumber: method([anyBlock], ({ reader }, at) => {
    const block = findBlock(reader, at);
    return block === undefined ? null : headerJson(block);
  }),
};

const traceTypes = list(string(16), 3);

export const traceMethods: Methods = {
  trace_replayTransaction: method(
    [
      hash,
      custom('trace types', (value, refuse) => {
        const types = traceTypes.read(value);
        for (const type of types)
          if (type !== 'trace' && type !== 'stateDiff')
            refuse(`trace type ${JSON.stringify(type)} is not offered; use trace and stateDiff`);
        return types;
      }),
    ],
    async (context, id, types) => {
      const at = context.reader.transactionLocation(id);
      const block = at && context.reader.blockByNumber(at.number);
      const trace = await traceOf(context, id, types.includes('stateDiff'));
      if (at === undefined || block === undefined || trace === undefined) return null;
      const format = {
        tracer: 'flatCallTracer',
        convertParityErrors: true,
        includePrecompiles: true,
      } as const;
      const place = {
        blockHash: block.hash,
        blockNumber: at.number,
        transactionHash: id,
        transactionPosition: at.index,
      };
      return {
        output: hexOf(trace.returnData),
        stateDiff: trace.change === undefined ? null : stateDiffJson(trace.change),
        trace: types.includes('trace') ? flatJson(trace.frame, format, place) : [],
        vmTrace: null,
        transactionHash: id,
      };
    },
    { heavy: true },
  ),
};

async function traceOf(
  { reader, caller }: RpcContext,
  id: Hex,
  state = false,
): Promise<TransactionTrace | undefined> {
  const at = reader.transactionLocation(id);
  if (at === undefined) return undefined;
  const [trace] = await caller.traceBlock(at.number, { index: at.index, details: true, state });
  return trace;
}

/** Only what a block's page shows; every wei of fees stays in circulation or is burnt, nothing is issued. */
function detailsJson({ reader }: Pick<RpcContext, 'reader'>, block: Block | undefined): object | null {
  if (block === undefined) return null;
  const { number } = block.header;
  const receipts = reader.receipts(number) ?? [];
  const fees = receipts.reduce(
    (sum, { gasUsed, effectiveGasPrice }) => sum + gasUsed * effectiveGasPrice,
    0n,
  );
  const { transactions: _transactions, ...shown } = blockJson(reader, block, false) as Record<
    string,
    unknown
  >;
  return {
    block: { ...shown, logsBloom: null, transactionCount: block.transactions.length },
    issuance: { blockReward: '0x0', uncleReward: '0x0', issuance: '0x0' },
    totalFees: quantity(fees),
  };
}

/** Pages count from the end of the block; inside a page the order is the block's. */
function pageJson(reader: RpcContext['reader'], block: Block, page: number, size: number): object {
  const end = Math.max(0, block.transactions.length - page * size);
  const start = Math.max(0, end - size);
  const indexes = Array.from({ length: end - start }, (_, at) => start + at);
  const receipts = reader.receipts(block.header.number) ?? [];
  return {
    fullblock: {
      ...blockJson(reader, block, false),
      transactionCount: block.transactions.length,
      transactions: indexes.map((index) => {
        const shown = minedTransactionJson(reader, { block, index }) as { input: string };
        return { ...shown, input: shown.input.slice(0, 10) };
      }),
    },
    receipts: indexes.map((index) => ({
      ...receiptJson(block, receipts, index),
      logs: null,
      logsBloom: null,
    })),
  };
}

/** Parents before their children. */
function callsJson(frame: CallFrame, depth: number): object[] {
  const noValue = frame.type === 'DELEGATECALL' || frame.type === 'STATICCALL';
  return [
    {
      type: frame.type,
      depth,
      from: frame.from,
      to: frame.to,
      value: noValue ? null : quantity(frame.value),
      input: hexOf(frame.input),
      output: hexOf(frame.output),
    },
    ...frame.calls.flatMap((call) => callsJson(call, depth + 1)),
  ];
}

const OPERATIONS = { CALL: 0, SELFDESTRUCT: 1, CREATE: 2, CREATE2: 3 } as const;

/** What moved value or made and ended contracts; what was reverted did not. */
function operationsIn(frame: CallFrame): object[] {
  if (frame.error !== undefined) return [];
  const { type, from, to, value } = frame;
  const inner = frame.calls.flatMap(operationsIn);
  if (!isOperation(type) || (type === 'CALL' && value === 0n)) return inner;
  return [operationJson({ type, from, to, value }), ...inner];
}

function isOperation(type: CallFrame['type']): type is keyof typeof OPERATIONS {
  return type in OPERATIONS;
}

function operationJson({
  type,
  from,
  to,
  value,
}: {
  type: keyof typeof OPERATIONS;
  from: Hex;
  to: Hex | null;
  value: bigint;
}): object {
  return { type: OPERATIONS[type], from, to, value: quantity(value) };
}
