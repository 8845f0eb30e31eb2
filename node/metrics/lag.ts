/** How late this thread's event loop runs: the number that tells a busy node from a slow one. */
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';

export interface LagReport {
  /** Seconds beyond the sampling period. */
  p50: number;
  p99: number;
  max: number;
}

export interface LagMeter {
  /** Since the last call of `read`. */
  read(): LagReport;
  stop(): void;
}

/** Sampling period. Node counts it into what it measures, so it is taken off again. */
const RESOLUTION_MS = 10;

export function createLagMeter(): LagMeter {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const seconds = (nanoseconds: number): number =>
    Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3) : 0;
  return {
    read() {
      const report = {
        p50: seconds(histogram.percentile(50)),
        p99: seconds(histogram.percentile(99)),
        max: seconds(histogram.max),
      };
      histogram.reset();
      return report;
    },
    stop: () => histogram.disable(),
  };
}

/** Calls `onPause` with the seconds of each pause of this thread's garbage collector. */
export function watchCollector(onPause: (seconds: number) => void): { stop(): void } {
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) onPause(duration / 1000);
  });
  observer.observe({ entryTypes: ['gc'] });
  return { stop: () => observer.disconnect() };
}
