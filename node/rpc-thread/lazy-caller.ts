/** What runs calls lives in reader threads; should this thread ever need it, it is loaded for the first call. */

import type { Reader } from '../../state/reader.ts';
import type { Caller, ExecutionPorts } from '../../state/types.ts';

/** A caller that loads itself. */
export function createLazyCaller(reader: Reader, ports: ExecutionPorts): Caller {
  let loading: Promise<Caller> | undefined;
  const load = (): Promise<Caller> => {
    loading ??= import('../../state/call.ts').then(({ createCaller }) => createCaller(reader, { ports }));
    return loading;
  };
  return {
    call: async (...args) => (await load()).call(...args),
    estimateGas: async (...args) => (await load()).estimateGas(...args),
    createAccessList: async (...args) => (await load()).createAccessList(...args),
    simulate: async (...args) => (await load()).simulate(...args),
    traceCall: async (...args) => (await load()).traceCall(...args),
    traceBlock: async (...args) => (await load()).traceBlock(...args),
  };
}
