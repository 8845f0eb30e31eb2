/**
 * What must hold, written again with its own arithmetic and its own reading of the bytes: nothing here calls the
 * code under test, so that a mistake in a shared helper cannot hide.
 */
import type { CommitCertificate, Hash, ValidatorSet } from '../../consensus/types.ts';
import type { BlockFacts, Outcome } from './kit.ts';

/** Name, as it is printed when broken, and what it says. docs/simulator.md shows this list. */
export const INVARIANTS = {
  AGREEMENT: 'no two correct nodes commit different blocks at one height',
  'INVENTED BLOCK': 'what is committed or prevoted was built by a validator, for that height',
  'BROKEN CHAIN': 'each committed block names the one committed before it as its parent',
  'INVALID BLOCK': 'no correct node prevotes or commits a block that breaks a rule',
  'OUT OF ORDER': 'a node commits one height after the other, each once',
  'LIGHT CERTIFICATE':
    'a certificate holds strictly more than two thirds of the power of the set of its height',
  'FALSE CERTIFICATE': 'whoever a certificate names has signed this very precommit',
  'DOUBLE SIGN': 'a correct key never signs two messages for one height, round and step',
  'WENT BACK': 'a correct key never signs for a place behind one it has signed for',
  'NO POLKA': 'a correct key precommits a block only with two thirds of prevotes for it in that round',
  'LOCK BROKEN': 'after a precommit, another block is prevoted only after a later polka for it',
  'VALUE DROPPED': 'whoever has precommitted a block in a height proposes no new one in it',
  'FALSE VALID ROUND': 'a correct proposer names as validRound only a round with a polka for the block',
  'STALE PREVOTE': 'a block of an earlier round is prevoted only after a polka for it',
  'OUT OF TURN': 'blocks and proposals come from whose turn it is, by a rotation computed here',
  'TIME RAN BACK': 'no time stamp is older than its parent, or newer than the fastest correct clock',
  'INNOCENT ACCUSED': 'evidence names only keys that signed two things, and the two halves conflict',
  'INNOCENT BLAMED': 'no correct node penalises a correct node',
  STATE: 'all nodes have the same state root after each height',
  RECEIPTS: 'all nodes have the same receipts root after each height',
  SUPPLY: 'the transfers neither make nor destroy money, and no balance is negative',
  NONCE: 'transactions of an account are included in the order of their nonces, each once',
  QUEUES: 'timers, open requests, message sizes and the log of a node stay within their bounds',
  FLOOD: 'a node passes on, of one key for one place, at most a few different messages',
  FORGERY:
    'nobody correct finds a message right that its author has not signed, or not for this chain and purpose',
  'OFFENCE IGNORED': 'a node that hears a key contradict itself at its height reports the evidence',
  'HASTY NIL': 'whoever refuses a block has judged one of that height: unknown is not invalid',
  'HASTY TIMEOUT':
    'the clock of a vote that failed starts, and nil follows nil, only with two thirds of the power',
  'HASTY SKIP':
    'a round is left for a later one only with messages of more than a third of the power in that one',
  'ASKED IN VAIN': 'once calm, whoever claimed blocks and served none is left alone for a while',
  'LIAR FIRST':
    'once calm, whoever served something else for a block is asked for it again only after the others',
  'REPLAY DIFFERS': 'replaying a log twice gives the same state and the same effects',
  'LOG DOES NOT EXPLAIN': 'the log of a crashed node leads to the last message its key signed',
  'SIGNED ON A FAILED DISK': 'after a write has failed, this life of the node signs nothing',
  'DAMAGE UNNOTICED':
    'a node whose last-signed record or whose log (but for its end) is damaged does not start',
  HALTED: 'a correct node does not stop by itself, unless its disk failed',
  'DID NOT START': 'a correct node starts after any crash',
  'NO PROGRESS': 'after the storm, every live correct node adds blocks and votes again',
  SLOW: 'after the storm, each height takes at most a stated number of rounds',
  LAZY: 'once calm, and where nothing is wrong with anybody, each height is decided in its first round',
  DIGEST: 'the same seed gives the same events',
} as const;
export type InvariantName = keyof typeof INVARIANTS;

