import { setMaxListeners } from 'node:events';
import type { Clock } from './types.ts';

/** A number of bytes that may be in memory at once; takers wait their turn, first come first served. */
export interface ByteBudget {
  /** Resolves with a function that gives the bytes back (calling it twice is harmless). More than the whole budget counts as the whole. */
  take(bytes: number, signal: AbortSignal): Promise<() => void>;
  readonly used: number;
}

/** @param total bytes, at least 1. */
export function createByteBudget(total: number): ByteBudget {
  let used = 0;
  const waiting: { bytes: number; go: () => void }[] = [];

  function releaser(bytes: number): () => void {
    let done = false;
    return () => {
      if (done) return;
      done = true;
      used -= bytes;
      while (waiting.length > 0 && used + waiting[0]!.bytes <= total) {
        const next = waiting.shift()!;
        used += next.bytes;
        next.go();
      }
    };
  }

  return {
    get used() {
      return used;
    },
    async take(bytes, signal) {
      bytes = Math.min(bytes, total);
      signal.throwIfAborted();
      if (waiting.length === 0 && used + bytes <= total) {
        used += bytes;
        return releaser(bytes);
      }
      return new Promise((resolve, reject) => {
        const entry = {
          bytes,
          go: () => {
            signal.removeEventListener('abort', onAbort);
            resolve(releaser(bytes));
          },
        };
        const onAbort = () => {
          waiting.splice(waiting.indexOf(entry), 1);
          reject(signal.reason);
        };
        signal.addEventListener('abort', onAbort, { once: true });
        waiting.push(entry);
      });
    },
  };
}

/** What one peer may still ask of one protocol. */
export interface TokenBucket {
  /** False when the bucket is empty. */
  take(): boolean;
  /** As if it had never been used. */
  isFull(): boolean;
}

/** Holds `burst` tokens, refilled with `perSecond`. A clock that jumps back refills nothing. */
export function createTokenBucket(
  clock: Pick<Clock, 'nowMs'>,
  perSecond: number,
  burst: number,
): TokenBucket {
  let tokens = burst;
  let last = clock.nowMs();
  const refill = (): void => {
    const now = clock.nowMs();
    if (now > last) tokens = Math.min(burst, tokens + ((now - last) / 1000) * perSecond);
    last = now;
  };
  return {
    take() {
      refill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    isFull() {
      refill();
      return tokens >= burst;
    },
  };
}

/** An abort controller that many may listen to at once: every exchange in progress does. */
export function sharedAbort(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** A signal that aborts with the first of: the parents, or `abort()`. `dispose` detaches it from the parents. */
export function linkedAbort(...parents: (AbortSignal | undefined)[]): {
  signal: AbortSignal;
  abort: (reason: unknown) => void;
  dispose: () => void;
} {
  const controller = sharedAbort();
  const undo: (() => void)[] = [];
  for (const parent of parents) {
    if (!parent) continue;
    if (parent.aborted) {
      controller.abort(parent.reason);
      break;
    }
    const onAbort = () => controller.abort(parent.reason);
    parent.addEventListener('abort', onAbort, { once: true });
    undo.push(() => parent.removeEventListener('abort', onAbort));
  }
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    dispose: () => {
      for (const run of undo) run();
    },
  };
}
