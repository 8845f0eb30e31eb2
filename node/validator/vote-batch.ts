/**
 * Checks vote signatures in batches: all votes for the same thing of the same round cost about one verification.
 * If a batch is wrong it is halved until the wrong ones stand alone.
 */
import { voteSignBytes, voteTypeByte } from '../../consensus/sign-bytes.ts';
import type { Hash, Vote } from '../../consensus/types.ts';
import { LIMITS } from './limits.ts';
import type { BlsVerifier, Cancel, Clock } from './ports.ts';

/** `unneeded`: well signed, but of no use any more, or not looked at (the queue is full or was cleared). */
export type VoteVerdict = 'taken' | 'unneeded' | 'forged';

interface Pending {
  readonly vote: Vote;
  readonly publicKey: Uint8Array;
  readonly done: (verdict: VoteVerdict) => void;
}

export interface VoteBatch {
  check(vote: Vote, publicKey: Uint8Array): Promise<VoteVerdict>;
  clear(): void;
}

/**
 * @param onVerified called for each good vote, in order of arrival, before any promise of the batch resolves; answers
 *   whether it was of use
 */
export function createVoteBatch(parts: {
  readonly clock: Clock;
  readonly bls: BlsVerifier;
  readonly genesisHash: Hash;
  readonly onVerified: (vote: Vote) => boolean;
}): VoteBatch {
  let pending: Pending[] = [];
  let cancel: Cancel | undefined;

  const flush = () => {
    cancel = undefined;
    const batch = pending;
    pending = [];
    const good = new Set<Pending>();
    for (const group of groupByMessage(batch)) {
      const message = voteSignBytes(parts.genesisHash, group[0]!.vote);
      for (const one of goodOnes(parts.bls, message, group)) good.add(one);
    }
    const taken = new Set(batch.filter((one) => good.has(one) && parts.onVerified(one.vote)));
    for (const one of batch) one.done(!good.has(one) ? 'forged' : taken.has(one) ? 'taken' : 'unneeded');
  };

  return {
    check(vote, publicKey) {
      if (pending.length >= LIMITS.maxPendingVotes) return Promise.resolve('unneeded');
      cancel ??= parts.clock.setTimer(0, flush);
      return new Promise((resolve) => {
        pending.push({ vote, publicKey, done: resolve });
      });
    },
    clear() {
      cancel?.();
      cancel = undefined;
      const dropped = pending;
      pending = [];
      for (const one of dropped) one.done('unneeded');
    },
  };
}

function groupByMessage(batch: readonly Pending[]): Pending[][] {
  const groups = new Map<string, Pending[]>();
  for (const one of batch) {
    const { vote } = one;
    const key = `${vote.height}/${vote.round}/${voteTypeByte(vote)}/${vote.blockHash}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()];
}

function goodOnes(bls: BlsVerifier, message: Uint8Array, group: readonly Pending[]): readonly Pending[] {
  const keys = group.map((one) => one.publicKey);
  const signatures = group.map((one) => one.vote.signature);
  if (bls.verifyEach(message, keys, signatures)) return group;
  if (group.length === 1) return [];
  const middle = group.length >> 1;
  return [...goodOnes(bls, message, group.slice(0, middle)), ...goodOnes(bls, message, group.slice(middle))];
}