export interface Invariants {
  /** Something broke; `detail` says where. */
  fail(name: InvariantName, detail: string): void;
  /** Every message a key signs. */
  onSign(validator: number, message: Uint8Array, nowMs: number): void;
  onBuilt(blockHash: Hash, facts: BlockFacts, builder: number): void;
  onCommit(
    node: string,
    height: number,
    blockHash: Hash,
    certificate: CommitCertificate,
    set: ValidatorSet,
    outcome: Outcome,
    nowMs: number,
  ): void;
  /** The chain of this node is at genesis again. */
  onWipe(node: string): void;
  onEvidence(node: string, evidence: Uint8Array): void;
  onLoad(node: string, load: Load): void;
  /** A node found a gossiped message new and right, and hands it on; `at` is the height it works on, 0 if unknown. */
  onAccepted(node: string, life: number, kind: 'votes' | 'proposal', bytes: Uint8Array, at: number): void;
  /** The executor of a node knows whether a block of this height is valid. */
  onJudged(node: string, height: number): void;
  /** A line of the algorithm was taken; `round` is the one after it. */
  onBranch(node: string, height: number, round: number, branch: string): void;
  /** Whether this honest validator's key has ever signed. */
  hasSigned(validator: number): boolean;
  readonly violations: readonly string[];
  readonly tallest: () => number;
  /** Committed block per height. */
  readonly decided: ReadonlyMap<number, Hash>;
  readonly rounds: ReadonlyMap<number, number>;
  readonly isIncluded: (transaction: string) => boolean;
  /** Validators that evidence was reported against. */
  readonly accused: ReadonlySet<number>;
}

export interface Load {
  readonly timers: number;
  readonly requests: number;
  readonly logBytes: number;
  readonly messageBytes: number;
}

/** Far above what a correct node needs in these networks of at most 21 processes, far below what hurts. */
const MOST: Load = { timers: 400, requests: 400, logBytes: 8 << 20, messageBytes: 2 << 20 };

/**
 * Votes of one key for one height, round and type, and proposals for one height and round: two prove equivocation, a
 * few more may have others behind them, and eight votes of the next height wait for their turn.
 */
const MOST_ACCEPTED = { votes: 14, proposal: 6 } as const;

interface Signed {
  readonly height: number;
  readonly round: number;
  readonly type: number;
  readonly hash: string;
  /** Of proposals: -1 if the value is new. */
  readonly validRound: number;
}

/** Reads what was signed: tag length, tag, 32 bytes, height 8, round 4, type 1, hash 32, of proposals time 8, validRound+1 4. */
function parse(message: Uint8Array): Signed | undefined {
  const buffer = Buffer.from(message.buffer, message.byteOffset, message.length);
  const tagLength = buffer[0]!;
  const tag = buffer.toString('latin1', 1, 1 + tagLength);
  const isProposal = tag.includes('/proposal/');
  if (!tag.includes('/vote/') && !isProposal) return undefined;
  const at = 1 + tagLength + 32;
  return {
    height: Number(buffer.readBigUInt64BE(at)),
    round: buffer.readUInt32BE(at + 8),
    type: buffer[at + 12]!,
    hash: buffer.toString('hex', at + 13, at + 45),
    validRound: isProposal ? buffer.readUInt32BE(at + 53) - 1 : -1,
  };
}

const STEPS: Readonly<Record<number, { name: string; order: number }>> = {
  16: { name: 'proposal', order: 0 },
  1: { name: 'prevote', order: 1 },
  2: { name: 'prevote', order: 1 },
  3: { name: 'precommit', order: 2 },
  4: { name: 'precommit', order: 2 },
};

/**
 * @param honest indexes of validators whose key is in one process that follows the protocol
 * @param setAt power by validator index, for a height whose set some process knows
 * @param staticPowers if the set never changes, so that this file can compute whose turn it is
 * @param clockSlackMs how far the fastest correct clock may be ahead
 * @param ledger accounts and what each begins with, if the transactions are transfers that this file can read
 */
