/** What a runtime worker does with its requests, apart from how they arrive. */
import {
  type CheckOptions,
  checkModel,
  ModelError,
  type ModelProfile,
  type Tensors,
} from '../../attribution/runtime/api.ts';
import { LIMITS } from './limits.ts';
import { loadPinnedRuntime, type PinnedRuntime } from './pinned-runtime.ts';
import { checkInputs, checkOutputs, zeroInputs } from './tensors.ts';
import { type RuntimePins, RuntimePoolError, type WorkerRequest, type WorkerResponse } from './types.ts';
import { openSession, type WasmSession } from './wasm-session.ts';

interface Loaded {
  readonly profile: ModelProfile;
  readonly session: WasmSession;
}

/** The pinned runtime is read with the first request. */
export function createWorkerCore(pins: RuntimePins): (request: WorkerRequest) => Promise<WorkerResponse> {
  let runtime: Promise<PinnedRuntime> | undefined;
  const models = new Map<string, Loaded>();

  const open = async (bytes: Uint8Array, options: CheckOptions): Promise<Loaded> => {
    const profile = checkModel(bytes, options);
    runtime ??= loadPinnedRuntime(pins);
    return { profile, session: await openSession(await runtime, bytes, profile) };
  };

  const keep = (key: string, model: Loaded): void => {
    models.delete(key);
    models.set(key, model);
    let bytes = 0;
    for (const { profile } of models.values()) bytes += profile.peakBytes;
    for (const [oldest, { profile }] of models) {
      if (oldest === key || (models.size <= LIMITS.modelsPerWorker && bytes <= LIMITS.residentBytes)) break;
      models.delete(oldest);
      bytes -= profile.peakBytes;
    }
  };

  const run = async (key: string, model: Loaded, inputs: Tensors): Promise<Tensors> => {
    checkInputs(model.profile, inputs);
    // A session that failed once may be left in any state.
    models.delete(key);
    const outputs = await model.session.run(inputs);
    keep(key, model);
    checkOutputs(model.profile, outputs);
    return outputs;
  };

  return async (request) => {
    const { id } = request;
    try {
      switch (request.kind) {
        case 'prepare': {
          const { profile, session } = await open(request.bytes, request.options);
          try {
            checkOutputs(profile, await session.run(zeroInputs(profile)));
          } catch (error) {
            // Some models divide by the length of their input; zeros say nothing about real inputs then.
            if (!(error instanceof ModelError) || error.code !== 'NonFiniteOutput') throw error;
          }
          return { id, kind: 'done', value: profile };
        }
        case 'load': {
          const model = await open(request.bytes, request.options);
          if (model.profile.modelHash !== request.modelHash)
            throw new ModelError(
              'HashMismatch',
              `The file has SHA-256 ${model.profile.modelHash}, not ${request.modelHash}.`,
            );
          keep(request.key, model);
          return { id, kind: 'done', value: model.profile };
        }
        case 'run': {
          const model = models.get(request.key);
          if (model === undefined) return { id, kind: 'unknown' };
          return { id, kind: 'done', value: await run(request.key, model, request.inputs) };
        }
      }
    } catch (error) {
      return { id, ...failure(error) };
    }
  };
}

type Failure = WorkerResponse extends infer R ? (R extends { kind: 'done' } ? never : Omit<R, 'id'>) : never;

export function failure(error: unknown): Failure {
  if (error instanceof ModelError) return { kind: 'refused', code: error.code, message: error.message };
  if (error instanceof RuntimePoolError) return { kind: 'mismatch', message: error.message };
  return { kind: 'fault', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
