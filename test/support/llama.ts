/**
 * A causal language model in the llama2.c format (github.com/karpathy/llama2.c, `legacy` export): read, written as ONNX,
 * and run by plain TypeScript in doubles, with an exponential of our own.
 */
import { exp } from '../../attribution/influence/arithmetic/exponential.ts';
import { graphBuilder } from './onnx.ts';

export interface Llama {
  readonly dim: number;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly vocabulary: number;
  readonly context: number;
  readonly embedding: Float32Array;
  readonly blocks: readonly Block[];
  readonly finalNorm: Float32Array;
  /** [context, headSize / 2] */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** Matrices are [rows, columns] with a row for each output. */
interface Block {
  readonly attentionNorm: Float32Array;
  readonly wq: Float32Array;
  readonly wk: Float32Array;
  readonly wv: Float32Array;
  readonly wo: Float32Array;
  readonly ffnNorm: Float32Array;
  readonly w1: Float32Array;
  readonly w2: Float32Array;
  readonly w3: Float32Array;
}

const EPSILON = 1e-5;

export function readLlama(bytes: Uint8Array): Llama {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [dim, hidden, layers, heads, kvHeads, vocabulary, context] = Array.from({ length: 7 }, (_, i) =>
    view.getInt32(4 * i, true),
  ) as [number, number, number, number, number, number, number];
  let at = 28;
  const take = (count: number): Float32Array => {
    const numbers = Float32Array.from({ length: count }, (_, i) => view.getFloat32(at + 4 * i, true));
    at += 4 * count;
    return numbers;
  };
  const each = (count: number): Float32Array[] => Array.from({ length: layers }, () => take(count));
  const kvDim = (dim / heads) * kvHeads;
  const embedding = take(vocabulary * dim);
  const attentionNorm = each(dim);
  const wq = each(dim * dim);
  const wk = each(dim * kvDim);
  const wv = each(dim * kvDim);
  const wo = each(dim * dim);
  const ffnNorm = each(dim);
  const w1 = each(hidden * dim);
  const w2 = each(hidden * dim);
  const w3 = each(hidden * dim);
  const finalNorm = take(dim);
  const half = dim / heads / 2;
  const blocks = attentionNorm.map((norm, l) => ({
    attentionNorm: norm,
    wq: wq[l]!,
    wk: wk[l]!,
    wv: wv[l]!,
    wo: wo[l]!,
    ffnNorm: ffnNorm[l]!,
    w1: w1[l]!,
    w2: w2[l]!,
    w3: w3[l]!,
  }));
  const cos = take(context * half);
  const sin = take(context * half);
  return { dim, hidden, layers, heads, kvHeads, vocabulary, context, embedding, blocks, finalNorm, cos, sin };
}

/** Input `tokens` int64[1, length], output `logits` float32[1, length, vocabulary]: one pass over the full sequence. */
export function llamaToOnnx(model: Llama, length: number): Uint8Array {
  const { dim, hidden, heads, kvHeads, vocabulary } = model;
  const size = dim / heads;
  const kvDim = size * kvHeads;
  const g = graphBuilder();
  const tokens = g.input('int64', 'tokens', [1, length]);
  const ints = (...numbers: number[]): string => g.constant('int64', [numbers.length], numbers);
  const vector = (numbers: Float32Array): string => g.constant('float32', [numbers.length], numbers);
  const epsilon = g.constant('float32', [], [EPSILON]);
  const norm = (x: string, weight: Float32Array): string => {
    const mean = g.node('ReduceMean', [g.node('Mul', [x, x])], { axes: [-1] });
    return g.node('Mul', [
      g.node('Div', [x, g.node('Sqrt', [g.node('Add', [mean, epsilon])])]),
      vector(weight),
    ]);
  };
  const linear = (x: string, w: Float32Array, columns: number, rows: number): string =>
    g.node('MatMul', [x, g.constant('float32', [columns, rows], transposed(w, rows, columns))]);
  const half = size / 2;
  const angles = (table: Float32Array): string =>
    g.constant('float32', [1, length, 1, half], table.slice(0, length * half));
  const cos = angles(model.cos);
  const sin = angles(model.sin);
  /** Turns each pair of neighbours by its angle. [1, length, count · size] to [1, count, length, size]. */
  const rotated = (x: string, count: number): string => {
    const pairs = g.node('Reshape', [x, ints(1, length, count, half, 2)]);
    const [even, odd] = g
      .nodes('Split', [pairs], { axis: -1 }, 2)
      .map((part) => g.node('Squeeze', [part, ints(-1)])) as [string, string];
    const turned = [
      g.node('Sub', [g.node('Mul', [even, cos]), g.node('Mul', [odd, sin])]),
      g.node('Add', [g.node('Mul', [even, sin]), g.node('Mul', [odd, cos])]),
    ].map((part) => g.node('Unsqueeze', [part, ints(-1)]));
    const joined = g.node('Reshape', [g.node('Concat', turned, { axis: -1 }), ints(1, length, count, size)]);
    return g.node('Transpose', [joined], { perm: [0, 2, 1, 3] });
  };
  /** Each key or value head serves several query heads. */
  const shared = (x: string): string => {
    const wide = g.node('Expand', [
      g.node('Unsqueeze', [x, ints(2)]),
      ints(1, kvHeads, heads / kvHeads, length, size),
    ]);
    return g.node('Reshape', [wide, ints(1, heads, length, size)]);
  };
  const mask = g.constant(
    'float32',
    [length, length],
    Float32Array.from({ length: length * length }, (_, i) =>
      i % length > Math.floor(i / length) ? -Infinity : 0,
    ),
  );
  let x = g.node('Gather', [g.constant('float32', [vocabulary, dim], model.embedding), tokens]);
  for (const block of model.blocks) {
    const n = norm(x, block.attentionNorm);
    const q = rotated(linear(n, block.wq, dim, dim), heads);
    const k = shared(rotated(linear(n, block.wk, dim, kvDim), kvHeads));
    const values = g.node('Reshape', [linear(n, block.wv, dim, kvDim), ints(1, length, kvHeads, size)]);
    const v = shared(g.node('Transpose', [values], { perm: [0, 2, 1, 3] }));
    const raw = g.node('MatMul', [q, g.node('Transpose', [k], { perm: [0, 1, 3, 2] })]);
    const scaled = g.node('Div', [raw, g.constant('float32', [], [Math.sqrt(size)])]);
    const weights = g.node('Softmax', [g.node('Add', [scaled, mask])], { axis: -1 });
    const mixed = g.node('Transpose', [g.node('MatMul', [weights, v])], { perm: [0, 2, 1, 3] });
    x = g.node('Add', [x, linear(g.node('Reshape', [mixed, ints(1, length, dim)]), block.wo, dim, dim)]);
    const m = norm(x, block.ffnNorm);
    const gate = linear(m, block.w1, dim, hidden);
    const silu = g.node('Mul', [gate, g.node('Sigmoid', [gate])]);
    x = g.node('Add', [
      x,
      linear(g.node('Mul', [silu, linear(m, block.w3, dim, hidden)]), block.w2, hidden, dim),
    ]);
  }
  const last = norm(x, model.finalNorm);
  g.output('float32', 'logits', linear(last, model.embedding, dim, vocabulary), [1, length, vocabulary]);
  return g.bytes();
}

function transposed(w: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(w.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) result[c * rows + r] = w[r * columns + c]!;
  return result;
}

/** Logits after each token, computed one token after the other with kept keys and values. */
export function runLlama(model: Llama, tokens: readonly number[]): Float64Array[] {
  const { dim, heads, kvHeads, vocabulary } = model;
  const size = dim / heads;
  const keys = model.blocks.map((): Float64Array[] => []);
  const values = model.blocks.map((): Float64Array[] => []);
  return tokens.map((token, position) => {
    const x = Float64Array.from(model.embedding.subarray(token * dim, (token + 1) * dim));
    for (const [l, block] of model.blocks.entries()) {
      const n = normalised(x, block.attentionNorm);
      const q = turned(product(block.wq, n), model, position, heads);
      keys[l]!.push(turned(product(block.wk, n), model, position, kvHeads));
      values[l]!.push(product(block.wv, n));
      const mixed = new Float64Array(dim);
      for (let h = 0; h < heads; h++) {
        const own = h * size;
        const from = Math.floor(h / (heads / kvHeads)) * size;
        const scores = keys[l]!.map((key) => {
          let sum = 0;
          for (let i = 0; i < size; i++) sum += q[own + i]! * key[from + i]!;
          return sum / Math.sqrt(size);
        });
        const largest = Math.max(...scores);
        const powers = scores.map((score) => exp(score - largest));
        const total = powers.reduce((a, b) => a + b, 0);
        for (const [t, power] of powers.entries())
          for (let i = 0; i < size; i++) mixed[own + i]! += (power / total) * values[l]![t]![from + i]!;
      }
      add(x, product(block.wo, mixed));
      const m = normalised(x, block.ffnNorm);
      const gate = product(block.w1, m);
      const up = product(block.w3, m);
      add(
        x,
        product(
          block.w2,
          gate.map((value, i) => (value / (1 + exp(-value))) * up[i]!),
        ),
      );
    }
    const last = normalised(x, model.finalNorm);
    return product(model.embedding, last).subarray(0, vocabulary);
  });
}

function product(w: Float32Array, x: Float64Array): Float64Array {
  return Float64Array.from({ length: w.length / x.length }, (_, row) => {
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += w[row * x.length + i]! * x[i]!;
    return sum;
  });
}

function normalised(x: Float64Array, weight: Float32Array): Float64Array {
  let squares = 0;
  for (const value of x) squares += value * value;
  const scale = 1 / Math.sqrt(squares / x.length + EPSILON);
  return x.map((value, i) => value * scale * weight[i]!);
}

function turned(x: Float64Array, model: Llama, position: number, heads: number): Float64Array {
  const half = x.length / heads / 2;
  const result = new Float64Array(x.length);
  for (let pair = 0; pair < x.length / 2; pair++) {
    const cos = model.cos[position * half + (pair % half)]!;
    const sin = model.sin[position * half + (pair % half)]!;
    const [even, odd] = [x[2 * pair]!, x[2 * pair + 1]!];
    result[2 * pair] = even * cos - odd * sin;
    result[2 * pair + 1] = even * sin + odd * cos;
  }
  return result;
}

function add(x: Float64Array, y: Float64Array): void {
  for (let i = 0; i < x.length; i++) x[i]! += y[i]!;
}

/** Texts of the tokens in the llama2.c tokenizer format. */
export function readTokens(bytes: Uint8Array, count: number): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 4;
  return Array.from({ length: count }, () => {
    const length = view.getInt32(at + 4, true);
    const text = new TextDecoder().decode(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
    return text;
  });
}
