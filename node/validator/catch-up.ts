/**
 * Catching up by ranges of certified blocks. Ranges are fetched from several peers at once and executed in order:
 * the certificate is checked against the set that state names, then the block is checked and committed. A peer
 * that serves something wrong is penalised and its range asked from another.
 */
import { verifyCertificate } from '../../consensus/certificate.ts';
import { ConsensusError } from '../../consensus/errors.ts';
import { asHeight, type CommitCertificate, type Hash, type Height } from '../../consensus/types.ts';
import { shuffled } from './blocks.ts';
import { LIMITS } from './limits.ts';
import { type CertifiedBlock, decodeRangeAnswer, encodeRangeQuestion } from './messages.ts';
import type { App, BlsVerifier, Cancel, Clock, Head, Log, Net, PeerId, Random } from './ports.ts';

export interface CatchUp {
  /** A peer says that its head is at `height`. Starts the work if that is ahead of ours. */
  peerAt(peer: PeerId, height: Height): void;
  /** Height of the best peer while ranges are being fetched. */
  target(): Height | undefined;
  stop(): void;
}

interface Fetched {
  readonly peer: PeerId;
  readonly blocks: readonly CertifiedBlock[];
}

/** Part of what is missing, asked from one peer after the other. */
interface Range {
  readonly from: Height;
  readonly count: number;
  /** Peers that have been asked and owe an answer. */
  pending: number;
  isSettled: boolean;
  cancelPatience: Cancel | undefined;
}

/**
 * @param claim asked right before a commit. True: consensus at this height has stood down, and nobody else commits
 *   until `onCommitted`. False: the height is already committed. Consensus is not disturbed before: a peer that only
 *   claims to be ahead must not be able to stop it.
 * @param onSilence the next block is waited for, and nobody else claims it: consensus goes on from the head meanwhile
 * @param onEnd consensus goes on from the head
 */