export function createInvariants(parts: {
  readonly honest: ReadonlySet<number>;
  readonly setAt: (height: number) => ReadonlyMap<number, bigint> | undefined;
  readonly indexOf: (address: string) => number;
  readonly staticPowers: readonly number[] | undefined;
  readonly clockSlackMs: number;
  readonly ledger: { readonly accounts: readonly string[]; readonly funds: number } | undefined;
}): Invariants {
  const violations: string[] = [];
  const signed = new Map<string, string>();
  const furthest = new Map<number, [number, number, number]>();
  const decided = new Map<number, Hash>();
  const rounds = new Map<number, number>();
  const outcomes = new Map<number, Outcome>();
  const built = new Map<string, BlockFacts & { readonly builder: number }>();
  /** height/round/hash -> validators that prevoted or precommitted it. */
  const prevoters = new Map<string, Set<number>>();
  const precommitters = new Map<string, Set<number>>();
  /** height/round/step -> validators that signed anything there, and the same with /nil for nil alone. */
  const speakers = new Map<string, Set<number>>();
  /** Where a node was, and by which line it came there. */
  const places = new Map<string, { height: number; round: number; branch: string }>();
  const locks = new Map<string, { round: number; hash: string }>();
  const heads = new Map<string, number>();
  const accused = new Set<number>();
  /** Node, life, kind and place -> what was said there. */
  const accepted = new Map<string, { count: number; first: string; differ: boolean }>();
  /** Node, kind of evidence, offender and height. */
  const reported = new Set<string>();
  const judged = new Set<string>();
  const turns = parts.staticPowers === undefined ? undefined : rotation(parts.staticPowers);
  const ledger = parts.ledger === undefined ? undefined : createLedger(parts.ledger, fail);
  let tallest = 0;

  function fail(name: InvariantName, detail: string): void {
    if (violations.length < 20) violations.push(`${name}: ${detail}`);
  }

  /** Whether validators that count `voted` hold more than `part` thirds of the power; byzantine keys may have said anything. */
  const hold = (height: number, part: bigint, voted: (validator: number) => boolean): boolean => {
    const powers = parts.setAt(height);
    if (powers === undefined) return true;
    let sum = 0n;
    let total = 0n;
    for (const [validator, power] of powers) {
      total += power;
      if (voted(validator) || !parts.honest.has(validator)) sum += power;
    }
    return sum * 3n > total * part;
  };

  /** Two thirds prevoted `hash` in a round from `low` to `high`. */
  const polkaBetween = (height: number, low: number, high: number, hash: string): boolean => {
    for (let round = low; round <= high; round++) {
      const voters = prevoters.get(`${height}/${round}/${hash}`);
      if (hold(height, 2n, (validator) => voters?.has(validator) === true)) return true;
    }
    return false;
  };

  /** Lines 34, 44, 47: what a node may only do when two thirds have voted. */
  const checkQuorum = (node: string, height: number, round: number, branch: string): void => {
    const step = { L35: 'prevote', L45: 'prevote/nil', L48: 'precommit' }[branch.slice(0, 3)];
    if (step === undefined) return;
    const voters = speakers.get(`${height}/${round}/${step}`);
    if (!hold(height, 2n, (validator) => voters?.has(validator) === true))
      fail(
        'HASTY TIMEOUT',
        `${node} at height ${height} round ${round}: ${branch}, and ${voters?.size ?? 0} have spoken`,
      );
  };

  /** Line 55. */
  const checkSkip = (node: string, height: number, round: number, branch: string): void => {
    const before = places.get(node);
    places.set(node, { height, round, branch });
    if (before?.height !== height || round <= before.round || before.branch.startsWith('L67')) return;
    const heard = (validator: number): boolean =>
      ['prevote', 'precommit'].some((step) => speakers.get(`${height}/${round}/${step}`)?.has(validator));
    if (!hold(height, 1n, heard))
      fail('HASTY SKIP', `${node} left round ${before.round} of height ${height} for round ${round}`);
  };

  const onPrevote = (validator: number, { height, round, hash }: Signed, nowMs: number): void => {
    const lock = locks.get(`${validator}/${height}`);
    if (lock !== undefined && lock.hash !== hash && round > lock.round)
      if (!polkaBetween(height, lock.round, round - 1, hash))
        fail(
          'LOCK BROKEN',
          `validator ${validator} precommitted ${lock.hash.slice(0, 8)} in round ${lock.round} and prevoted ${hash.slice(0, 8)} in round ${round} of height ${height} without a polka in between`,
        );
    const facts = built.get(hash);
    const who = `validator ${validator} prevoted ${hash.slice(0, 8)} at height ${height} round ${round}`;
    if (facts === undefined || facts.height !== height) {
      fail('INVENTED BLOCK', who);
      return;
    }
    if (facts.broken) fail('INVALID BLOCK', `${who}, which breaks a rule`);
    if (facts.originRound !== round && !polkaBetween(height, 0, round - 1, hash))
      fail('STALE PREVOTE', `${who}, a block of round ${facts.originRound} without a polka`);
    if (facts.timestampMs > nowMs + parts.clockSlackMs)
      fail('TIME RAN BACK', `${who}, which is ${facts.timestampMs - nowMs} ms ahead of the real time`);
  };

  const onProposal = (validator: number, { height, round, hash, validRound }: Signed): void => {
    const who = `validator ${validator} proposed ${hash.slice(0, 8)} at height ${height} round ${round}`;
    const lock = locks.get(`${validator}/${height}`);
    if (validRound < 0 && lock !== undefined && lock.round < round)
      fail(
        'VALUE DROPPED',
        `${who} as new after precommitting ${lock.hash.slice(0, 8)} in round ${lock.round}`,
      );
    if (validRound >= 0 && !polkaBetween(height, validRound, validRound, hash))
      fail('FALSE VALID ROUND', `${who} with validRound ${validRound}, in which it had no polka`);
    const facts = built.get(hash);
    if (validRound < 0 && facts !== undefined && facts.originRound !== round)
      fail('STALE PREVOTE', `${who} as new, and it was built for round ${facts.originRound}`);
    const turn = turns?.(height - 1 + round);
    if (turn !== undefined && turn !== validator)
      fail('OUT OF TURN', `${who}, and it is the turn of ${turn}`);
  };

  const onPrecommit = (validator: number, { height, round, hash }: Signed): void => {
    if (!polkaBetween(height, round, round, hash))
      fail(
        'NO POLKA',
        `validator ${validator} precommitted ${hash.slice(0, 8)} at height ${height} round ${round} without two thirds of prevotes`,
      );
    const lock = locks.get(`${validator}/${height}`);
    if (lock === undefined || round >= lock.round) locks.set(`${validator}/${height}`, { round, hash });
  };

  const checkCertificate = (
    height: number,
    blockHash: Hash,
    certificate: CommitCertificate,
    set: ValidatorSet,
  ) => {
    let power = 0n;
    let total = 0n;
    const voters = precommitters.get(`${height}/${certificate.round}/${blockHash.slice(2)}`);
    for (const [i, validator] of set.validators.entries()) {
      total += validator.power;
      if (((certificate.bitmap[Math.floor(i / 8)]! >> (i % 8)) & 1) === 0) continue;
      power += validator.power;
      const index = parts.indexOf(validator.address);
      if (parts.honest.has(index) && voters?.has(index) !== true)
        fail(
          'FALSE CERTIFICATE',
          `height ${height}: validator ${index} did not precommit ${blockHash.slice(0, 10)} in round ${certificate.round}`,
        );
    }
    if (power * 3n <= total * 2n) fail('LIGHT CERTIFICATE', `height ${height}: ${power} of ${total}`);
    if (certificate.height !== height || certificate.blockHash !== blockHash)
      fail('FALSE CERTIFICATE', `height ${height}: it is about another block`);
  };

  const checkBlock = (node: string, height: number, blockHash: Hash, nowMs: number): void => {
    const facts = built.get(blockHash.slice(2));
    if (facts === undefined) {
      fail('INVENTED BLOCK', `nobody built ${blockHash} (${node}, height ${height})`);
      return;
    }
    if (facts.height !== height)
      fail('INVENTED BLOCK', `${blockHash} was built for ${facts.height}, committed at ${height}`);
    if (height > 1 && facts.parent !== decided.get(height - 1))
      fail('BROKEN CHAIN', `height ${height} on ${node}`);
    if (facts.broken)
      fail('INVALID BLOCK', `${node} committed ${blockHash.slice(0, 10)} at height ${height}`);
    const before = height > 1 ? built.get(decided.get(height - 1)!.slice(2)) : undefined;
    if (before !== undefined && facts.timestampMs < before.timestampMs)
      fail(
        'TIME RAN BACK',
        `height ${height} is ${before.timestampMs - facts.timestampMs} ms older than its parent`,
      );
    if (facts.timestampMs > nowMs + parts.clockSlackMs)
      fail('TIME RAN BACK', `height ${height} is ${facts.timestampMs - nowMs} ms ahead of the real time`);
    const turn = turns?.(height - 1 + facts.originRound);
    if (turn !== undefined && turn !== facts.builder)
      fail(
        'OUT OF TURN',
        `height ${height}: the block of round ${facts.originRound} is by ${facts.builder}, the turn was of ${turn}`,
      );
  };

  return {
    fail,
    violations,
    decided,
    rounds,
    accused,
    tallest: () => tallest,
    isIncluded: (transaction) => ledger?.included.has(transaction) ?? false,
    hasSigned: (validator) => furthest.has(validator),
    onSign(validator, message, nowMs) {
      const what = parse(message);
      if (what === undefined) return;
      const { height, round, type, hash } = what;
      if (type === 1 || type === 3) {
        const voters = type === 1 ? prevoters : precommitters;
        const key = `${height}/${round}/${hash}`;
        voters.set(key, (voters.get(key) ?? new Set()).add(validator));
      }
      for (const place of type === 2 || type === 4 ? ['', '/nil'] : ['']) {
        const key = `${height}/${round}/${STEPS[type]!.name}${place}`;
        speakers.set(key, (speakers.get(key) ?? new Set()).add(validator));
      }
      if (!parts.honest.has(validator)) return;
      const step = STEPS[type]!;
      const place = `${validator}/${height}/${round}/${step.name}`;
      const content = Buffer.from(message).toString('hex');
      const earlier = signed.get(place);
      if (earlier !== undefined && earlier !== content)
        fail(
          'DOUBLE SIGN',
          `validator ${validator} signed two ${step.name}s at height ${height} round ${round}`,
        );
      signed.set(place, content);
      const last = furthest.get(validator) ?? [0, 0, 0];
      const order = height - last[0] || round - last[1] || step.order - last[2];
      if (order < 0)
        fail(
          'WENT BACK',
          `validator ${validator} signed a ${step.name} at height ${height} round ${round} after height ${last[0]} round ${last[1]}`,
        );
      else furthest.set(validator, [height, round, step.order]);
      if (type === 1) onPrevote(validator, what, nowMs);
      if (type === 3) onPrecommit(validator, what);
      if (type === 16) onProposal(validator, what);
    },
    onBuilt(blockHash, facts, builder) {
      if (!built.has(blockHash.slice(2))) built.set(blockHash.slice(2), { ...facts, builder });
    },
    onCommit(node, height, blockHash, certificate, set, outcome, nowMs) {
      const other = decided.get(height);
      if (other !== undefined && other !== blockHash)
        fail('AGREEMENT', `height ${height}: ${node} committed ${blockHash}, another ${other}`);
      if ((heads.get(node) ?? 0) !== height - 1)
        fail('OUT OF ORDER', `${node} committed height ${height} after ${heads.get(node) ?? 0}`);
      heads.set(node, height);
      decided.set(height, blockHash);
      if (!rounds.has(height)) rounds.set(height, certificate.round);
      tallest = Math.max(tallest, height);
      checkBlock(node, height, blockHash, nowMs);
      checkCertificate(height, blockHash, certificate, set);
      const known = outcomes.get(height);
      if (known === undefined) {
        outcomes.set(height, { stateRoot: outcome.stateRoot, receiptsRoot: outcome.receiptsRoot });
        const facts = built.get(blockHash.slice(2));
        if (facts !== undefined) ledger?.apply(height, facts.transactions);
        return;
      }
      if (known.stateRoot !== outcome.stateRoot) fail('STATE', `height ${height} on ${node}`);
      if (known.receiptsRoot !== outcome.receiptsRoot) fail('RECEIPTS', `height ${height} on ${node}`);
    },
    onWipe(node) {
      heads.delete(node);
    },
    onEvidence(node, evidence) {
      const halves = parseEvidence(evidence);
      if (halves === undefined) {
        fail('INNOCENT ACCUSED', `${node} reported evidence that cannot be read`);
        return;
      }
      const offender = parts.indexOf(halves.offender);
      reported.add(`${node} ${halves.kind} ${halves.offender} ${halves.height}`);
      if (halves.conflict && offender >= 0 && !parts.honest.has(offender)) accused.add(offender);
      else
        fail(
          'INNOCENT ACCUSED',
          `${node} accuses validator ${offender}${halves.conflict ? '' : ' without a conflict'}`,
        );
    },
    onAccepted(node, life, kind, bytes, at) {
      const { height, round, signer, place, said } = parseGossip(kind, bytes);
      const key = `${node} ${life} ${kind} ${place}`;
      const known = accepted.get(key) ?? { count: 0, first: said, differ: false };
      known.count++;
      known.differ ||= known.first !== said;
      accepted.set(key, known);
      if (known.count > MOST_ACCEPTED[kind])
        fail('FLOOD', `${node} accepted ${known.count} of kind ${kind} by one key for one place`);
      // Votes of rounds far ahead may be forgotten for later ones.
      if (known.differ && height === at && round <= 1 && !reported.has(`${node} ${kind} ${signer} ${height}`))
        fail(
          'OFFENCE IGNORED',
          `${node} accepted two contradicting ${kind} of height ${height} by ${signer}`,
        );
    },
    onJudged: (node, height) => void judged.add(`${node} ${height}`),
    onBranch(node, height, round, branch) {
      checkQuorum(node, height, round, branch);
      checkSkip(node, height, round, branch);
      if (branch.startsWith('L26') && !judged.has(`${node} ${height}`))
        fail('HASTY NIL', `${node} refused a block of height ${height} and had judged none`);
    },
    onLoad(node, load) {
      for (const [what, most] of Object.entries(MOST))
        if (load[what as keyof Load] > most)
          fail('QUEUES', `${node} has ${load[what as keyof Load]} ${what}, at most ${most} expected`);
    },
  };
}

