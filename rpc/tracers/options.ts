/** What a trace request may ask for: geth's tracers and their settings. */
import type { BlockOverrides, StateOverrides, TraceOptions } from '../../state/types.ts';
import { readBlockOverrides, readOverrides } from '../call.ts';
import { asObject, count, custom, optional } from '../params.ts';

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
  };
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
