/** Seeded randomness (sfc32). Forks are independent, so that a new draw in one place does not move all the others. */
export interface Rng {
  /** Uniform integer in 0..below-1. */
  int(below: number): number;
  /** Uniform in [0, 1). */
  unit(): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Uniform integer in low..high. */
  between(low: number, high: number): number;
  fork(label: string): Rng;
}

export function createRng(seed: number, label = ''): Rng {
  let [a, b, c, d] = [0x9e3779b9, seed | 0, hashText(label), 1];
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return t >>> 0;
  };
  for (let i = 0; i < 15; i++) next();
  const rng: Rng = {
    int: (below) => Math.floor((next() / 0x1_0000_0000) * below),
    unit: () => next() / 0x1_0000_0000,
    chance: (probability) => rng.unit() < probability,
    pick: (items) => items[rng.int(items.length)]!,
    between: (low, high) => low + rng.int(high - low + 1),
    fork: (name) => createRng(next(), name),
  };
  return rng;
}

function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