/** Validator whose turn is the n-th since genesis: gain your power, the richest goes and pays the total; ties to the first. */
function rotation(powers: readonly number[]): (n: number) => number {
  const credit = powers.map(() => 0);
  const total = powers.reduce((a, b) => a + b, 0);
  const order: number[] = [];
  return (n) => {
    while (order.length <= n) {
      for (const [i, power] of powers.entries()) credit[i]! += power;
      const next = credit.indexOf(Math.max(...credit));
      credit[next]! -= total;
      order.push(next);
    }
    return order[n]!;
  };
}

/**
 * The first message of a gossip: of votes after a count of two bytes (an honest node sends one, an adversary may repeat
 * it). Type 1, height 8, round 4, hash 32, of proposals 12 more, signer 20.
 */
function parseGossip(kind: 'votes' | 'proposal', bytes: Uint8Array) {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).subarray(kind === 'votes' ? 2 : 0);
  const signerAt = kind === 'votes' ? 45 : 57;
  const signer = `0x${buffer.toString('hex', signerAt, signerAt + 20)}`;
  const step = (buffer[0]! + 1) >> 1;
  return {
    height: Number(buffer.readBigUInt64BE(1)),
    round: buffer.readUInt32BE(9),
    signer,
    place: `${step} ${buffer.toString('hex', 1, 13)} ${signer}`,
    said: buffer.toString('hex', 0, signerAt),
  };
}

