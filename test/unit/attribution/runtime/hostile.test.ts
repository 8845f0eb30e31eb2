import fc from 'fast-check';
import type { onnx } from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import {
  checkModel,
  MAX_MODEL_BYTES,
  ModelError,
  type ModelErrorCode,
} from '../../../../attribution/runtime/api.ts';
import { attentionBlock, integerMlp } from '../../../support/models.ts';
import { decodeModel, encodeModel, graphBuilder, integers } from '../../../support/onnx.ts';

/** Stated bounds of a refusal: milliseconds of processor time, bytes of heap and buffers. */
const REFUSAL_MS = 1000;
const REFUSAL_BYTES = 64 * 1024 * 1024;

interface Refusal {
  readonly code: ModelErrorCode | 'accepted';
  readonly message: string;
  readonly milliseconds: number;
  readonly bytes: number;
}

function refuse(bytes: Uint8Array): Refusal {
  const memory = () => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  const before = memory();
  const started = process.cpuUsage();
  const outcome = (code: Refusal['code'], message: string): Refusal => {
    const { user, system } = process.cpuUsage(started);
    return { code, message, milliseconds: (user + system) / 1000, bytes: memory() - before };
  };
  try {
    checkModel(bytes);
    return outcome('accepted', '');
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return outcome(error.code, error.message);
  }
}

/** A valid small file, changed before it is written. */
function changed(change: (graph: onnx.IGraphProto, model: onnx.IModelProto) => void): Uint8Array {
  const g = graphBuilder();
  const x = g.input('float32', 'x', [1, 4]);
  const w = g.constant(
    'float32',
    [4, 4],
    Array.from({ length: 16 }, (_, i) => i),
  );
  g.output('float32', 'y', g.node('MatMul', [x, w]), [1, 4]);
  const message = decodeModel(g.bytes());
  change(message.graph!, message);
  return encodeModel(message);
}

const varint = (value: bigint): number[] => {
  const bytes: number[] = [];
  for (; value >= 128n; value >>= 7n) bytes.push(Number(value & 127n) | 128);
  return [...bytes, Number(value)];
};
const field = (number: number, bytes: readonly number[]): number[] => [
  ...varint(BigInt(number * 8 + 2)),
  ...varint(BigInt(bytes.length)),
  ...bytes,
];
const with_ = (extra: readonly number[]): Uint8Array =>
  Uint8Array.from([...changed(() => undefined), ...extra]);

/** x of 1,024 floats; each node makes it larger. */
function growing(
  nodes: number,
  operator: string,
  input: (g: ReturnType<typeof graphBuilder>) => string[],
): Uint8Array {
  const g = graphBuilder();
  let x = g.input('float32', 'x', [1, 1024]);
  for (let i = 0; i < nodes; i++)
    x = g.node(
      operator,
      [x, ...(operator === 'Concat' ? [x] : input(g))],
      operator === 'Concat' ? { axis: 1 } : {},
    );
  const message = g.message();
  message.graph!.output = [{ name: x }];
  return encodeModel(message);
}

const shape =
  (...sizes: number[]) =>
  (g: ReturnType<typeof graphBuilder>) => [g.constant('int64', [sizes.length], sizes)];
const weights = (graph: onnx.IGraphProto): onnx.ITensorProto => graph.initializer![0]!;

