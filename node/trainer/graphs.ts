/**
 * What the graph of a trained model gives, by the pinned runtime in threads of its own. That a graph is refused follows
 * from its bytes alone and is the same on every node; a thread that died or took too long says nothing of it (B2).
 */
import { AttributionError } from '../../attribution/api.ts';
import { ModelError, type ModelProfile } from '../../attribution/runtime/api.ts';
import {
  checkGraph,
  decodeTrainingSpec,
  type Graph,
  type GraphFeatures,
  graphFeatures,
  graphFile,
  graphKey,
  graphTensor,
  graphTexts,
} from '../../attribution/trained/api.ts';
import { Fault, type Hex } from '../../state/types.ts';
import { MissingArtifact, readLeaves } from '../attribution-pool/contributions.ts';
import type { RuntimePool } from '../runtime-pool/index.ts';
import { LIMITS } from './limits.ts';
import { acceptedRecords } from './records.ts';
import type { TrainingSource } from './types.ts';

export type GraphAnswer =
  | { kind: 'graph'; graph: Graph }
  /** The artifact of the graph, or of a record, is not here or damaged. */
  | { kind: 'missing'; root: Hex }
  /** The runtime failed twice on this machine. */
  | { kind: 'unknown'; reason: string };

export interface GraphRunner {
  /** Runs the graph of the settings for every text that training may ask for; undefined if they have none. */
  forTraining(source: TrainingSource): Promise<GraphAnswer | undefined>;
  /** Runs it for one prompt. @throws Fault when this machine fails */
  forPrompt(
    spec: Uint8Array,
    prompt: Uint8Array,
  ): Promise<Exclude<GraphAnswer, { kind: 'unknown' }> | undefined>;
}

export interface GraphRunnerOptions {
  readonly dataDir: string;
  readonly pool: Pick<RuntimePool, 'prepare' | 'run'>;
}

interface OpenGraph {
  readonly features: GraphFeatures;
  readonly file: Uint8Array;
  readonly profile: ModelProfile;
}

const REFUSED: Graph = { kind: 'refused', failure: 'GraphRefused' };

export function createGraphRunner({ dataDir, pool }: GraphRunnerOptions): GraphRunner {
  /** Graphs whose files are in memory, in the order of use. */
  const open = new Map<string, OpenGraph>();

  /** The file behind the settings, past the door. @throws MissingArtifact, ModelError */
  function openGraph(features: GraphFeatures): OpenGraph {
    const key = JSON.stringify(features);
    let graph = open.get(key);
    if (graph === undefined) {
      const root = features.artifactRoot as Hex;
      const file = graphFile(features, readLeaves({ kind: 'file', dataDir, root }));
      if (file === undefined)
        throw new ModelError('HashMismatch', 'The contribution is not the file of the graph in base64.');
      graph = { features, file, profile: checkGraph(features, file) };
    }
    open.delete(key);
    open.set(key, graph);
    for (const oldest of open.keys()) {
      if (open.size <= LIMITS.openGraphs) break;
      open.delete(oldest);
    }
    return graph;
  }

  /** Undefined if the output is no features. @throws ModelError, Fault */
  async function run({ features, file, profile }: OpenGraph, text: Uint8Array) {
    const tensor = graphTensor(features, text);
    const [input, output] = [profile.inputs[0], profile.outputs[0]];
    if (tensor === undefined || input === undefined || output === undefined) return undefined;
    try {
      const outputs = await pool.run(profile.modelHash, file, { [input.name]: tensor });
      const made = outputs[output.name];
      return made && graphFeatures(features, made);
    } catch (error) {
      if (error instanceof ModelError && error.code === 'NonFiniteOutput') return undefined;
      throw error;
    }
  }

  async function runAll(source: TrainingSource, spec: Parameters<typeof graphTexts>[0]): Promise<Graph> {
    const graph = openGraph(spec.features);
    await twice(() => pool.prepare(graph.file));
    const made = new Map<string, Float64Array>();
    for (const [key, text] of graphTexts(spec, acceptedRecords(dataDir, source.entries))) {
      const features = await twice(() => run(graph, text));
      if (features !== undefined) made.set(key, features);
    }
    return { kind: 'ran', featuresOf: (text) => made.get(graphKey(text)) };
  }

  return {
    async forTraining(source) {
      const { features, ...rest } = decodeTrainingSpec(source.spec);
      if (features.kind !== 'onnx') return undefined;
      try {
        return { kind: 'graph', graph: await runAll(source, { features, ...rest }) };
      } catch (error) {
        if (error instanceof MissingArtifact) return { kind: 'missing', root: error.root };
        if (error instanceof ModelError) return { kind: 'graph', graph: REFUSED };
        if (error instanceof AttributionError && error.code === 'ProblemTooLarge')
          return { kind: 'graph', graph: { kind: 'refused', failure: error.code } };
        if (error instanceof RuntimeFailure) return { kind: 'unknown', reason: error.message };
        throw error;
      }
    },
    async forPrompt(spec, prompt) {
      const { features } = decodeTrainingSpec(spec);
      if (features.kind !== 'onnx') return undefined;
      let made: Float64Array | undefined;
      try {
        made = await run(openGraph(features), prompt);
      } catch (error) {
        if (error instanceof MissingArtifact) return { kind: 'missing', root: error.root };
        // The pinned program stopped on this prompt, as it does everywhere; the graph passed the door in training.
        if (!(error instanceof ModelError) || error.code !== 'RuntimeRefused') throw error;
      }
      return { kind: 'graph', graph: { kind: 'ran', featuresOf: () => made } };
    },
  };
}

/** The runtime gave no answer, also in a fresh thread. */
class RuntimeFailure extends Error {}

/** B2: once more in a fresh thread, which the pool starts by itself. */
async function twice<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
  try {
    return await call();
  } catch (error) {
    if (error instanceof Fault) throw new RuntimeFailure(error.message);
    throw error;
  }
}