/** Tag 48 or 49, then two halves: type 1, height 8, round 4, hash 32, of proposals 12 more, signer 20, signature 96. */
function parseEvidence(
  evidence: Uint8Array,
): { kind: string; height: number; offender: string; conflict: boolean } | undefined {
  const buffer = Buffer.from(evidence);
  const length = buffer[0] === 48 ? 161 : buffer[0] === 49 ? 173 : 0;
  if (length === 0 || buffer.length !== 1 + 2 * length) return undefined;
  const halves = [buffer.subarray(1, 1 + length), buffer.subarray(1 + length)];
  const signer = (half: Buffer) => half.toString('hex', length - 116, length - 96);
  const place = (half: Buffer) => `${(half[0]! + 1) >> 1} ${half.toString('hex', 1, 13)} ${signer(half)}`;
  const said = (half: Buffer) => `${half[0]} ${half.toString('hex', 13, length - 116)}`;
  const [first, second] = halves as [Buffer, Buffer];
  return {
    kind: buffer[0] === 48 ? 'votes' : 'proposal',
    height: Number(first.readBigUInt64BE(1)),
    offender: `0x${signer(first)}`,
    conflict: place(first) === place(second) && said(first) !== said(second),
  };
}

/** The transfers, added up once more. */
function createLedger(
  { accounts, funds }: { readonly accounts: readonly string[]; readonly funds: number },
  fail: (name: InvariantName, detail: string) => void,
) {
  const balances = new Map(accounts.map((name) => [name, funds]));
  const nonces = new Map(accounts.map((name) => [name, 0]));
  const included = new Set<string>();
  return {
    included,
    apply(height: number, transactions: readonly string[]): void {
      for (const transaction of transactions) {
        const [from, nonce, to, amount] = transaction.split('/') as [string, string, string, string];
        if (nonces.get(from) !== Number(nonce) || included.has(transaction))
          fail('NONCE', `height ${height}: ${transaction}, expected ${nonces.get(from)}`);
        nonces.set(from, Number(nonce) + 1);
        included.add(transaction);
        const has = balances.get(from)!;
        if (Number(amount) > has) continue;
        balances.set(from, has - Number(amount));
        balances.set(to, balances.get(to)! + Number(amount));
      }
      const all = [...balances.values()];
      if (all.some((balance) => balance < 0) || all.reduce((a, b) => a + b, 0) !== funds * accounts.length)
        fail('SUPPLY', `height ${height}: ${JSON.stringify([...balances])}`);
    },
  };
}
