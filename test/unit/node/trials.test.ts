import { describe, expect, it } from 'vitest';
import { createTrials, type Trials } from '../../../node/executor-thread/trials.ts';
import { Fault, type Hex, type PooledTransaction, Unavailable } from '../../../state/types.ts';

const root: Hex = `0x${'ab'.repeat(32)}`;

interface Call {
  tx: PooledTransaction;
  succeed: (value: boolean) => void;
  fail: (error: unknown) => void;
}

function stage() {
  const calls: Call[] = [];
  const missing: string[] = [];
  const faults: string[] = [];
  const clock = { ms: 0 };
  const head = { number: 5 };
  const next = { nonce: 0n };
  let changes = 0;
  const trials: Trials = createTrials({
    needsTrial: (tx) => tx.type === 0x53,
    run: (tx) => new Promise((succeed, fail) => calls.push({ tx, succeed, fail })),
    isNext: (tx) => tx.nonce === next.nonce,
    headNumber: () => head.number,
    nowMs: () => clock.ms,
    onMissing: (what) => missing.push(what.kind),
    onChange: () => {
      changes += 1;
    },
    onFault: (fault) => faults.push(fault.message),
  });
  return { trials, calls, missing, faults, clock, head, next, changes: () => changes };
}

const settle = (nonce: number, from = 'operator', type = 0x53): PooledTransaction =>
  ({
    hash: `0x${from}${nonce}`,
    from: `0x${from}`,
    nonce: BigInt(nonce),
    type,
  }) as unknown as PooledTransaction;

/** Lets promises that are settled run their continuations. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('trial runs', () => {
  it('leave ordinary transactions alone', () => {
    const { trials, calls } = stage();
    expect(trials.gate(settle(0, 'a', 2))).toEqual({ state: 'ready' });
    expect(calls.length).toBe(0);
  });

  it('B6: hold a settlement until its attribution is known', async () => {
    const { trials, calls, changes } = stage();
    expect(trials.gate(settle(0))).toMatchObject({ state: 'held' });
    expect(trials.gate(settle(0))).toMatchObject({ state: 'held' });
    expect(calls.length).toBe(1);
    calls[0]?.succeed(true);
    await settled();
    expect(changes()).toBe(1);
    expect(trials.gate(settle(0))).toEqual({ state: 'ready' });
  });

  it('B1: ask for missing bytes and try again when they arrive', async () => {
    const { trials, calls, missing } = stage();
    trials.gate(settle(0));
    calls[0]?.fail(new Unavailable({ kind: 'artifact', root }));
    await settled();
    expect(missing).toEqual(['artifact']);
    expect(trials.gate(settle(0))).toEqual({ state: 'held', reason: `waits for artifact ${root}` });
    trials.available(`artifact 0x${'00'.repeat(32)}`);
    expect(calls.length).toBe(1);
    trials.available(`artifact ${root}`);
    expect(calls.length).toBe(2);
    calls[1]?.succeed(true);
    await settled();
    expect(trials.gate(settle(0))).toEqual({ state: 'ready' });
  });

  it('let a call fail in a block only when nothing of its sender comes before it', async () => {
    const { trials, calls, head, next } = stage();
    trials.gate(settle(1));
    calls[0]?.succeed(false);
    await settled();
    expect(trials.gate(settle(1))).toMatchObject({ state: 'held', reason: 'waits for earlier transactions' });
    // The earlier one is included: a new head, and it is this one's turn.
    head.number = 6;
    next.nonce = 1n;
    expect(trials.gate(settle(1))).toMatchObject({ state: 'held' });
    expect(calls.length).toBe(2);
    calls[1]?.succeed(false);
    await settled();
    expect(trials.gate(settle(1))).toEqual({ state: 'ready' });
  });

  it('B6: give each sender sixteen, then four a second, two at a time', async () => {
    const { trials, calls, clock } = stage();
    for (let nonce = 0; nonce < 20; nonce++) trials.gate(settle(nonce));
    expect(calls.length).toBe(2);
    for (let done = 0; done < 16; done++) {
      calls[done]?.succeed(true);
      await settled();
    }
    expect(calls.length).toBe(16);
    // Somebody else is not made to wait for it.
    trials.gate(settle(0, 'other'));
    expect(calls.length).toBe(17);
    calls[16]?.succeed(true);
    await settled();
    clock.ms = 500;
    trials.tick();
    expect(calls.length).toBe(18 + 1);
  });

  it('B2: report an unexpected failure of this machine and decide nothing by it', async () => {
    const { trials, calls, faults } = stage();
    trials.gate(settle(1));
    calls[0]?.fail(new Fault('the worker died twice'));
    await settled();
    expect(faults).toEqual(['the worker died twice']);
    expect(trials.gate(settle(1))).toMatchObject({ state: 'held' });
  });

  it('forget what the pool has let go', async () => {
    const { trials, calls } = stage();
    trials.gate(settle(0));
    trials.retain(() => false);
    expect(trials.size()).toBe(0);
    calls[0]?.succeed(true);
    await settled();
    expect(trials.size()).toBe(0);
  });
});
