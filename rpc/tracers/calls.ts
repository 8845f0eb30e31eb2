/** geth's tracers of calls: nested, flat as Parity has them, and selectors alone. */
import { isPrecompile } from '../../state/precompiles.ts';
import type { CallFrame } from '../../state/types.ts';
import { hexOf, quantity } from '../encode.ts';
import { revertReason } from '../native.ts';
import type { TraceFormat } from './options.ts';

type CallFormat = Extract<TraceFormat, { tracer: 'callTracer' }>;
type FlatFormat = Extract<TraceFormat, { tracer: 'flatCallTracer' }>;

const isCreation = ({ type }: CallFrame): boolean => type === 'CREATE' || type === 'CREATE2';

/** geth's texts where the library has others. */
const ERRORS: Readonly<Record<string, string>> = {
  revert: 'execution reverted',
  'invalid JUMP': 'invalid jump destination',
  'static state change': 'write protection',
  'create collision': 'contract address collision',
  'code size to deposit exceeds maximum code size': 'max code size exceeded',
  'code store out of gas': 'contract creation code storage out of gas',
  'initcode exceeds max initcode size': 'max initcode size exceeded',
  'invalid bytecode deployed': 'invalid code: must not begin with 0xef',
};

export function errorText(error: string): string {
  return ERRORS[error] ?? error;
}

export function frameJson(frame: CallFrame, format: CallFormat): Record<string, unknown> {
  const reverted = frame.error === 'revert';
  const reason = reverted ? revertReason(frame.output) : undefined;
  const calls = format.onlyTopCall ? [] : frame.calls;
  const failedCreation = frame.error !== undefined && isCreation(frame);
  return {
    from: frame.from,
    gas: quantity(frame.gas),
    gasUsed: quantity(frame.gasUsed),
    ...(frame.to === null || failedCreation ? {} : { to: frame.to }),
    input: hexOf(frame.input),
    ...(frame.output.length > 0 ? { output: hexOf(frame.output) } : {}),
    ...(frame.error === undefined ? {} : { error: errorText(frame.error) }),
    ...(reason === undefined ? {} : { revertReason: reason }),
    ...(calls.length > 0 ? { calls: calls.map((call) => frameJson(call, format)) } : {}),
    ...(format.withLog && frame.logs.length > 0
      ? {
          logs: frame.logs.map((log) => ({
            address: log.address,
            topics: log.topics,
            data: hexOf(log.data),
            position: quantity(log.position),
          })),
        }
      : {}),
    ...(frame.type === 'STATICCALL' ? {} : { value: quantity(frame.value) }),
    type: frame.type,
  };
}

/** Where the traced transaction stands; nowhere for a call. */
export interface TracePlace {
  readonly blockHash: string | null;
  readonly blockNumber: number;
  readonly transactionHash: string | null;
  readonly transactionPosition: number;
}

/** Parity's list of frames, parents before their children. */
export function flatJson(
  frame: CallFrame,
  format: FlatFormat,
  place: TracePlace,
  traceAddress: readonly number[] = [],
): object[] {
  const shown = frame.calls.filter((call) => format.includePrecompiles || !isHidden(call));
  const text = frame.error === undefined ? undefined : errorText(frame.error);
  const keepsResult = frame.error === undefined || frame.error === 'revert';
  const result = keepsResult ? flatResult(frame) : undefined;
  return [
    {
      action: flatAction(frame),
      ...place,
      ...(text === undefined ? {} : { error: format.convertParityErrors ? parityError(text) : text }),
      ...(result === undefined ? {} : { result }),
      subtraces: shown.length,
      traceAddress,
      type: flatType(frame),
    },
    ...shown.flatMap((call, index) => flatJson(call, format, place, [...traceAddress, index])),
  ];
}

function isHidden({ type, to }: CallFrame): boolean {
  return (type === 'CALL' || type === 'STATICCALL') && to !== null && isPrecompile(to);
}

function flatType(frame: CallFrame): string {
  if (frame.type === 'SELFDESTRUCT') return 'suicide';
  return isCreation(frame) ? 'create' : 'call';
}

function flatAction(frame: CallFrame): object {
  if (frame.type === 'SELFDESTRUCT')
    return { address: frame.from, balance: quantity(frame.value), refundAddress: frame.to };
  const common = { from: frame.from, gas: quantity(frame.gas), value: quantity(frame.value) };
  if (isCreation(frame)) return { ...common, init: hexOf(frame.input) };
  return { ...common, callType: frame.type.toLowerCase(), input: hexOf(frame.input), to: frame.to };
}

function flatResult(frame: CallFrame): object | undefined {
  if (frame.type === 'SELFDESTRUCT') return undefined;
  const gasUsed = quantity(frame.gasUsed);
  if (!isCreation(frame)) return { gasUsed, output: hexOf(frame.output) };
  return {
    ...(frame.error === undefined ? { address: frame.to } : {}),
    code: hexOf(frame.output),
    gasUsed,
  };
}

/** Parity's names of errors. */
const PARITY_ERRORS: readonly [RegExp, string][] = [
  [/^out of gas$|out of gas$|overflow$|^max code size/, 'Out of gas'],
  [/^invalid jump destination$/, 'Bad jump destination'],
  [/^execution reverted$/, 'Reverted'],
  [/^invalid opcode/, 'Bad instruction'],
  [/^stack underflow/, 'Stack underflow'],
  [/^stack overflow/, 'Out of stack'],
  [/^invalid input length$/, 'Built-in failed'],
];

function parityError(text: string): string {
  return PARITY_ERRORS.find(([pattern]) => pattern.test(text))?.[1] ?? text;
}

/** `selector-bytes of arguments` and how often it was called. */
export function selectorsJson(frame: CallFrame): Record<string, number> {
  const counts: Record<string, number> = {};
  const visit = (call: CallFrame, isTop: boolean): void => {
    const counted =
      !isCreation(call) &&
      call.type !== 'SELFDESTRUCT' &&
      (isTop || call.to === null || !isPrecompile(call.to));
    if (counted && call.input.length >= 4) {
      const name = `${hexOf(call.input.subarray(0, 4))}-${call.input.length - 4}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    for (const inner of call.calls) visit(inner, false);
  };
  visit(frame, true);
  return counts;
}
