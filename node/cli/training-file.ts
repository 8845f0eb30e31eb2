/** Training settings as a person writes them: JSON with the names of docs/trained-models.md, and bytes as hex. */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { AttributionError } from '../../attribution/errors.ts';
import {
  decodeTrainingSpec,
  encodeTrainingSpec,
  type GraphFeatures,
  type TrainingSpec,
  trainedKindOf,
} from '../../attribution/trained/api.ts';
import { fromHex } from '../../state/crypto.ts';
import type { TrainedModelKind } from '../../state/modules/model/types.ts';
import { UserError } from '../config/errors.ts';

export interface TrainingSettings {
  readonly kind: TrainedModelKind;
  readonly bytes: Uint8Array;
}

/** What a graph's file says for itself; settings name the rest, or the same. */
export type GraphSettings = Omit<GraphFeatures, 'kind' | 'divisorExponent' | 'inputExponent'>;

/**
 * @param graph of the file that was given beside settings whose features are of kind `onnx`
 * @throws UserError FILE_UNREADABLE, INVALID_SETTINGS
 */
export function readTrainingFile(path: string, graph?: GraphSettings): TrainingSettings {
  const bad = (reason: string) => new UserError('INVALID_SETTINGS', `${path}: ${reason}`);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) throw bad(`this is no JSON: ${error.message}`);
    throw new UserError('FILE_UNREADABLE', `${path}: ${(error as Error).message}`);
  }
  try {
    const spec = withGraph(withSeed(json, bad), graph, bad);
    // What the settings may be is said in one place: the encoder checks every field that it knows.
    const bytes = encodeTrainingSpec(spec);
    if (!isDeepStrictEqual(decodeTrainingSpec(bytes), spec))
      throw bad('some settings are of another type, or have names that mean nothing');
    return { kind: trainedKindOf(spec), bytes };
  } catch (error) {
    if (error instanceof AttributionError) throw bad(error.message);
    if (error instanceof UserError) throw error;
    if (error instanceof TypeError)
      throw bad('settings have features, classes, training and metric; see docs/trained-models.md');
    throw error;
  }
}

function withGraph(
  spec: TrainingSpec,
  graph: GraphSettings | undefined,
  bad: (reason: string) => UserError,
): TrainingSpec {
  if (graph === undefined) return spec;
  const { features } = spec;
  if (features.kind !== 'onnx') throw bad('--graph goes with features of kind onnx');
  const given: Partial<GraphFeatures> & { kind: 'onnx' } = features;
  const filled = { divisorExponent: 0, inputExponent: 0, ...graph, ...given };
  for (const [name, value] of Object.entries(graph))
    if (filled[name as keyof GraphSettings] !== value)
      throw bad(`features.${name} is ${filled[name as keyof GraphSettings]}, of the graph it is ${value}`);
  return { ...spec, features: filled };
}

/** A seed is bytes, which JSON has only as hex. */
function withSeed(json: unknown, bad: (reason: string) => UserError): TrainingSpec {
  const spec = json as TrainingSpec & { training: { seed?: unknown } };
  if (!('seed' in spec.training)) return spec;
  const { seed } = spec.training as { seed: unknown };
  if (typeof seed !== 'string' || !/^0x([0-9a-fA-F]{2})*$/.test(seed))
    throw bad('training.seed is not 0x and pairs of hex digits');
  const training = { trainsHead: 0, ...spec.training, seed: fromHex(seed as `0x${string}`) };
  return { ...spec, training } as TrainingSpec;
}
