/**
 * V8 collects garbage while a thread allocates, and stops with it: after a storm of requests a thread would keep what
 * it held at the height of it until the next one, and lets the heap grow far above what is in use while it lasts. This
 * looks from time to time, and collects in a quiet moment, or when the heap has grown by much.
 */
import { performance } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { LIMITS } from './limits.ts';

export interface TidyOptions {
  readonly everyMs?: number;
  readonly growthBytes?: number;
}

/** For the calling thread. Returns what ends it. */
export function collectWhenQuiet(options: TidyOptions = {}): () => void {
  const { everyMs = LIMITS.quietCheckMs, growthBytes = LIMITS.quietGrowthBytes } = options;
  // The only way to ask a running thread's V8 for a collection; the flag changes nothing but that `gc` exists.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let tidyBytes = 0;
  let wasBusy = false;
  let since = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(since);
    since = performance.eventLoopUtilization();
    const isBusy = utilization > LIMITS.quietUtilization;
    const held = () => getHeapStatistics().total_heap_size;
    // After a storm always once: what the heap holds then is no measure of what it needs.
    const isDue = isBusy
      ? held() >= tidyBytes + LIMITS.stormGrowthBytes
      : wasBusy || held() >= tidyBytes + growthBytes;
    wasBusy = isBusy;
    if (!isDue) return;
    collect();
    tidyBytes = held();
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
