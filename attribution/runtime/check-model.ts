import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { ModelError } from './errors.ts';
import { examineGraph } from './graph.ts';
import { MAX_IR_VERSION, MAX_OPSET, MAX_PEAK_BYTES, MIN_IR_VERSION, MIN_OPSET } from './limits.ts';
import { type OnnxModel, readModel } from './onnx.ts';
import type { CheckOptions, ModelProfile } from './types.ts';

/**
 * The door: reads an ONNX file from anybody and says what running it would take, or why it is refused. Nothing of the
 * file is run. About 25 ms for a file of 3 MB.
 *
 * @param bytes a whole .onnx file
 * @throws ModelError; the same on every machine
 */
export function checkModel(bytes: Uint8Array, options: CheckOptions = {}): ModelProfile {
  const model = readModel(bytes);
  if (model.irVersion < MIN_IR_VERSION || model.irVersion > MAX_IR_VERSION)
    throw new ModelError(
      'UnsupportedVersion',
      `The file has format version ${model.irVersion}; supported are ${MIN_IR_VERSION} to ${MAX_IR_VERSION}.`,
    );
  const opset = standardOpset(model);
  const facts = examineGraph(model.graph, opset, options.dimensions ?? {});
  // The runtime holds the file twice while it reads it (as bytes and as messages), then the parameters as they are and
  // in the order of its kernels.
  const peakBytes = 2 * bytes.length + 2 * facts.parameterBytes + facts.liveBytes;
  if (peakBytes > MAX_PEAK_BYTES)
    throw new ModelError(
      'MemoryTooLarge',
      `A run needs ${peakBytes} bytes, at most ${MAX_PEAK_BYTES} are allowed. Use a smaller model.`,
    );
  return {
    modelHash: `0x${bytesToHex(sha256(bytes))}`,
    modelBytes: bytes.length,
    irVersion: model.irVersion,
    opset,
    modelClass: facts.isIntegerOnly ? 'integer-only' : 'float',
    operators: facts.operators,
    inputs: facts.inputs,
    outputs: facts.outputs,
    dimensions: facts.dimensions,
    parameters: facts.parameters,
    initializers: model.graph.initializers.length,
    peakBytes,
    operations: facts.operations,
  };
}

/** Version of the standard operators. Another set may be imported as exporters do, but no node may use it. */
function standardOpset(model: OnnxModel): number {
  let version: number | undefined;
  for (const opset of model.opsets) {
    if (opset.domain !== '' && opset.domain !== 'ai.onnx') {
      if (opset.domain !== 'ai.onnx.ml')
        throw new ModelError(
          'UnknownDomain',
          `The file imports operator set '${opset.domain}'. Export with standard operators only.`,
        );
      continue;
    }
    if (version !== undefined)
      throw new ModelError('UnsupportedOpset', 'The file imports the standard operators twice.');
    version = opset.version;
  }
  if (version === undefined || version < MIN_OPSET || version > MAX_OPSET)
    throw new ModelError(
      'UnsupportedOpset',
      `The file uses version ${version ?? 'none'} of the standard operators; supported are ${MIN_OPSET} to ${MAX_OPSET}.`,
    );
  return version;
}
