import { describe, expect, it } from 'vitest';
import {
  APART_METHODS,
  type ApartAnswer,
  createApart,
  type Lane,
  type LaneThread,
} from '../../../rpc/apart.ts';
import { DEFAULT_LIMITS } from '../../../rpc/limits.ts';
import { chosenMethods, NAMESPACES_APART } from '../../../rpc/methods/index.ts';

const limits = {
  ...DEFAULT_LIMITS,
  callTimeoutMs: 150,
  traceTimeoutMs: 150,
  scanTimeoutMs: 300,
  readerIdleMs: 40,
  readerWornMs: 50,
  maxHeavyQueue: 2,
};

/** Threads that answer with the parameters, one call after the other; or not at all when asked with 'hang'. */
function threads({ failingStarts = 0 } = {}) {
  const started: Lane[] = [];
  let toFail = failingStarts;
  let alive = 0;
  let most = 0;
  const reported: string[] = [];
  const apart = createApart({
    limits,
    report: (_, method) => reported.push(method),
    start(lane): LaneThread {
      if (toFail-- > 0) throw new Error('no memory for a thread');
      started.push(lane);
      alive += 1;
      let last: Promise<unknown> = Promise.resolve();
      const work = async (params: unknown): Promise<ApartAnswer> => {
        if (params === 'hang') return await new Promise<never>(() => {});
        if (params !== 'quick')
          await new Promise((resolve) => setTimeout(resolve, params === 'slow' ? 10 : 2));
        if (params === 'die') throw new Error('out of memory');
        if (params === 'refuse') return { error: { code: 3, message: 'execution reverted', data: '0x' } };
        return { body: JSON.stringify(params) };
      };
      let held = 0;
      return {
        answer(_, params) {
          held += 1;
          most = Math.max(most, held);
          const answered = last.then(() => work(params)).finally(() => (held -= 1));
          last = answered.catch(() => {});
          return answered;
        },
        async end() {
          alive -= 1;
        },
      };
    },
  });
  return { apart, started, reported, alive: () => alive, most: () => most };
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    ({ code, message }) => ({ code, message }),
  );

