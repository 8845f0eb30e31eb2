/** A collected trace in the format that was asked for. */
import type { CallFrame, StateChange, StructLog } from '../../state/types.ts';
import { flatJson, frameJson, selectorsJson, type TracePlace } from './calls.ts';
import type { TraceFormat } from './options.ts';
import { prestateJson } from './prestate.ts';
import { structJson } from './struct.ts';

export { DEFAULT_WISH, type TraceWish, traceWish } from './options.ts';
export type { TracePlace };

export interface CollectedTrace {
  readonly frame: CallFrame;
  readonly gasUsed: bigint;
  readonly failed: boolean;
  readonly returnData: Uint8Array;
  readonly steps?: readonly StructLog[];
  readonly change?: StateChange;
}

export function traceJson(trace: CollectedTrace, format: TraceFormat, place: TracePlace): unknown {
  switch (format.tracer) {
    case 'struct':
      return structJson({ ...trace, steps: trace.steps ?? [] });
    case 'callTracer':
      return frameJson(trace.frame, format);
    case 'flatCallTracer':
      return flatJson(trace.frame, format, place);
    case '4byteTracer':
      return selectorsJson(trace.frame);
    case 'prestateTracer':
      return prestateJson(trace.change ?? { before: {}, after: {} }, format);
    case 'noopTracer':
      return {};
  }
}
