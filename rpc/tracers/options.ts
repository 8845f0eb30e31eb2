/** What a trace request may ask for: geth's tracers and their settings. */
import type { BlockOverrides, StateOverrides, TraceOptions } from '../../state/types.ts';
import { readBlockOverrides, readOverrides } from '../call.ts';
import { RPC_CODES, RpcError } from '../errors.ts';
import { asObject, count, custom, optional } from '../params.ts';
import { durationMs } from './duration.ts';

export type TraceFormat =
  | { readonly tracer: 'struct' }
  | { readonly tracer: 'callTracer'; readonly onlyTopCall: boolean; readonly withLog: boolean }
  | {
      readonly tracer: 'prestateTracer';
      readonly diffMode: boolean;
      readonly disableCode: boolean;
      readonly disableStorage: boolean;
    }
  | { readonly tracer: '4byteTracer' }
  | { readonly tracer: 'noopTracer' }
  | {
      readonly tracer: 'flatCallTracer';
      readonly convertParityErrors: boolean;
      readonly includePrecompiles: boolean;
    };

export interface TraceWish {
  readonly format: TraceFormat;
  /** What execution has to collect for it. */
  readonly collect: TraceOptions;
  readonly overrides: StateOverrides | undefined;
  readonly blockOverrides: BlockOverrides | undefined;
  /** What the client gives it, at most; the node has a limit of its own. */
  readonly timeoutMs: number | undefined;
}

export const DEFAULT_WISH: TraceWish = readWish({}, (reason) => {
  throw new Error(reason);
});

export const traceWish = optional(custom('trace options', readWish));

function readWish(value: unknown, refuse: (reason: string) => never): TraceWish {
  const given = asObject(value);
  const format = formatOf(given, refuse);
  return {
    format,
    collect: collectFor(format, given),
    overrides: optional(readOverrides).read(given['stateOverrides']),
    blockOverrides: optional(readBlockOverrides).read(given['blockOverrides']),
    timeoutMs: timeoutOf(given['timeout'], refuse),
  };
}

/** Wrong ones are refused as geth refuses them, which reads them after the parameters. */
function timeoutOf(value: unknown, refuse: (reason: string) => never): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') return refuse('timeout: expected a duration as a string, like "5s"');
  const read = durationMs(value);
  if (read === undefined)
    throw new RpcError(RPC_CODES.server, `time: invalid duration ${JSON.stringify(value.slice(0, 60))}`);
  return read;
}

function formatOf(given: Record<string, unknown>, refuse: (reason: string) => never): TraceFormat {
  const { tracer } = given;
  const config =
    given['tracerConfig'] === undefined || given['tracerConfig'] === null
      ? {}
      : asObject(given['tracerConfig']);
  const flag = (name: string): boolean => config[name] === true;
  switch (tracer) {
    case undefined:
    case null:
    case '':
      return { tracer: 'struct' };
    case 'callTracer':
      return { tracer, onlyTopCall: flag('onlyTopCall'), withLog: flag('withLog') };
    case 'prestateTracer':
      return {
        tracer,
        diffMode: flag('diffMode'),
        disableCode: flag('disableCode'),
        disableStorage: flag('disableStorage'),
      };
    case '4byteTracer':
    case 'noopTracer':
      return { tracer };
    case 'flatCallTracer':
      return {
        tracer,
        convertParityErrors: flag('convertParityErrors'),
        includePrecompiles: flag('includePrecompiles'),
      };
    default:
      return refuse(
        `tracer ${JSON.stringify(tracer)?.slice(0, 60)} is not offered; use callTracer, prestateTracer, 4byteTracer, flatCallTracer or none`,
      );
  }
}

/** The opcode logger leaves memory and return data away unless asked, stack and storage never (geth). */
function collectFor(format: TraceFormat, given: Record<string, unknown>): TraceOptions {
  const limit = optional(count).read(given['limit']);
  switch (format.tracer) {
    case 'struct':
      return {
        steps: {
          stack: given['disableStack'] !== true,
          memory: given['enableMemory'] === true,
          storage: given['disableStorage'] !== true,
          returnData: given['enableReturnData'] === true,
          ...(limit === undefined || limit === 0 ? {} : { limit }),
        },
      };
    case 'prestateTracer':
      return { state: true };
    case 'callTracer':
    case 'flatCallTracer':
      return { details: true };
    default:
      return {};
  }
}
