/**
 * What must hold, written again with its own arithmetic and its own reading of the bytes: nothing here calls the
 * code under test, so that a mistake in a shared helper cannot hide.
 */
import type { CommitCertificate, Hash, ValidatorSet } from '../../consensus/types.ts';

export interface Invariants {
  /** Every message an honest key signs. */
  onSign(validator: number, message: Uint8Array): void;
  onBuilt(blockHash: Hash, height: number, parent: Hash): void;
  onCommit(
    node: string,
    height: number,
    blockHash: Hash,
    certificate: CommitCertificate,
    set: ValidatorSet,
  ): void;
  readonly violations: readonly string[];
  readonly tallest: () => number;
  /** Committed block per height. */
  readonly decided: ReadonlyMap<number, Hash>;
  readonly rounds: ReadonlyMap<number, number>;
}

interface ParsedVote {
  readonly height: number;
  readonly round: number;
  readonly type: number;
  readonly hash: string;
}

/** Reads what was signed: tag length, tag, 32 bytes, height 8, round 4, type 1, hash 32. */
function parse(message: Uint8Array): ParsedVote | undefined {
  const buffer = Buffer.from(message);
  const tagLength = buffer[0]!;
  const tag = buffer.subarray(1, 1 + tagLength).toString('latin1');
  if (!tag.includes('/vote/') && !tag.includes('/proposal/')) return undefined;
  const at = 1 + tagLength + 32;
  return {
    height: Number(buffer.readBigUInt64BE(at)),
    round: buffer.readUInt32BE(at + 8),
    type: buffer[at + 12]!,
    hash: buffer.subarray(at + 13, at + 45).toString('hex'),
  };
}

const STEP: Readonly<Record<number, string>> = {
  1: 'prevote',
  2: 'prevote',
  3: 'precommit',
  4: 'precommit',
  16: 'proposal',
};

/**
 * @param honest indexes of validators with one process; the invariants about keys are about them
 * @param powers power by validator index at the genesis; used for the lock rule only while the set stands still
 */
export function createInvariants(parts: {
  readonly honest: ReadonlySet<number>;
  readonly setAt: (height: number) => ReadonlyMap<number, bigint> | undefined;
  readonly indexOf: (address: string) => number;
  readonly isByzantine: (validator: number) => boolean;
}): Invariants {
  const violations: string[] = [];
  const signed = new Map<string, string>();
  const decided = new Map<number, Hash>();
  const rounds = new Map<number, number>();
  const built = new Map<Hash, { height: number; parent: Hash }>();
  /** height/round/hash -> validators that prevoted it. */
  const prevoters = new Map<string, Set<number>>();
  const locks = new Map<string, { round: number; hash: string }>();
  let tallest = 0;

  const fail = (what: string): void => {
    if (violations.length < 20) violations.push(what);
  };

  /** Two thirds prevoted `hash` in a round from `low` to `high`; byzantine keys may have prevoted anything. */
  const polkaBetween = (height: number, low: number, high: number, hash: string): boolean => {
    const powers = parts.setAt(height);
    if (powers === undefined) return true;
    let total = 0n;
    for (const power of powers.values()) total += power;
    for (let round = low; round <= high; round++) {
      let sum = 0n;
      const voters = prevoters.get(`${height}/${round}/${hash}`);
      for (const [validator, power] of powers)
        if (voters?.has(validator) || parts.isByzantine(validator)) sum += power;
      if (sum * 3n > total * 2n) return true;
    }
    return false;
  };

  return {
    violations,
    decided,
    rounds,
    tallest: () => tallest,
    onSign(validator, message) {
      const vote = parse(message);
      if (vote === undefined) return;
      const { height, round, type, hash } = vote;
      const step = STEP[type]!;
      if (step === 'prevote' && type === 1) {
        const key = `${height}/${round}/${hash}`;
        const voters = prevoters.get(key) ?? new Set();
        voters.add(validator);
        prevoters.set(key, voters);
      }
      if (!parts.honest.has(validator)) return;
      const place = `${validator}/${height}/${round}/${step}`;
      const content = Buffer.from(message).toString('hex');
      const earlier = signed.get(place);
      if (earlier !== undefined && earlier !== content)
        fail(`DOUBLE SIGN: validator ${validator} signed two ${step}s at height ${height} round ${round}`);
      signed.set(place, content);
      const lockKey = `${validator}/${height}`;
      const lock = locks.get(lockKey);
      if (type === 1 && lock !== undefined && lock.hash !== hash && round > lock.round)
        if (!polkaBetween(height, lock.round, round - 1, hash))
          fail(
            `LOCK BROKEN: validator ${validator} precommitted ${lock.hash.slice(0, 8)} in round ${lock.round} and prevoted ${hash.slice(0, 8)} in round ${round} of height ${height} without a polka in between`,
          );
      if (type === 3) {
        if (!polkaBetween(height, round, round, hash))
          fail(
            `NO POLKA: validator ${validator} precommitted ${hash.slice(0, 8)} at height ${height} round ${round} without two thirds of prevotes`,
          );
        if (lock === undefined || round >= lock.round) locks.set(lockKey, { round, hash });
      }
    },
    onBuilt(blockHash, height, parent) {
      built.set(blockHash, { height, parent });
    },
    onCommit(node, height, blockHash, certificate, set) {
      const other = decided.get(height);
      if (other !== undefined && other !== blockHash)
        fail(`DISAGREEMENT at height ${height}: ${node} committed ${blockHash}, another ${other}`);
      decided.set(height, blockHash);
      if (!rounds.has(height)) rounds.set(height, certificate.round);
      tallest = Math.max(tallest, height);
      const origin = built.get(blockHash);
      if (origin === undefined) fail(`INVENTED BLOCK: nobody built ${blockHash} (${node}, height ${height})`);
      else if (origin.height !== height)
        fail(`WRONG HEIGHT: ${blockHash} was built for ${origin.height}, committed at ${height}`);
      else if (height > 1 && origin.parent !== decided.get(height - 1))
        fail(`BROKEN CHAIN at height ${height} on ${node}`);
      let power = 0n;
      let total = 0n;
      for (const [i, validator] of set.validators.entries()) {
        total += validator.power;
        if (((certificate.bitmap[Math.floor(i / 8)]! >> (i % 8)) & 1) === 1) power += validator.power;
      }
      if (power * 3n <= total * 2n) fail(`LIGHT CERTIFICATE at height ${height}: ${power} of ${total}`);
      if (certificate.height !== height || certificate.blockHash !== blockHash)
        fail(`CERTIFICATE OF ANOTHER BLOCK at height ${height}`);
    },
  };
}
