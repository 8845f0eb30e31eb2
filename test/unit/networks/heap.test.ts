import { expect, it } from 'vitest';
import { growthOf, type Memory } from '../../networks/heap.ts';

const memory = (...threads: [string, number][]): Memory => ({
  heap: 0,
  external: 0,
  resident: 0,
  threads: threads.map(([name, heap]) => ({ name, heap, external: 2 * heap })),
});

it('memory grows when a thread holds more, not when there is one more of its kind', () => {
  const before = memory(['main', 30], ['reader', 10]);
  expect(growthOf('heap', before, memory(['main', 30], ['reader', 10], ['reader', 10]))).toBe(1);
  expect(growthOf('heap', before, memory(['main', 30], ['pool', 50]))).toBe(1);
  expect(growthOf('heap', before, memory(['main', 50], ['reader', 30], ['reader', 30]))).toBe(2);
  expect(growthOf('external', before, memory(['main', 30], ['reader', 18]))).toBe(1.2);
  // One that ended while it was asked.
  expect(growthOf('heap', before, memory(['main', 30], ['reader', 0], ['reader', 10]))).toBe(1);
});
