/** The thread of the attackers: every kind of attack on as many connections as the others. */
import { setMaxListeners } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { ATTACKS, type Tally, type Target } from './attacks.ts';

export interface AttackOrder {
  readonly target: Target;
  readonly connections: number;
  readonly durationMs: number;
}

const { target, connections, durationMs } = workerData as AttackOrder;
const tallies = new Map<string, Tally>();
const names = Object.keys(ATTACKS);
const signal = AbortSignal.timeout(durationMs);
// Each connection listens to it.
setMaxListeners(0, signal);
await Promise.all(
  Array.from({ length: connections }, (_, i) => {
    const name = names[i % names.length] ?? '';
    const tally = tallies.get(name) ?? { right: 0, cut: 0, wrong: [] };
    tallies.set(name, tally);
    return ATTACKS[name]?.(target, tally, signal);
  }),
);
parentPort?.postMessage(tallies);
