import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as dot from '../../../../attribution/kernels/dot.wasm.ts';
import { compileKernel } from '../../../../attribution/kernels/load.ts';

describe('the WebAssembly kernels', () => {
  it('are what their sources compile to', async () => {
    await promisify(execFile)(process.execPath, ['scripts/build-kernels.mjs', '--check']);
  });

  it('are refused when a byte of them was changed', () => {
    const damaged = { ...dot, base64: `${dot.base64.slice(0, -4)}AAAA` };
    expect(() => compileKernel(damaged)).toThrow(/has hash/);
  });

  it('dot: equals the exact sum over BigInt', () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const { exports } = new WebAssembly.Instance(compileKernel(dot), { env: { memory } });
    const dotI16 = exports['dotI16'] as (a: number, b: number, count: number) => bigint;
    const count = 1024;
    const a = new Int16Array(memory.buffer, 0, count);
    const b = new Int16Array(memory.buffer, 2 * count, count);
    for (const make of [
      (i: number) => (i * 7919) % 65_535,
      () => 32_767,
      (i: number) => (i % 2 === 0 ? 32_767 : -32_767),
    ]) {
      for (let i = 0; i < count; i++) {
        a[i] = make(i);
        b[i] = make(i * 31 + 5);
      }
      const expected = a.reduce((sum, value, i) => sum + BigInt(value) * BigInt(b[i]!), 0n);
      expect(dotI16(0, 2 * count, count)).toBe(expected);
    }
  });
});
