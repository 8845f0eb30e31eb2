/**
 * The simulated executor: a hash chain of blocks with transactions, and a validator set that changes with them. Its
 * disk is atomic and durable, as the real one promises; its answers may be `unknown` for a while, and slow.
 */
import { createHash } from 'node:crypto';
import { fromLastCommit, verifyCertificate } from '../../consensus/certificate.ts';
import { revealSignBytes } from '../../consensus/sign-bytes.ts';
import {
  type Address,
  asHeight,
  asRound,
  type CommitCertificate,
  type Hash,
  type Height,
  type LastCommit,
  type ValidatorInfo,
  type ValidatorSet,
} from '../../consensus/types.ts';
import { advance, proposerAt, withMembers } from '../../consensus/validator-set/rotation.ts';
import type { App, BuildRequest, CheckAnswer, Head, StoredBlock } from '../../node/validator/ports.ts';
import { fakeBls } from './fake-bls.ts';
import type { Rng } from './random.ts';
import type { World } from './world.ts';

export interface SimBlock {
  readonly height: number;
  readonly parent: Hash;
  readonly originRound: number;
  readonly timestampMs: number;
  readonly proposer: Address;
  readonly reveal: string;
  readonly lastCommit: { round: number; bitmap: string; signature: string } | null;
  readonly transactions: readonly string[];
  /** Breaks a rule: every honest node answers invalid. */
  readonly broken: boolean;
}

/** What outlives the process: the chain on its disk. */
export interface ChainDisk {
  readonly blocks: StoredBlock[];
  /** set(height) of each committed height, from 1. */
  readonly sets: ValidatorSet[];
  readonly included: Set<string>;
  head: Head;
}

export interface ChainRules {
  readonly genesisHash: Hash;
  /** What a transaction named power/... does; undefined leaves the set as it is. */
  readonly members: (height: number, current: ValidatorSet) => readonly ValidatorInfo[] | undefined;
}

export function createChainDisk(rules: ChainRules, genesis: ValidatorSet, startMs: number): ChainDisk {
  return {
    blocks: [],
    sets: [],
    included: new Set(),
    head: {
      height: asHeight(0),
      blockHash: rules.genesisHash,
      timestampMs: startMs,
      validators: genesis,
      nextValidators: advance(genesis),
    },
  };
}

export function hashOf(bytes: Uint8Array): Hash {
  return `0x${createHash('sha256').update(bytes).digest('hex')}`;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const unhex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));

export function decodeBlock(bytes: Uint8Array): SimBlock | undefined {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as SimBlock;
  } catch {
    return undefined;
  }
}

export interface SimApp extends App {
  addTransaction(transaction: string): void;
}

export interface ChainFaults {
  /** Probability that a block is unknown at first, and for how long at most. */
  readonly unknownChance: () => number;
  readonly unknownMs: number;
  /** Whether the executor tells when it knows, or leaves it to the next question. */
  readonly announces: boolean;
  readonly executeMs: number;
  /** A byzantine builder. */
  readonly brokenBlocks: number;
}

export function createSimApp(parts: {
  readonly world: World;
  readonly rng: Rng;
  readonly disk: ChainDisk;
  readonly rules: ChainRules;
  readonly faults: ChainFaults;
  readonly alive: () => boolean;
  readonly onBuilt: (blockHash: Hash, block: SimBlock) => void;
  readonly onCommit: (
    height: Height,
    blockHash: Hash,
    certificate: CommitCertificate,
    set: ValidatorSet,
  ) => void;
  readonly onEvidence: (evidence: Uint8Array) => void;
}): SimApp {
  const { world, rng, disk, rules, faults } = parts;
  const pool = new Set<string>();
  const knownFrom = new Map<Hash, number>();
  const transactionListeners = new Set<() => void>();
  const readyListeners = new Set<(blockHash: Hash) => void>();
  let padding = 0;

  /** Work that ends in a virtual event, and never if the process is dead by then. */
  const later = <T>(delayMs: number, work: () => T): Promise<T> =>
    new Promise((resolve) => {
      world.at(world.nowMs() + delayMs, () => {
        if (parts.alive()) resolve(work());
      });
    });
  const workMs = () => rng.between(0, faults.executeMs);

  const check = (blockHash: Hash, bytes: Uint8Array): CheckAnswer => {
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
    const from = knownFrom.get(blockHash) ?? drawKnownFrom(blockHash);
    if (world.nowMs() < from) return { answer: 'unknown', reason: 'data' };
    return { answer: 'valid', originRound, timestampMs: block.timestampMs };
  };

  const drawKnownFrom = (blockHash: Hash): number => {
    const from = world.nowMs() + (rng.chance(faults.unknownChance()) ? rng.between(1, faults.unknownMs) : 0);
    knownFrom.set(blockHash, from);
    if (from > world.nowMs() && faults.announces)
      world.at(from, () => {
        if (parts.alive()) for (const listener of readyListeners) listener(blockHash);
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

  return {
    head: () => disk.head,
    build(request: BuildRequest) {
      return later(workMs(), () => {
        const block: SimBlock = {
          height: request.height,
          parent: disk.head.blockHash,
          originRound: request.round,
          timestampMs: request.timestampMs,
          proposer: request.proposer,
          reveal: hex(request.reveal),
          lastCommit:
            request.lastCommit === undefined
              ? null
              : {
                  round: request.lastCommit.round,
                  bitmap: hex(request.lastCommit.bitmap),
                  signature: hex(request.lastCommit.signature),
                },
          transactions: [...pool]
            .slice(0, 8)
            .concat(rng.chance(0.02) ? [`padding-${padding++}-${rng.int(1 << 30)}`] : []),
          broken: rng.chance(faults.brokenBlocks),
        };
        const bytes = new Uint8Array(Buffer.from(JSON.stringify(block)));
        const blockHash = hashOf(bytes);
        parts.onBuilt(blockHash, block);
        return { blockHash, bytes };
      });
    },
    check: ({ blockHash, bytes }) => later(workMs(), () => check(blockHash, bytes)),
    commit({ blockHash, bytes, certificate }) {
      return later(workMs() + 1, () => {
        const verdict = check(blockHash, bytes);
        if (verdict.answer === 'invalid' || verdict.answer === 'mismatch')
          throw new Error(`asked to commit a block that is ${JSON.stringify(verdict)}`);
        const block = decodeBlock(bytes)!;
        const { head } = disk;
        parts.onCommit(asHeight(block.height), blockHash, certificate, head.validators);
        disk.sets.push(head.validators);
        for (const transaction of block.transactions) disk.included.add(transaction);
        disk.blocks.push({ height: asHeight(block.height), blockHash, bytes, certificate });
        disk.head = nextHead(head, rules, block, blockHash);
        for (const transaction of block.transactions) pool.delete(transaction);
        return disk.head;
      });
    },
    hasTransactions: () => pool.size > 0,
    onTransactions(listener) {
      transactionListeners.add(listener);
      return () => transactionListeners.delete(listener);
    },
    onReady(listener) {
      readyListeners.add(listener);
      return () => readyListeners.delete(listener);
    },
    getBlock: (height) => later(0, () => disk.blocks[height - 1]),
    addEvidence: parts.onEvidence,
    addTransaction(transaction) {
      if (disk.included.has(transaction)) return;
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
