/** The `debug` namespace: raw data and traces, in geth's formats. Off on public binds unless the operator names it. */
import { encodeHeader } from '../../state/block/codec.ts';
import type { Block, CallFrame, StateOverrides, TransactionTrace } from '../../state/types.ts';
import { callRequest, readOverrides, toCallRequest } from '../call.ts';
import { hexOf, quantity } from '../encode.ts';
import { RPC_CODES, RpcError } from '../errors.ts';
import { findNumber, type Methods, method, type RpcContext, resolveNumber } from '../method.ts';
import { revertReason } from '../native.ts';
import {
  asObject,
  type BlockSelector,
  blockNumberOrTag,
  blockSelector,
  custom,
  hash,
  optional,
} from '../params.ts';

interface TraceOptions {
  /** undefined: the opcode logger. */
  readonly tracer: 'callTracer' | undefined;
  readonly onlyTopCall: boolean;
  readonly withLog: boolean;
  readonly disableStack: boolean;
  readonly enableMemory: boolean;
  readonly overrides: StateOverrides | undefined;
}

const traceOptions = optional(
  custom('trace options', (value, refuse): TraceOptions => {
    const given = asObject(value);
    const { tracer } = given;
    if (tracer !== undefined && tracer !== null && tracer !== 'callTracer')
      refuse(`tracer ${JSON.stringify(tracer).slice(0, 60)} is not offered; use callTracer or none`);
    const config = given['tracerConfig'] === undefined ? {} : asObject(given['tracerConfig']);
    return {
      tracer: tracer === 'callTracer' ? 'callTracer' : undefined,
      onlyTopCall: config['onlyTopCall'] === true,
      withLog: config['withLog'] === true,
      disableStack: given['disableStack'] === true,
      enableMemory: given['enableMemory'] === true,
      overrides: optional(readOverrides).read(given['stateOverrides']),
    };
  }),
);

const PLAIN: TraceOptions = {
  tracer: undefined,
  onlyTopCall: false,
  withLog: false,
  disableStack: false,
  enableMemory: false,
  overrides: undefined,
};

export const debugMethods: Methods = {
  debug_getRawHeader: method([blockSelector], (context, at) =>
    hexOf(encodeHeader(blockOf(context, at).header)),
  ),
  debug_getRawBlock: method([blockSelector], ({ reader }, at) => {
    const bytes = reader.blockBytes(resolveNumber(reader, at));
    return bytes === undefined ? null : hexOf(bytes);
  }),
  debug_getRawTransaction: method([hash], async ({ reader, backend }, id) => {
    const at = reader.transactionLocation(id);
    const raw = at
      ? reader.blockByNumber(at.number)?.transactions[at.index]
      : (await backend.poolTransaction(id))?.raw;
    return raw === undefined ? null : hexOf(raw);
  }),
  debug_traceTransaction: method(
    [hash, traceOptions],
    async ({ reader, caller }, id, options = PLAIN) => {
      const at = reader.transactionLocation(id);
      if (at === undefined) throw new RpcError(RPC_CODES.server, 'transaction not found');
      const [trace] = await caller.traceBlock(at.number, {
        index: at.index,
        steps: options.tracer === undefined,
      });
      if (trace === undefined) throw new RpcError(RPC_CODES.server, 'transaction not found');
      return traceJson(trace, options);
    },
    { heavy: true },
  ),
  debug_traceBlockByNumber: method([blockNumberOrTag, traceOptions], traceBlock, { heavy: true }),
  debug_traceBlockByHash: method(
    [hash, traceOptions],
    (context, id, options) => traceBlock(context, { by: 'hash', hash: id }, options),
    { heavy: true },
  ),
  debug_traceCall: method(
    [callRequest, optional(blockSelector), traceOptions],
    async ({ reader, caller }, request, at, options = PLAIN) => {
      if (options.tracer === undefined)
        throw new RpcError(RPC_CODES.invalidParams, 'invalid argument 2: debug_traceCall offers callTracer');
      const { frame } = await caller.traceCall(
        toCallRequest(request),
        resolveNumber(reader, at),
        options.overrides,
      );
      return frameJson(frame, options);
    },
    { heavy: true },
  ),
};

async function traceBlock(
  context: RpcContext,
  at: BlockSelector,
  options: TraceOptions = PLAIN,
): Promise<object[]> {
  const { header } = blockOf(context, at);
  if (header.number === 0) throw new RpcError(RPC_CODES.server, 'genesis is not traceable');
  const traces = await context.caller.traceBlock(header.number, { steps: options.tracer === undefined });
  return traces.map((trace) => ({
    txHash: trace.receipt.transactionHash,
    result: traceJson(trace, options),
  }));
}

function blockOf({ reader }: RpcContext, at: BlockSelector): Block {
  const number = findNumber(reader, at);
  const block = number === undefined ? undefined : reader.blockByNumber(number);
  if (block === undefined) throw new RpcError(RPC_CODES.server, 'block not found');
  return block;
}

function traceJson(trace: TransactionTrace, options: TraceOptions): object {
  if (options.tracer === 'callTracer') {
    const { gasUsed } = trace.receipt;
    // geth: the top frame counts the whole transaction.
    return { ...frameJson(trace.frame, options), gasUsed: quantity(gasUsed) };
  }
  return {
    gas: Number(trace.receipt.gasUsed),
    failed: trace.receipt.status === 0,
    returnValue: hexOf(trace.returnData),
    structLogs: (trace.steps ?? []).map((step) => ({
      pc: step.pc,
      op: step.op,
      gas: Number(step.gas),
      gasCost: Number(step.gasCost),
      depth: step.depth,
      ...(options.disableStack ? {} : { stack: step.stack.map(quantity) }),
      ...(options.enableMemory && step.memory ? { memory: words(step.memory) } : {}),
    })),
  };
}

function words(memory: Uint8Array): string[] {
  const found: string[] = [];
  for (let at = 0; at < memory.length; at += 32) found.push(hexOf(memory.subarray(at, at + 32)).slice(2));
  return found;
}

/** geth's callTracer. */
function frameJson(frame: CallFrame, options: TraceOptions): Record<string, unknown> {
  const reason = frame.error === undefined ? undefined : revertReason(frame.output);
  const calls = options.onlyTopCall ? [] : frame.calls;
  return {
    from: frame.from,
    gas: quantity(frame.gas),
    gasUsed: quantity(frame.gasUsed),
    to: frame.to,
    input: hexOf(frame.input),
    ...(frame.output.length > 0 ? { output: hexOf(frame.output) } : {}),
    ...(frame.error === undefined ? {} : { error: frame.error }),
    ...(reason === undefined ? {} : { revertReason: reason }),
    ...(calls.length > 0 ? { calls: calls.map((call) => frameJson(call, options)) } : {}),
    ...(options.withLog && frame.logs.length > 0
      ? {
          logs: frame.logs.map((log) => ({
            address: log.address,
            topics: log.topics,
            data: hexOf(log.data),
          })),
        }
      : {}),
    ...(frame.type === 'STATICCALL' || frame.type === 'DELEGATECALL' ? {} : { value: quantity(frame.value) }),
    type: frame.type,
  };
}
