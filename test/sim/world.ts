/**
 * Virtual time and a running digest. Events happen in the order of their time and, at the same time, of their
 * making; each one is mixed into the digest, so that two runs of a seed can be compared by one number.
 */
export interface World {
  nowMs(): number;
  /** Runs `work` at `atMs`, or now if that has passed. */
  at(atMs: number, work: () => void): { cancel(): void };
  /** Mixes something that happened into the digest. */
  note(what: string): void;
  noteBytes(bytes: Uint8Array): void;
  /** Real work that a process waits for: virtual time stands still until it is done. */
  hold(work: Promise<unknown>): void;
  /** Runs events until `done()` or until `untilMs`. False if time ran out first. */
  run(untilMs: number, done?: () => boolean): Promise<boolean>;
  digest(): string;
  events(): number;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  work: (() => void) | undefined;
}

/** A million events is a hundred times what a seed needs: then something loops. */
const MAX_EVENTS = 3_000_000;

/** Events between two turns of the machine's own event loop. */
const EVENTS_A_TURN = 1_000;

export function createWorld(startMs: number): World {
  const heap: Event[] = [];
  let now = startMs;
  let order = 0;
  let count = 0;
  let low = 0x811c9dc5;
  let high = 0x1234567;
  const held = new Set<Promise<unknown>>();

  const mix = (value: number): void => {
    low = Math.imul(low ^ value, 0x01000193);
    high = Math.imul(high ^ (value + low), 0x85ebca6b);
    high ^= high >>> 13;
  };
  const before = (x: Event, y: Event) => x.atMs < y.atMs || (x.atMs === y.atMs && x.order < y.order);

  const push = (event: Event): void => {
    heap.push(event);
    let i = heap.length - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!before(heap[i]!, heap[up]!)) break;
      [heap[i], heap[up]] = [heap[up]!, heap[i]!];
      i = up;
    }
  };
  const pop = (): Event => {
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      for (let i = 0; ; ) {
        let least = i;
        for (const child of [2 * i + 1, 2 * i + 2])
          if (child < heap.length && before(heap[child]!, heap[least]!)) least = child;
        if (least === i) break;
        [heap[i], heap[least]] = [heap[least]!, heap[i]!];
        i = least;
      }
    }
    return top;
  };

  return {
    nowMs: () => now,
    at(atMs, work) {
      const event: Event = { atMs: Math.max(Math.floor(atMs), now), order: order++, work };
      push(event);
      return {
        cancel() {
          event.work = undefined;
        },
      };
    },
    note(what) {
      for (let i = 0; i < what.length; i++) mix(what.charCodeAt(i));
    },
    noteBytes(bytes) {
      for (const byte of bytes) mix(byte);
    },
    hold(work) {
      const done: Promise<unknown> = work.catch(() => {}).then(() => held.delete(done));
      held.add(done);
    },
    async run(untilMs, done = () => false) {
      while (heap.length > 0 && heap[0]!.atMs <= untilMs) {
        const event = pop();
        if (event.work === undefined) continue;
        now = event.atMs;
        mix(now);
        if (++count > MAX_EVENTS) throw new Error(`more than ${MAX_EVENTS} events`);
        if (count % EVENTS_A_TURN === 0) await turned();
        event.work();
        // Promises settle before the next event: everything asynchronous in the shell ends in a virtual event.
        await settled();
        while (held.size > 0) {
          await Promise.all(held);
          await settled();
        }
        if (done()) return true;
      }
      now = Math.max(now, untilMs);
      return false;
    },
    digest: () => (high >>> 0).toString(16).padStart(8, '0') + (low >>> 0).toString(16).padStart(8, '0'),
    events: () => count,
  };
}

/** Node runs a tick when no promise is left that could go on; that costs a fraction of a turn of its event loop. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** Lets timers, messages and files of the machine have their turn. */
function turned(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
