/**
 * The simulated executor: a hash chain of blocks with transfers between a few accounts, and a validator set that
 * changes with them. Its answers may be `unknown` for a while, and slow.
 */
import { createHash } from 'node:crypto';
import { fromLastCommit, verifyCertificate } from '../../consensus/certificate.ts';
import { revealSignBytes } from '../../consensus/sign-bytes.ts';
import {
  type Address,
  asHeight,
  asRound,
  type Hash,
  type LastCommit,
  type ValidatorSet,
} from '../../consensus/types.ts';
import { advance, proposerAt, withMembers } from '../../consensus/validator-set/rotation.ts';
import type { BuildRequest, CheckAnswer, Head, StoredBlock } from '../../node/validator/ports.ts';
import { fakeBls } from './fake-bls.ts';
import type { AppParts, BlockFacts, ChainDisk, MembershipRule, Outcome, SimApp } from './kit.ts';

export interface SimBlock {
  readonly height: number;
  readonly parent: Hash;
  readonly originRound: number;
  readonly timestampMs: number;
  readonly proposer: Address;
  readonly reveal: string;
  readonly lastCommit: { round: number; bitmap: string; signature: string } | null;
  readonly transactions: readonly string[];
  readonly broken: boolean;
  readonly stateRoot: Hash;
  readonly receiptsRoot: Hash;
  /** Makes blocks of an equivocator differ. */
  readonly salt: number;
}

export interface ChainRules {
  readonly genesisHash: Hash;
  readonly genesis: ValidatorSet;
  readonly startMs: number;
  readonly members: MembershipRule;
}

/** Name of an account to what it has. */
export type Ledger = ReadonlyMap<string, { readonly balance: number; readonly nonce: number }>;

export const ACCOUNTS = ['ann', 'bob', 'cat', 'dan', 'eve', 'fay'] as const;
export const FUNDS = 1_000;

export interface SimDisk extends ChainDisk {
  head: Head;
  readonly sets: ValidatorSet[];
  readonly blocks: StoredBlock[];
  ledger: Ledger;
}

export function createChainDisk(rules: ChainRules): SimDisk {
  const disk: SimDisk = {
    blocks: [],
    sets: [],
    head: genesisHead(rules),
    ledger: genesisLedger(),
    wipe() {
      disk.blocks.length = 0;
      disk.sets.length = 0;
      disk.head = genesisHead(rules);
      disk.ledger = genesisLedger();
    },
  };
  return disk;
}

function genesisHead(rules: ChainRules): Head {
  return {
    height: asHeight(0),
    blockHash: rules.genesisHash,
    timestampMs: rules.startMs,
    validators: rules.genesis,
    nextValidators: advance(rules.genesis),
  };
}

function genesisLedger(): Ledger {
  return new Map(ACCOUNTS.map((name) => [name, { balance: FUNDS, nonce: 0 }]));
}

export function hashOf(bytes: Uint8Array): Hash {
  return `0x${createHash('sha256').update(bytes).digest('hex')}`;
}

const hashText = (text: string) => hashOf(Buffer.from(text));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const unhex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));

export function decodeBlock(bytes: Uint8Array): SimBlock | undefined {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as SimBlock;
  } catch {
    return undefined;
  }
}

export function encodeBlock(block: SimBlock): { blockHash: Hash; bytes: Uint8Array } {
  const bytes = new Uint8Array(Buffer.from(JSON.stringify(block)));
  return { blockHash: hashOf(bytes), bytes };
}

export function factsOf(block: SimBlock): BlockFacts {
  const { height, parent, originRound, timestampMs, broken, transactions } = block;
  return { height, parent, originRound, timestampMs, broken, transactions };
}

/** `from/nonce/to/amount`; a transfer of more than there is fails and takes its nonce. */
function parseTransfer(transaction: string): { from: string; nonce: number; to: string; amount: number } {
  const [from = '', nonce, to = '', amount] = transaction.split('/');
  return { from, nonce: Number(nonce), to, amount: Number(amount) };
}

