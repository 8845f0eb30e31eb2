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
  let quietChecks = 0;
  let vain = 0;
  let since = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(since);
    since = performance.eventLoopUtilization();
    const isBusy = utilization > LIMITS.quietUtilization;
    const { total_heap_size: heldBytes, used_heap_size: usedBytes } = getHeapStatistics();
    // The first collection after a storm finds the pages that are nearly empty; only a later one empties them.
    const isSparse = heldBytes - usedBytes >= growthBytes && vain < LIMITS.vainCollections;
    quietChecks = isBusy ? 0 : quietChecks + 1;
    // After a storm always, and again when its last requests have ended: what the heap holds then is no measure of what
    // it needs.
    const isDue = isBusy
      ? heldBytes >= tidyBytes + LIMITS.stormGrowthBytes
      : quietChecks === 1 ||
        quietChecks === LIMITS.settledChecks ||
        isSparse ||
        heldBytes >= tidyBytes + growthBytes;
    if (isBusy) vain = 0;
    if (!isDue) return;
    collect();
    tidyBytes = getHeapStatistics().total_heap_size;
    vain = heldBytes - tidyBytes >= LIMITS.worthBytes ? 0 : vain + 1;
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