const attacks: [string, ModelErrorCode, () => Uint8Array][] = [
  [
    'a node that reads itself',
    'Cycle',
    () => changed((g) => (g.node![0]!.input![0] = g.node![0]!.output![0]!)),
  ],
  ['two nodes that read each other', 'Cycle', () => changed((g) => (g.node![0]!.input![0] = 'y'))],
  ['nodes in an order in which they cannot run', 'Cycle', () => changed((g) => g.node!.reverse())],
  ['an input that nobody makes', 'DanglingInput', () => changed((g) => (g.node![0]!.input![0] = 'nobody'))],
  ['an output that nobody makes', 'DanglingInput', () => changed((g) => (g.output![0]!.name = 'nobody'))],
  ['two values of one name', 'DuplicateName', () => changed((g) => (g.node![1]!.output![0] = 'x'))],
  ['an input that is also a weight', 'DuplicateName', () => changed((g) => (weights(g).name = 'x'))],
  [
    'an attribute twice',
    'DuplicateName',
    () =>
      changed(
        (g) =>
          (g.node![0]!.attribute = [
            { name: 'a', type: 2, i: 1 },
            { name: 'a', type: 2, i: 2 },
          ]),
      ),
  ],
  [
    'weights in another file',
    'ExternalData',
    () =>
      changed((g) => {
        weights(g).dataLocation = 1;
        weights(g).externalData = [{ key: 'location', value: '../../etc/passwd' }];
        weights(g).rawData = null;
      }),
  ],
  ['a flag alone that says so', 'ExternalData', () => changed((g) => (weights(g).dataLocation = 1))],
  [
    'a branch',
    'ControlFlow',
    () =>
      changed((g) => {
        g.node![0]!.opType = 'If';
        g.node![0]!.attribute = [{ name: 'then_branch', type: 5, g: { name: 't' } }];
      }),
  ],
  [
    'a subgraph in an operator that takes none',
    'ControlFlow',
    () => changed((g) => (g.node![0]!.attribute = [{ name: 'body', type: 5, g: { name: 't' } }])),
  ],
  ['a function', 'Functions', () => changed((_, m) => (m.functions = [{ name: 'f' }]))],
  [
    'an operator set of somebody',
    'UnknownDomain',
    () => changed((_, m) => m.opsetImport!.push({ domain: 'com.example', version: 1 })),
  ],
  [
    'an operator of the runtime only',
    'UnknownDomain',
    () => changed((g) => (g.node![0]!.domain = 'com.microsoft')),
  ],
  [
    'two standard operator sets',
    'UnsupportedOpset',
    () => changed((_, m) => m.opsetImport!.push({ domain: '', version: 13 })),
  ],
  ['sparse weights', 'Sparse', () => changed((g) => (g.sparseInitializer = [{ dims: [4] }]))],
  ['training information', 'UnknownField', () => changed((_, m) => (m.trainingInfo = [{}]))],
  ['strings', 'StringTensor', () => changed((g) => (weights(g).stringData = [new Uint8Array(3)]))],
  ['a type for strings', 'StringTensor', () => changed((g) => (weights(g).dataType = 8))],
  ['doubles', 'UnsupportedType', () => changed((g) => (weights(g).dataType = 11))],
  ['half floats', 'UnsupportedType', () => changed((g) => (weights(g).dataType = 10))],
  ['a sequence', 'UnsupportedType', () => changed((g) => (g.input![0]!.type = { sequenceType: {} }))],
  [
    'a weight with a number too few',
    'BadTensor',
    () => changed((g) => (weights(g).rawData = new Uint8Array(60))),
  ],
  ['a weight with two sets of numbers', 'BadTensor', () => changed((g) => (weights(g).floatData = [1]))],
  ['a weight without numbers', 'BadTensor', () => changed((g) => (weights(g).rawData = null))],
  ['a negative dimension', 'BadTensor', () => changed((g) => (weights(g).dims = [-4, -4]))],
  [
    'a weight that claims a petabyte',
    'TensorTooLarge',
    () => changed((g) => (weights(g).dims = [1 << 25, 1 << 25])),
  ],
  ['a dimension of 2^62', 'TensorTooLarge', () => changed((g) => (weights(g).dims = [2 ** 62]))],
  [
    'an input of 2^62',
    'TensorTooLarge',
    () => changed((g) => (g.input![0]!.type!.tensorType!.shape!.dim = [{ dimValue: 2 ** 62 }])),
  ],
  ['thirty dimensions', 'TooMany', () => changed((g) => (weights(g).dims = Array(30).fill(1)))],
  [
    'a false claim about an output',
    'ShapeMismatch',
    () => changed((g) => (g.output![0]!.type!.tensorType!.shape!.dim![1]!.dimValue = 5)),
  ],
  [
    'a false claim about a value between',
    'ShapeMismatch',
    () =>
      changed(
        (g) => (g.valueInfo = [{ name: g.node![0]!.output![0]!, type: { tensorType: { elemType: 6 } } }]),
      ),
  ],
  ['a name of a kilobyte', 'BadName', () => changed((g) => (g.node![0]!.name = 'x'.repeat(1025)))],
  ['a name with a line break', 'BadName', () => changed((g) => (g.node![0]!.name = 'a\nb'))],
  ['no outputs', 'BadGraph', () => changed((g) => (g.output = []))],
  ['no graph', 'BadGraph', () => changed((_, m) => (m.graph = null))],
  ['an old file format', 'UnsupportedVersion', () => changed((_, m) => (m.irVersion = 3))],
  ['ten thousand nodes', 'TooMany', () => changed((g) => (g.node = Array(10_000).fill(g.node![0]!)))],
  [
    'a thousand attributes',
    'TooMany',
    () =>
      changed(
        (g) =>
          (g.node![0]!.attribute = Array.from({ length: 1000 }, (_, i) => ({
            name: `a${i}`,
            type: 2,
            i: 1,
          }))),
      ),
  ],
  [
    'a megabyte of numbers in one attribute',
    'TooMany',
    () => changed((g) => (g.node![0]!.attribute = [{ name: 'axes', type: 7, ints: Array(500_000).fill(1) }])),
  ],
  [
    'eight megabytes of names',
    'DanglingInput',
    () =>
      changed((g) => {
        const input = Array.from({ length: 250 }, (_, i) => `${'x'.repeat(500)}${i}`);
        g.node = Array.from({ length: 64 }, () => ({ opType: 'Max', input, output: [] }));
      }),
  ],
  ['Expand to a petabyte', 'TensorTooLarge', () => growing(1, 'Expand', shape(2 ** 20, 2 ** 20, 1, 1024))],
  ['Tile to a petabyte', 'TensorTooLarge', () => growing(1, 'Tile', shape(2 ** 25, 2 ** 15))],
  ['Tile by 2^60', 'TensorTooLarge', () => growing(1, 'Tile', shape(1, 2 ** 60))],
  ['Pad by 2^40', 'TensorTooLarge', () => growing(1, 'Pad', shape(0, 0, 0, 2 ** 40))],
  [
    'ConstantOfShape of a petabyte',
    'TensorTooLarge',
    () => {
      const g = graphBuilder();
      const x = g.input('float32', 'x', [1]);
      g.output(
        'float32',
        'y',
        g.node('Add', [x, g.node('ConstantOfShape', [g.constant('int64', [2], [2 ** 25, 2 ** 25])])]),
        [1],
      );
      return g.bytes();
    },
  ],
  [
    'ConstantOfShape of a negative size',
    'ShapeMismatch',
    () => {
      const g = graphBuilder();
      const x = g.input('float32', 'x', [1]);
      g.output(
        'float32',
        'y',
        g.node('Add', [x, g.node('ConstantOfShape', [g.constant('int64', [1], [-5])])]),
        [1],
      );
      return g.bytes();
    },
  ],
  [
    'Range without end',
    'TensorTooLarge',
    () => {
      const g = graphBuilder();
      const x = g.input('int64', 'x', [1]);
      const bounds = [0, 2 ** 50, 1].map((value) => g.constant('int64', [], [value]));
      g.output('int64', 'y', g.node('Add', [x, g.node('Range', bounds)]), [1]);
      return g.bytes();
    },
  ],
  ['sixty doublings', 'TensorTooLarge', () => growing(60, 'Concat', () => [])],
  [
    'many tensors of the largest size',
    'MemoryTooLarge',
    () => {
      const g = graphBuilder();
      const x = g.input('float32', 'x', [1, 1]);
      const large = [1, 2, 3].map(() => g.node('Expand', [x, g.constant('int64', [2], [8192, 8192])]));
      g.output('float32', 'y', g.node('Max', large), [8192, 8192]);
      return g.bytes();
    },
  ],
  [
    'a product of a trillion steps',
    'TooManyOperations',
    () => {
      const g = graphBuilder();
      let x = g.input('float32', 'x', [4096, 4096]);
      for (let i = 0; i < 16; i++) x = g.node('MatMul', [x, x]);
      g.output('float32', 'y', x, [4096, 4096]);
      return g.bytes();
    },
  ],
  ['a graph twice', 'RepeatedField', () => with_(field(7, []))],
  ['a number in more bytes than it needs', 'BadVarint', () => with_([0x28, 0x81, 0x00])],
  ['a number of eleven bytes', 'BadVarint', () => with_([0x28, ...Array(10).fill(0xff), 0x01])],
  ['a group', 'BadWireType', () => with_([0x0b, 0x0c])],
  ['a field that does not exist', 'UnknownField', () => with_(field(99, [1, 2, 3]))],
  ['a length beyond the end', 'Truncated', () => with_([0x12, 0x7f])],
  ['a length of 2^63', 'Truncated', () => with_([0x12, ...Array(9).fill(0xff), 0x01])],
  ['an empty file', 'UnsupportedVersion', () => new Uint8Array(0)],
  ['a text', 'BadWireType', () => new TextEncoder().encode('<html>not a model</html>')],
  ['5 MiB of zeros', 'UnknownField', () => new Uint8Array(5 << 20)],
  ['5 MiB of ones', 'BadVarint', () => new Uint8Array(5 << 20).fill(0xff)],
  [
    '5 MiB of noise',
    'BadVarint',
    () => {
      const next = integers(7);
      return Uint8Array.from({ length: 5 << 20 }, (_, i) => (i < 10 ? 0xff : next(256)));
    },
  ],
  ['5 MiB of empty descriptions', 'UnsupportedVersion', () => Buffer.alloc(5 << 20, Buffer.of(0x32, 0))],
  [
    '5 MiB of empty nodes',
    'TooMany',
    () =>
      Buffer.concat([Buffer.of(0x3a, ...varint(BigInt(5 << 20))), Buffer.alloc(5 << 20, Buffer.of(0x0a, 0))]),
  ],
  ['more bytes than a model may have', 'TooLarge', () => new Uint8Array(MAX_MODEL_BYTES + 1)],
];