/** What follows from transfers; undefined if a nonce is out of order. */
export function execute(
  ledger: Ledger,
  transactions: readonly string[],
): (Outcome & { ledger: Ledger }) | undefined {
  const after = new Map(ledger);
  let receipts = '';
  for (const transaction of transactions) {
    const { from, nonce, to, amount } = parseTransfer(transaction);
    const sender = after.get(from);
    if (sender === undefined || sender.nonce !== nonce || !after.has(to)) return undefined;
    const paid = amount <= sender.balance && from !== to;
    after.set(from, { balance: sender.balance - (paid ? amount : 0), nonce: nonce + 1 });
    if (paid) {
      const receiver = after.get(to)!;
      after.set(to, { ...receiver, balance: receiver.balance + amount });
    }
    receipts += paid ? '1' : '0';
  }
  let state = '';
  for (const [name, { balance, nonce }] of after) state += `${name} ${balance} ${nonce};`;
  return { ledger: after, stateRoot: hashText(state), receiptsRoot: hashText(receipts) };
}

/** Transactions of the pool that can follow, each account's in order. */
function* executable(pool: Iterable<string>, ledger: Ledger): Generator<string> {
  const next = new Map([...ledger].map(([name, { nonce }]) => [name, nonce]));
  const sorted = [...pool].map((one) => ({ one, ...parseTransfer(one) })).sort((a, b) => a.nonce - b.nonce);
  for (const { one, from, nonce } of sorted) {
    if (next.get(from) !== nonce) continue;
    next.set(from, nonce + 1);
    yield one;
  }
}

const MOST_TRANSACTIONS = 8;

