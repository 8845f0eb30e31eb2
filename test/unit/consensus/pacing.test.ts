import { describe, expect, it } from 'vitest';
import { buildAtMs, expectProposalAtMs } from '../../../consensus/driver/pacing.ts';
import { A, createBench, follower, NOW, PARAMETERS } from './bench.ts';

describe('when a block is made', () => {
  const pacing = {
    startMs: NOW,
    parentTimestampMs: NOW - 200,
    transactionsSinceMs: undefined,
    parentComplete: true,
  };

  it('A8: with nothing to include, the heartbeat makes one', () => {
    expect(buildAtMs(pacing, PARAMETERS)).toBe(NOW - 200 + PARAMETERS.heartbeatMs);
    expect(expectProposalAtMs(pacing, PARAMETERS)).toBe(NOW + PARAMETERS.heartbeatMs);
  });

  it('A8: after a pause of the chain, and for its first block, the heartbeat is due at once', () => {
    expect(buildAtMs({ ...pacing, parentTimestampMs: 0 }, PARAMETERS)).toBe(NOW);
  });

  it('A8: the proposer builds as soon as there is something, the others wait for gossip first', () => {
    const busy = { ...pacing, transactionsSinceMs: NOW + 30 };
    expect(buildAtMs(busy, PARAMETERS)).toBe(NOW + 30);
    expect(expectProposalAtMs(busy, PARAMETERS)).toBe(NOW + 30 + PARAMETERS.gossipGraceMs);
  });

  it('blocks keep their least distance, and a parent from the future does not stretch it', () => {
    const busy = { ...pacing, transactionsSinceMs: NOW };
    expect(buildAtMs({ ...busy, parentTimestampMs: NOW - 20 }, PARAMETERS)).toBe(NOW + 80);
    expect(buildAtMs({ ...busy, parentTimestampMs: NOW + 60_000 }, PARAMETERS)).toBe(NOW + 100);
  });

  it('A7: the proposer waits for further precommits, but not when all are there', () => {
    const busy = { ...pacing, transactionsSinceMs: NOW };
    expect(buildAtMs({ ...busy, parentComplete: false }, PARAMETERS)).toBe(NOW + PARAMETERS.commitWaitMs);
    expect(buildAtMs(busy, PARAMETERS)).toBe(NOW);
  });
});

describe('pacing of the core', () => {
  it('A8: an idle node waits without a timeout until a transaction has been held for the grace time', () => {
    const node = follower();
    node.start({ transactions: false });
    expect(node.scheduled()).toEqual([]);
    expect(node.take('wakeAt').at(-1)?.atMs).toBe(NOW + PARAMETERS.heartbeatMs);
    node.nowMs = NOW + 1_000;
    node.transactions();
    expect(node.take('wakeAt').at(-1)?.atMs).toBe(NOW + 1_000 + PARAMETERS.gossipGraceMs);
    node.nowMs += PARAMETERS.gossipGraceMs;
    node.wake();
    expect(node.scheduled()).toEqual(['propose 0']);
  });

  it('A8: the heartbeat starts the timeout of an idle node', () => {
    const node = follower();
    node.start({ transactions: false });
    node.nowMs = NOW + PARAMETERS.heartbeatMs;
    node.wake();
    expect(node.scheduled()).toEqual(['propose 0']);
  });

  it('a clock put back by an hour starts the waits anew, and does not add the hour to them', () => {
    const node = follower();
    node.start({ transactions: true });
    node.nowMs -= 3_600_000;
    node.wake();
    expect(node.scheduled()).toEqual([]);
    expect(node.take('wakeAt').at(-1)?.atMs).toBe(node.nowMs + PARAMETERS.minBlockIntervalMs);
    node.nowMs += PARAMETERS.minBlockIntervalMs;
    node.wake();
    expect(node.scheduled()).toEqual(['propose 0']);
  });

  it('A8: an idle node does not sleep through the others: prevotes of a third, or a proposal, start its timeout', () => {
    const voted = follower();
    voted.start({ transactions: false });
    voted.votes('prevote', 0, null, 0);
    expect(voted.scheduled()).toEqual([]);
    voted.votes('prevote', 0, null, 1);
    expect(voted.scheduled()).toEqual(['propose 0']);
    const proposed = follower();
    proposed.start({ transactions: false });
    proposed.proposal(0, A);
    expect(proposed.scheduled()).toEqual(['propose 0']);
  });

  it('A8: later rounds start their timeout at once', () => {
    const node = follower();
    node.start({ transactions: false });
    node.votes('prevote', 1, null, 0, 1);
    expect(node.scheduled()).toEqual(['propose 1']);
  });

  it('A7: the proposer builds early when the last precommit of the parent arrives', () => {
    const node = createBench({ self: 0 });
    node.start({ parentComplete: false });
    expect(node.take('build')).toEqual([]);
    node.nowMs = NOW + 10;
    node.parentComplete();
    expect(node.take('build')).toMatchObject([{ round: 0, timestampMs: NOW + 10 }]);
  });

  it('the proposer of a later round builds at once', () => {
    const node = createBench({ self: 1 });
    node.start({ transactions: false, parentComplete: false });
    node.votes('prevote', 1, null, 2, 3);
    expect(node.take('build')).toMatchObject([{ round: 1 }]);
  });
});