describe('hostile model files', () => {
  it.each(attacks)('%s: %s', (_, code, make) => {
    const bytes = make();
    const refusal = refuse(bytes);
    expect(`${refusal.code}: ${refusal.message}`).toMatch(new RegExp(`^${code}: `));
    expect(refusal.message).toMatch(/\.$|\?$/);
    expect(refusal.milliseconds).toBeLessThan(REFUSAL_MS);
    expect(refusal.bytes).toBeLessThan(REFUSAL_BYTES);
  });

  it('every truncation of a file is refused', () => {
    const { bytes } = integerMlp();
    const cuts = [...Array(400).keys(), ...Array.from({ length: 200 }, (_, i) => bytes.length - 1 - i)];
    for (const cut of cuts) expect(refuse(bytes.slice(0, cut)).code, `cut at ${cut}`).not.toBe('accepted');
  });

  it('a file with changed bytes is accepted or refused with a code, soon, whatever was changed', () => {
    const originals = [integerMlp().bytes, attentionBlock().bytes];
    // Weights are most of a file and hold no structure: aim at the rest.
    const structure = originals.map((bytes) => structuralBytes(bytes));
    const edit = fc.record({
      at: fc.nat(),
      value: fc.integer({ min: 0, max: 255 }),
      kind: fc.constantFrom('flip', 'set', 'insert', 'remove'),
    });
    fc.assert(
      fc.property(fc.nat(1), fc.array(edit, { minLength: 1, maxLength: 6 }), (which, edits) => {
        let bytes = Buffer.from(originals[which]!);
        for (const { at, value, kind } of edits) {
          const place = Math.min(structure[which]![at % structure[which]!.length]!, bytes.length - 1);
          if (kind === 'flip') bytes[place] = bytes[place]! ^ (1 << (value % 8));
          else if (kind === 'set') bytes[place] = value;
          else {
            const middle = kind === 'insert' ? [Buffer.of(value)] : [];
            const rest = bytes.subarray(kind === 'insert' ? place : place + 1);
            bytes = Buffer.concat([bytes.subarray(0, place), ...middle, rest]);
          }
        }
        expect(refuse(bytes).milliseconds).toBeLessThan(REFUSAL_MS);
      }),
      { numRuns: Number(process.env['OPENLEDGER_FUZZ_RUNS'] ?? 300) },
    );
  });
});

/** Places outside the raw data of the larger weights. */
function structuralBytes(bytes: Uint8Array): number[] {
  const raw = (decodeModel(bytes).graph!.initializer ?? []).map(({ rawData }) => rawData as Uint8Array);
  const text = Buffer.from(bytes);
  const places = new Set(bytes.keys());
  for (const data of raw) {
    if (data.length < 64) continue;
    const start = text.indexOf(Buffer.from(data));
    for (let i = start; i < start + data.length; i++) places.delete(i);
  }
  return [...places];
}