describe('calls that run apart', () => {
  it('are answered one at a time per lane, each lane by its own thread', async () => {
    const { apart, started, most } = threads();
    const answers = await Promise.all(['slow', 'slow', 'slow'].map((text) => apart.run('eth_call', text)));
    expect(answers).toEqual(['"slow"', '"slow"', '"slow"']);
    expect(most()).toBe(1);
    await apart.run('eth_getProof', 4);
    await apart.run('debug_traceTransaction', 5);
    expect(started).toEqual(['call', 'scan', 'trace']);
    await apart.close();
  });

  it('are with the thread ahead of their turn while they are short, and only then', async () => {
    const { apart, most } = threads();
    await apart.run('eth_call', 'quick');
    await Promise.all([1, 2, 3].map(() => apart.run('eth_call', 'quick')));
    expect(most()).toBeGreaterThan(1);
    await apart.close();
  });

  it('are all answered when no thread can be started: the first is told so, the next one tries again', async () => {
    const { apart, reported } = threads({ failingStarts: 1 });
    const [first, second] = await Promise.allSettled([apart.run('eth_call', 1), apart.run('eth_call', 2)]);
    expect(first).toMatchObject({ status: 'rejected', reason: { code: -32000 } });
    expect(second).toMatchObject({ status: 'fulfilled', value: '2' });
    expect(reported).toEqual(['eth_call']);
    await apart.close();
  });

  it('go to the next thread when the one before them hangs, or dies', async () => {
    for (const fatal of ['hang', 'die']) {
      const { apart, started, reported } = threads();
      await apart.run('eth_call', 'quick');
      const failed = failureOf(apart.run('eth_call', fatal));
      const behind = [apart.run('eth_call', 1), apart.run('eth_call', 2)];
      expect(await failed).toMatchObject({ code: -32000 });
      expect(await Promise.all(behind)).toEqual(['1', '2']);
      expect(started).toEqual(['call', 'call']);
      expect(reported).toEqual(fatal === 'die' ? ['eth_call'] : []);
      await apart.close();
    }
  });

  it('that take too long get the words of geth, and their thread is ended', async () => {
    const { apart, started, alive } = threads();
    expect(await failureOf(apart.run('eth_call', 'hang'))).toEqual({
      code: -32000,
      message: 'execution aborted (timeout = 150ms)',
    });
    expect(await failureOf(apart.run('debug_traceTransaction', 'hang'))).toEqual({
      code: -32000,
      message: 'execution timeout',
    });
    expect(await failureOf(apart.run('eth_getLogs', 'hang'))).toEqual({
      code: -32002,
      message: 'request timed out',
    });
    expect(alive()).toBe(0);
    expect(await apart.run('eth_call', 'next')).toBe('"next"');
    expect(started).toEqual(['call', 'trace', 'scan', 'call']);
    await apart.close();
    expect(alive()).toBe(0);
  });

  it('are refused when too many wait, and given up when they waited too long', async () => {
    const { apart } = threads();
    const first = failureOf(apart.run('debug_traceBlockByNumber', 'hang'));
    const second = failureOf(apart.run('debug_traceBlockByNumber', 'hang'));
    const third = failureOf(apart.run('debug_traceCall', 1));
    expect(await failureOf(apart.run('debug_traceCall', 2))).toEqual({
      code: -32005,
      message: 'limit exceeded: calls waiting (limit 2)',
    });
    expect(await first).toEqual({ code: -32002, message: 'request timed out' });
    expect(await second).toEqual({ code: -32002, message: 'request timed out' });
    // Behind two that used all of their time.
    expect(await third).toEqual({ code: -32002, message: 'request timed out' });
    await apart.close();
  });

  it('keep their errors; a thread that dies takes one call with it', async () => {
    const { apart, reported } = threads();
    expect(await failureOf(apart.run('eth_estimateGas', 'refuse'))).toEqual({
      code: 3,
      message: 'execution reverted',
    });
    expect(await failureOf(apart.run('eth_call', 'die'))).toMatchObject({ code: -32000 });
    expect(reported).toEqual(['eth_call']);
    expect(await apart.run('eth_call', 1)).toBe('1');
    await apart.close();
  });

  it('end the thread of traces when nobody needs it; those of calls and scans stay', async () => {
    const { apart, alive } = threads();
    await Promise.all([
      apart.run('eth_call', 1),
      apart.run('eth_getLogs', 1),
      apart.run('ots_traceTransaction', 1),
    ]);
    expect(alive()).toBe(3);
    await new Promise((resolve) => setTimeout(resolve, 3 * limits.readerIdleMs));
    expect(alive()).toBe(2);
    await apart.close();
  });

  it('find the threads that stay warm, if there was time', async () => {
    const { apart, started } = threads();
    await apart.warm();
    expect(started).toEqual(['call', 'scan']);
    await Promise.all([apart.run('eth_call', 1), apart.run('eth_getProof', 1)]);
    expect(started).toEqual(['call', 'scan']);
    await apart.close();
    await apart.warm();
    expect(started).toEqual(['call', 'scan']);
  });

  it('leave a fresh thread of calls behind when they took long', async () => {
    const { apart, started, alive } = threads();
    for (let n = 0; n < 40; n++) await apart.run('eth_call', n);
    await new Promise((resolve) => setTimeout(resolve, 3 * limits.readerIdleMs));
    expect(started).toEqual(['call', 'call']);
    expect(alive()).toBe(1);
    await apart.close();
  });

  it('are left out when nobody waits for them any more', async () => {
    const { apart } = threads();
    const client = new AbortController();
    const first = apart.run('eth_call', 1);
    const second = failureOf(apart.run('eth_call', 'hang', client.signal));
    client.abort();
    expect(await first).toBe('1');
    expect(await second).toEqual({ code: -32000, message: 'the client is gone' });
    await apart.close();
  });

  it('fail when the node stops', async () => {
    const { apart, alive } = threads();
    const hanging = failureOf(apart.run('eth_getLogs', 'hang'));
    const waiting = failureOf(apart.run('eth_getLogs', 1));
    await apart.close();
    expect(alive()).toBe(0);
    expect(await waiting).toEqual({ code: -32000, message: 'the node is stopping' });
    expect(await hanging).toBeDefined();
    expect(await failureOf(apart.run('eth_call', 1))).toEqual({
      code: -32000,
      message: 'the node is stopping',
    });
  });

  it('are methods that exist', () => {
    const methods = chosenMethods(DEFAULT_LIMITS, NAMESPACES_APART);
    for (const name of APART_METHODS) expect(methods[name]?.heavy, name).toBe(true);
  });
});
