/**
 * Entry of the process that runs models natively, for users and for integer-only graphs. It opens the same door as the
 * exact runtime; where `onnxruntime-node` cannot be loaded it answers 'mismatch', and the exact runtime serves.
 */
import {
  type CheckOptions,
  checkModel,
  ModelError,
  type ModelProfile,
  type Tensor,
  type Tensors,
} from '../../attribution/runtime/api.ts';
import { LIMITS } from './limits.ts';
import { checkInputs, checkOutputs } from './tensors.ts';
import { RuntimePoolError, type WorkerRequest, type WorkerResponse } from './types.ts';
import { failure } from './worker-core.ts';

type Native = typeof import('onnxruntime-node');
type Session = import('onnxruntime-node').InferenceSession;

interface Loaded {
  readonly profile: ModelProfile;
  readonly session: Session;
}

const models = new Map<string, Loaded>();
let runtime: Native | undefined;

async function loadRuntime(): Promise<Native> {
  try {
    runtime ??= await import('onnxruntime-node');
    return runtime;
  } catch (error) {
    throw new RuntimePoolError(
      'RUNTIME_MISMATCH',
      `onnxruntime-node does not load: ${(error as Error).message}`,
    );
  }
}

async function open(bytes: Uint8Array, options: CheckOptions): Promise<Loaded> {
  const profile = checkModel(bytes, options);
  const { InferenceSession } = await loadRuntime();
  try {
    const session = await InferenceSession.create(bytes, {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      logSeverityLevel: 4,
    });
    return { profile, session };
  } catch (error) {
    throw new ModelError(
      'RuntimeRefused',
      `The native runtime cannot load this model: ${(error as Error).message}`,
    );
  }
}

async function run({ profile, session }: Loaded, inputs: Tensors): Promise<Tensors> {
  checkInputs(profile, inputs);
  const { Tensor } = await loadRuntime();
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { type, shape, data }]) => [name, new Tensor(type, data, shape)]),
  );
  let results: Readonly<
    Record<string, { readonly type: string; readonly dims: readonly number[]; readonly data: unknown }>
  >;
  try {
    results = await session.run(feeds);
  } catch (error) {
    throw new ModelError('RuntimeRefused', `The native runtime cannot run this: ${(error as Error).message}`);
  }
  const outputs = Object.fromEntries(
    profile.outputs.map(({ name }) => {
      const { type, dims, data } = results[name]!;
      return [name, { type, shape: dims, data } as Tensor];
    }),
  );
  checkOutputs(profile, outputs);
  return outputs;
}

async function handle(request: WorkerRequest): Promise<WorkerResponse> {
  const { id } = request;
  try {
    switch (request.kind) {
      case 'prepare':
        return { id, kind: 'done', value: (await open(request.bytes, request.options)).profile };
      case 'load': {
        const model = await open(request.bytes, request.options);
        if (model.profile.modelHash !== request.modelHash)
          throw new ModelError(
            'HashMismatch',
            `The file has SHA-256 ${model.profile.modelHash}, not ${request.modelHash}.`,
          );
        models.set(request.key, model);
        for (const [oldest, { session }] of models) {
          if (models.size <= LIMITS.modelsPerWorker) break;
          models.delete(oldest);
          await session.release();
        }
        return { id, kind: 'done', value: model.profile };
      }
      case 'run': {
        const model = models.get(request.key);
        if (model === undefined) return { id, kind: 'unknown' };
        return { id, kind: 'done', value: await run(model, request.inputs) };
      }
    }
  } catch (error) {
    return { id, ...failure(error) };
  }
}

process.on('message', async (request: WorkerRequest) => process.send?.(await handle(request)));
// The node that asks is gone.
process.on('disconnect', () => process.exit(0));