export function createSimApp(parts: AppParts, rules: ChainRules): SimApp {
  const { world, rng, faults } = parts;
  const disk = parts.disk as SimDisk;
  const pool = new Set<string>();
  const knownFrom = new Map<Hash, number>();
  const outcomes = new Map<Hash, Outcome & { ledger: Ledger }>();
  const transactionListeners = new Set<() => void>();
  const readyListeners = new Set<(blockHash: Hash) => void>();
  let padding = 0;

  /** Work that ends in a virtual event, and never if the process is dead by then. */
  const effect = <T>(delayMs: number, work: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      parts.step();
      parts.later(delayMs, () => {
        parts.step();
        if (!parts.alive()) return;
        let result: T;
        try {
          result = work();
        } catch (error) {
          reject(error);
          return;
        }
        parts.step();
        if (parts.alive()) resolve(result);
      });
    });
  const workMs = () => rng.between(0, faults.executeMs);

  const judge = (blockHash: Hash, bytes: Uint8Array): CheckAnswer => {
    const block = decodeBlock(bytes);
    if (block === undefined || hashOf(bytes) !== blockHash) return { answer: 'mismatch' };
    const { head } = disk;
    if (block.height !== head.height + 1) return { answer: 'unknown', reason: 'parent' };
    if (block.broken) return { answer: 'invalid', code: 'BROKEN' };
    if (block.parent !== head.blockHash) return { answer: 'invalid', code: 'PARENT' };
    if (block.timestampMs < head.timestampMs) return { answer: 'invalid', code: 'TIME' };
    const originRound = asRound(block.originRound);
    const proposer = proposerAt(head.validators, originRound);
    if (proposer.address !== block.proposer) return { answer: 'invalid', code: 'PROPOSER' };
    const reveal = revealSignBytes(rules.genesisHash, asHeight(block.height));
    if (!fakeBls.verify(reveal, proposer.blsPublicKey, unhex(block.reveal)))
      return { answer: 'invalid', code: 'REVEAL' };
    if (!lastCommitHolds(block, head)) return { answer: 'invalid', code: 'LAST_COMMIT' };
    const outcome = execute(disk.ledger, block.transactions);
    if (outcome === undefined) return { answer: 'invalid', code: 'NONCE' };
    if (outcome.stateRoot !== block.stateRoot || outcome.receiptsRoot !== block.receiptsRoot)
      return { answer: 'invalid', code: 'ROOT' };
    const from = knownFrom.get(blockHash) ?? drawKnownFrom(blockHash);
    if (world.nowMs() < from) return { answer: 'unknown', reason: 'data' };
    outcomes.set(blockHash, outcome);
    return { answer: 'valid', originRound, timestampMs: block.timestampMs };
  };

  const drawKnownFrom = (blockHash: Hash): number => {
    const from = world.nowMs() + (rng.chance(faults.unknownChance()) ? rng.between(1, faults.unknownMs) : 0);
    knownFrom.set(blockHash, from);
    if (from > world.nowMs() && faults.announces)
      parts.later(from - world.nowMs(), () => {
        for (const listener of readyListeners) listener(blockHash);
      });
    return from;
  };

  const lastCommitHolds = (block: SimBlock, head: Head): boolean => {
    if (head.height === 0) return block.lastCommit === null;
    if (block.lastCommit === null) return false;
    const lastCommit: LastCommit = {
      round: asRound(block.lastCommit.round),
      bitmap: unhex(block.lastCommit.bitmap),
      signature: unhex(block.lastCommit.signature),
    };
    const certificate = fromLastCommit(lastCommit, head);
    const set = disk.sets[head.height - 1]!;
    return verifyCertificate(set, rules.genesisHash, certificate, fakeBls.fastAggregateVerify) === undefined;
  };

  const build = (request: BuildRequest): { blockHash: Hash; bytes: Uint8Array } => {
    const transactions: string[] = [];
    for (const transaction of executable(pool, disk.ledger)) {
      if (transactions.length >= MOST_TRANSACTIONS) break;
      transactions.push(transaction);
    }
    const outcome = execute(disk.ledger, transactions)!;
    const { lastCommit } = request;
    const block: SimBlock = {
      height: request.height,
      parent: disk.head.blockHash,
      originRound: request.round,
      timestampMs: request.timestampMs + (rng.chance(faults.falseTimes) ? 3_600_000 : 0),
      proposer: request.proposer,
      reveal: hex(request.reveal),
      lastCommit:
        lastCommit === undefined
          ? null
          : { round: lastCommit.round, bitmap: hex(lastCommit.bitmap), signature: hex(lastCommit.signature) },
      transactions,
      broken: rng.chance(faults.brokenBlocks),
      stateRoot: outcome.stateRoot,
      receiptsRoot: outcome.receiptsRoot,
      salt: rng.chance(0.02) ? ++padding + rng.int(1 << 30) : 0,
    };
    const built = encodeBlock(block);
    parts.onBuilt(built.blockHash, factsOf(block));
    return built;
  };

  return {
    head: () => disk.head,
    build: (request: BuildRequest) => effect(workMs(), () => build(request)),
    check: ({ blockHash, bytes }) =>
      effect(workMs(), () => {
        const answer = judge(blockHash, bytes);
        if (answer.answer === 'valid' || answer.answer === 'invalid') parts.onJudged(disk.head.height + 1);
        return answer;
      }),
    commit: ({ blockHash, bytes, certificate }) =>
      effect(workMs() + 1, () => {
        const verdict = judge(blockHash, bytes);
        if (verdict.answer === 'invalid' || verdict.answer === 'mismatch')
          throw new Error(`asked to commit a block that is ${JSON.stringify(verdict)}`);
        const block = decodeBlock(bytes)!;
        const outcome = outcomes.get(blockHash) ?? execute(disk.ledger, block.transactions)!;
        outcomes.clear();
        const { head } = disk;
        if (block.height !== head.height + 1)
          throw new Error(`asked to commit height ${block.height} on head ${head.height}`);
        parts.onCommit(asHeight(block.height), blockHash, certificate, head.validators, outcome);
        disk.sets.push(head.validators);
        disk.ledger = outcome.ledger;
        disk.blocks.push({ height: asHeight(block.height), blockHash, bytes, certificate });
        disk.head = nextHead(head, rules, block, blockHash);
        for (const transaction of block.transactions) pool.delete(transaction);
        return disk.head;
      }),
    hasTransactions: () => !executable(pool, disk.ledger).next().done,
    onTransactions(listener) {
      transactionListeners.add(listener);
      return () => transactionListeners.delete(listener);
    },
    onReady(listener) {
      readyListeners.add(listener);
      return () => readyListeners.delete(listener);
    },
    getBlock: (height) => effect(0, () => disk.blocks[height - 1]),
    addEvidence(evidence) {
      parts.step();
      parts.onEvidence(evidence);
    },
    addTransaction(transaction) {
      const { from, nonce } = parseTransfer(transaction);
      if (nonce < disk.ledger.get(from)!.nonce) return;
      pool.add(transaction);
      for (const listener of transactionListeners) listener();
    },
  };
}

/** The set after next follows from the chain alone (rule A6), so every node computes the same one. */
function nextHead(head: Head, rules: ChainRules, block: SimBlock, blockHash: Hash): Head {
  const members = rules.members(block.height, head.nextValidators);
  const base = members === undefined ? head.nextValidators : withMembers(head.nextValidators, members);
  return {
    height: asHeight(block.height),
    blockHash,
    timestampMs: block.timestampMs,
    validators: head.nextValidators,
    nextValidators: advance(base),
  };
}