export function createCatchUp(parts: {
  readonly app: App;
  readonly bls: BlsVerifier;
  readonly clock: Clock;
  readonly random: Random;
  readonly net: Net;
  readonly log: Log;
  readonly genesisHash: Hash;
  readonly claim: (height: Height) => Promise<boolean>;
  readonly onCommitted: (head: Head, certificate: CommitCertificate) => void;
  readonly onSilence: () => void;
  readonly onEnd: () => void;
  readonly onFault: (error: unknown) => void;
}): CatchUp {
  const { app, net } = parts;
  const peerHeights = new Map<PeerId, Height>();
  /** Peers that claimed a height and served nothing of it, or something else: not believed until `untilMs`, longer each time. */
  const doubts = new Map<PeerId, { failures: number; untilMs: number }>();
  let target: Height | undefined;
  let stopped = false;

  const pause = (delayMs: number) =>
    new Promise<void>((resolve) => void parts.clock.setTimer(delayMs, resolve));

  const forgetTheGone = (): void => {
    const connected = new Set(net.peers());
    for (const peer of peerHeights.keys()) if (!connected.has(peer)) peerHeights.delete(peer);
    for (const peer of doubts.keys()) if (!connected.has(peer)) doubts.delete(peer);
  };

  /** Peers that have `height`, best guess first in random order. */
  const holders = (height: number): PeerId[] => {
    forgetTheGone();
    return shuffled([...peerHeights.keys()], parts.random).filter((peer) => peerHeights.get(peer)! >= height);
  };

  /**
   * While the best claim is ahead, consensus waits. A peer that only claims must not keep it waiting: the others bring
   * a new block in each turn, so that the turns alone would never end.
   */
  const doubt = (peer: PeerId): void => {
    peerHeights.delete(peer);
    const failures = (doubts.get(peer)?.failures ?? 0) + 1;
    const pauseMs = Math.min(LIMITS.minDoubtMs << Math.min(failures - 1, 16), LIMITS.maxDoubtMs);
    doubts.set(peer, { failures, untilMs: parts.clock.nowMs() + pauseMs });
  };

  /** One block pays for one failure: a peer that serves a block between two long silences is not as good as new. */
  const trust = (peer: PeerId): void => {
    const failures = (doubts.get(peer)?.failures ?? 0) - 1;
    if (failures > 0) doubts.set(peer, { failures, untilMs: 0 });
    else doubts.delete(peer);
  };

  const isDoubted = (peer: PeerId): boolean => {
    const found = doubts.get(peer);
    const leftMs = found === undefined ? 0 : found.untilMs - parts.clock.nowMs();
    // More is left only where the clock was put back.
    return leftMs > 0 && leftMs <= LIMITS.maxDoubtMs;
  };

  const readRange = (peer: PeerId, range: Range, bytes: Uint8Array | undefined): Fetched | undefined => {
    if (bytes === undefined) {
      doubt(peer);
      return undefined;
    }
    try {
      const answer = decodeRangeAnswer(bytes);
      if (!isDoubted(peer)) peerHeights.set(peer, answer.headHeight);
      const inOrder = answer.blocks.every((block, i) => block.certificate.height === range.from + i);
      if (!inOrder || answer.blocks.length > range.count)
        throw new ConsensusError('MALFORMED', 'not the range asked for');
      // It was asked because it had claimed this height, and heads do not go back.
      if (answer.blocks.length === 0) doubt(peer);
      return { peer, blocks: answer.blocks };
    } catch {
      net.penalise(peer, 'BAD_ANSWER');
      doubt(peer);
      return undefined;
    }
  };

  /**
   * Fetches the next ranges from different peers at the same time. Once one has come, the others get a little more time:
   * the slowest peer must not set the pace. Where one is silent for as long and another claims its range by then, that
   * one is asked too, and who answers first is taken.
   */
  const fetchAhead = (from: number, until: number): Promise<Fetched[]> =>
    new Promise((resolve) => {
      const ranges: Range[] = [];
      const came: (Fetched | undefined)[] = [];
      const asked = new Set<PeerId>();
      /** Peers that owe an answer, and since when. */
      const owing = new Map<PeerId, number>();
      let cancelWait: Cancel | undefined;
      let unsettled = 0;

      const finish = (): void => {
        cancelWait?.();
        for (const range of ranges) range.cancelPatience?.();
        // Who was asked a moment ago is not late.
        for (const [peer, sinceMs] of owing)
          if (parts.clock.nowMs() - sinceMs >= LIMITS.stragglerMs) doubt(peer);
        // What they still send is not looked at.
        owing.clear();
        resolve(came.filter((one) => one !== undefined));
      };
      const settle = (range: Range, fetched: Fetched | undefined): void => {
        range.isSettled = true;
        range.cancelPatience?.();
        came[ranges.indexOf(range)] = fetched;
        unsettled--;
        if (unsettled === 0) finish();
        else if (fetched !== undefined)
          cancelWait ??= parts.clock.setTimer(LIMITS.stragglerMs, () => {
            cancelWait = undefined;
            finish();
          });
      };
      const ask = (range: Range, peer: PeerId): void => {
        asked.add(peer);
        owing.set(peer, parts.clock.nowMs());
        range.pending++;
        void net.request(peer, 'range', encodeRangeQuestion(range)).then((bytes) => {
          if (!owing.delete(peer)) return;
          range.pending--;
          const fetched = readRange(peer, range, bytes);
          if (range.isSettled) return;
          if (fetched !== undefined && fetched.blocks.length > 0) settle(range, fetched);
          else if (range.pending === 0) settle(range, undefined);
        });
      };
      const lookForAnother = (range: Range): void => {
        if (stopped) return;
        const another = holders(range.from).find((peer) => !asked.has(peer));
        if (another !== undefined) ask(range, another);
        else if (range.from === app.head().height + 1) parts.onSilence();
        range.cancelPatience = parts.clock.setTimer(LIMITS.stragglerMs, () => lookForAnother(range));
      };

      for (const [i, peer] of holders(from).slice(0, LIMITS.maxRangesInFlight).entries()) {
        const start = from + i * LIMITS.maxRangeBlocks;
        if (start > until || start > peerHeights.get(peer)!) break;
        const count = Math.min(LIMITS.maxRangeBlocks, until - start + 1);
        ranges.push({
          from: asHeight(start),
          count,
          pending: 0,
          isSettled: false,
          cancelPatience: undefined,
        });
        asked.add(peer);
      }
      unsettled = ranges.length;
      if (unsettled === 0) return finish();
      for (const [i, peer] of [...asked].entries()) {
        const range = ranges[i]!;
        ask(range, peer);
        range.cancelPatience = parts.clock.setTimer(LIMITS.stragglerMs, () => lookForAnother(range));
      }
    });

  /** True if the block was committed. */
  const apply = async (block: CertifiedBlock, peer: PeerId): Promise<boolean> => {
    const { certificate, bytes } = block;
    const head = app.head();
    if (certificate.height !== head.height + 1) return false;
    const problem = verifyCertificate(
      head.validators,
      parts.genesisHash,
      certificate,
      parts.bls.fastAggregateVerify,
    );
    if (problem !== undefined) {
      net.penalise(peer, 'BAD_CERTIFICATE');
      doubt(peer);
      return false;
    }
    const { blockHash } = certificate;
    for (let attempt = 0; !stopped; attempt++) {
      const check = await app.check({ blockHash, bytes });
      if (stopped) return false;
      if (app.head().height >= certificate.height) return true;
      if (check.answer === 'valid') {
        if (!(await parts.claim(certificate.height))) return app.head().height >= certificate.height;
        parts.onCommitted(await app.commit({ blockHash, bytes, certificate }), certificate);
        trust(peer);
        return true;
      }
      if (check.answer === 'mismatch') {
        net.penalise(peer, 'WRONG_BLOCK');
        doubt(peer);
        return false;
      }
      if (check.answer === 'invalid')
        throw new Error(
          `CERTIFIED_BLOCK_INVALID: block ${certificate.height} carries a quorum, and this node finds it invalid (${check.code}); do the versions and genesis files agree?`,
        );
      // Rule B1: a certified block is waited for without limit.
      await pause(Math.min(LIMITS.retryMs << Math.min(attempt, 10), LIMITS.maxRetryMs));
    }
    return false;
  };

  const applyAll = async (ranges: readonly Fetched[]): Promise<boolean> => {
    let moved = false;
    for (const range of ranges)
      for (const block of range.blocks) {
        if (stopped) return moved;
        if (!(await apply(block, range.peer))) {
          if (block.certificate.height > app.head().height) return moved;
          continue;
        }
        moved = true;
      }
    return moved;
  };

  const work = async (): Promise<void> => {
    let fruitless = 0;
    while (!stopped) {
      const from = app.head().height + 1;
      const until = Math.max(0, ...[...peerHeights.values()]);
      target = until >= from ? asHeight(until) : undefined;
      if (target === undefined || fruitless >= 3) return;
      const ranges = await fetchAhead(from, until);
      fruitless = (await applyAll(ranges)) ? 0 : fruitless + 1;
      if (fruitless > 0) await pause(LIMITS.retryMs);
    }
  };

  return {
    peerAt(peer, height) {
      if (stopped || isDoubted(peer)) return;
      // A node that is never behind never looks for holders, and strangers come and go.
      if (!peerHeights.has(peer)) forgetTheGone();
      peerHeights.set(peer, height);
      if (target !== undefined || height <= app.head().height) return;
      target = height;
      parts.log('info', 'catching up', { from: app.head().height + 1, to: height });
      work()
        .then(() => {
          target = undefined;
          if (!stopped) parts.onEnd();
        })
        .catch((error) => {
          target = undefined;
          if (!stopped) parts.onFault(error);
        });
    },
    target: () => target,
    stop() {
      stopped = true;
    },
  };
}
