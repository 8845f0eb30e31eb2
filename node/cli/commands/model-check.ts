import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  MAX_MODEL_BYTES,
  ModelError,
  type ModelProfile,
  profileHash,
} from '../../../attribution/runtime/api.ts';
import { type GraphShape, graphShape } from '../../../attribution/trained/api.ts';
import { graphUnitsOf } from '../../../genesis/inference-units.ts';
import { UserError } from '../../config/errors.ts';
import { createRuntimePool } from '../../runtime-pool/index.ts';
import { defineCommand } from '../command.ts';
import type { Output } from '../output.ts';

export const command = defineCommand({
  name: 'model check',
  summary: 'Check whether an ONNX file may run on the chain: print its profile, or why it is refused.',
  positionals: { usage: 'FILE', min: 1, max: 1 },
  flags: {
    dimension: {
      type: 'string',
      multiple: true,
      value: 'NAME=SIZE',
      help: 'size for a dimension that the file leaves open; may be repeated',
    },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  details:
    'The file is read as a stranger’s would be, loaded into the pinned runtime and run once on zeros.\nExit code 1: refused. The rules are in docs/runtime.md.',
  async run({ flags, positionals, out, workingDirectory }) {
    const bytes = readModelFile(resolve(workingDirectory, positionals[0]!));
    const dimensions = Object.fromEntries((flags.dimension ?? []).map(parseDimension));
    const pool = createRuntimePool({ native: false });
    try {
      const profile = await pool.prepare(bytes, { dimensions });
      const features = featuresOf(profile);
      if (flags.json) out.json({ ...profile, profileHash: profileHash(profile), features });
      else print(out, profile, features);
    } finally {
      await pool.close();
    }
  },
});

/** Whether a trained model may take its features from the graph (docs/trained-models.md, section 1), or why not. */
function featuresOf(profile: ModelProfile): (GraphShape & { answerUnits: number }) | { refused: string } {
  try {
    if (profile.dimensions.length > 0) return { refused: 'The graph must leave no dimension open.' };
    const shape = graphShape(profile);
    return { ...shape, answerUnits: graphUnitsOf({ ...shape, modelBytes: profile.modelBytes }) };
  } catch (error) {
    if (error instanceof ModelError) return { refused: error.message };
    throw error;
  }
}

/** A file that is too large is not read to find that out. @throws UserError FILE_MISSING */
export function readModelFile(path: string): Uint8Array {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile())
    throw new UserError('FILE_MISSING', `${path} is not a file. Give the path of an .onnx file.`);
  if (stats.size > MAX_MODEL_BYTES)
    throw new UserError(
      'TooLarge',
      `${path} has ${stats.size} bytes, at most ${MAX_MODEL_BYTES} are allowed.`,
    );
  return readFileSync(path);
}

function parseDimension(text: string): [string, number] {
  const [, name, size] = /^([^=]+)=([0-9]{1,9})$/.exec(text) ?? [];
  if (name === undefined || size === undefined)
    throw new UserError('USAGE', `--dimension ${text}: expected NAME=SIZE, such as batch=1`);
  return [name, Number(size)];
}

function print(out: Output, profile: ModelProfile, features: ReturnType<typeof featuresOf>): void {
  const tensors = (list: ModelProfile['inputs']): string =>
    list.map(({ name, type, shape }) => `${name} ${type}[${shape.join(', ')}]`).join('; ');
  const rows: [string, string][] = [
    ['model', profile.modelHash],
    ['profile', profileHash(profile)],
    ['class', profile.modelClass],
    ['file', `${profile.modelBytes} bytes, ONNX format ${profile.irVersion}, operator set ${profile.opset}`],
    ['inputs', tensors(profile.inputs)],
    ['outputs', tensors(profile.outputs)],
    ...profile.dimensions.map(({ name, size }): [string, string] => ['dimension', `${name} = ${size}`]),
    ['parameters', String(profile.parameters)],
    ['memory', `${profile.peakBytes} bytes`],
    ['steps', String(profile.operations)],
    [
      'features',
      'refused' in features
        ? `none: ${features.refused}`
        : `${features.width} of ${features.inputWidth} ${features.input}, ${features.answerUnits} units an answer`,
    ],
    ['operators', profile.operators.map(({ name, nodes }) => `${name} ${nodes}`).join(', ')],
  ];
  for (const [label, value] of rows) out.line(`${out.paint('dim', label.padEnd(11))} ${value}`);
}
