/** BLS12-381, the EVM and LevelDB of the product under the same storm: a few hundred networks. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretKey } from '@chainsafe/blst';
import { privateKeyToAccount } from 'viem/accounts';
import { decodeCertificate, encodeCertificate } from '../../consensus/codec.ts';
import {
  type Address,
  asHeight,
  asRound,
  type Hash,
  type LastCommit,
  type ValidatorSet,
} from '../../consensus/types.ts';
import { DEVNET_PARAMS, OPEN } from '../../genesis/parameters.ts';
import { createGenesis } from '../../genesis/presets.ts';
import type { Genesis } from '../../genesis/types.ts';
import { provePossession } from '../../node/keys/consensus-key.ts';
import { createBlstSigner, createBlstVerifier } from '../../node/validator/bls.ts';
import type { BuildRequest, CheckAnswer, Head, StoredBlock } from '../../node/validator/ports.ts';
import { toHead } from '../../node/validator-app/app.ts';
import { bodyIsOfHeader } from '../../state/block/body.ts';
import { decodeBlock, encodeBlock, headerHash } from '../../state/block/codec.ts';
import { openChain } from '../../state/chain.ts';
import { toHex } from '../../state/crypto.ts';
import { decodeTransaction } from '../../state/transactions/decode.ts';
import type { Block, Chain, Hex, PooledTransaction } from '../../state/types.ts';
import type { AppParts, BlockFacts, ChainDisk, Kit, SimApp } from './kit.ts';
import type { KitParts } from './simulate.ts';

const SENDERS = ['a1', 'a2', 'a3'].map((byte) => privateKeyToAccount(`0x${byte.repeat(32)}`));
const TRANSFERS_EACH = 40;

/** Signed once a thread: they are the same in every seed, since the chain number is. */
let signed: Promise<PooledTransaction[][]> | undefined;

function signTransfers(): Promise<PooledTransaction[][]> {
  const { chainId } = DEVNET_PARAMS;
  return Promise.all(
    SENDERS.map((sender, i) =>
      Promise.all(
        Array.from({ length: TRANSFERS_EACH }, async (_, nonce) => {
          const raw = await sender.signTransaction({
            type: 'eip1559',
            chainId,
            nonce,
            to: SENDERS[(i + 1) % SENDERS.length]!.address,
            value: BigInt(1 + nonce),
            gas: 21_000n,
            maxFeePerGas: 100_000_000_000n,
            maxPriorityFeePerGas: 1n,
          });
          return decodeTransaction(Buffer.from(raw.slice(2), 'hex'), chainId);
        }),
      ),
    ),
  );
}

interface RealDisk extends ChainDisk {
  head: Head;
  readonly sets: ValidatorSet[];
  /** Of the present directory; commits and checks are served one at a time. */
  chain: Promise<Chain>;
}

export async function createRealKit({ powers, startMs }: KitParts): Promise<Kit> {
  const folder = mkdtempSync(join(tmpdir(), 'openledger-sim-'));
  signed ??= signTransfers();
  const transfers = await signed;
  const addresses = powers.map((_, i) => `0x${(0x0b00 + i).toString(16).padStart(40, '0')}` as Address);
  const secrets = powers.map((_, i) => SecretKey.fromKeygen(new Uint8Array(32).fill(i + 1)));
  const genesis = createGenesis({
    validators: powers.map((power, i) => {
      const secretKey = secrets[i]!.toBytes();
      const publicKey = secrets[i]!.toPublicKey().toBytes();
      const possession = provePossession({ secretKey, publicKey }, addresses[i]!, DEVNET_PARAMS.chainId);
      return {
        address: addresses[i]!,
        blsPublicKey: toHex(publicKey),
        proofOfPossession: toHex(possession),
        bond: BigInt(power) * OPEN,
        recipient: addresses[i]!,
      };
    }),
    balances: new Map(SENDERS.map(({ address }) => [address.toLowerCase() as Hex, 1_000n * OPEN])),
    timestamp: startMs / 1000,
  });
  const bls = createBlstVerifier();
  const disks: RealDisk[] = [];
  let directories = 0;
  const open = (): Promise<Chain> => openRealChain(join(folder, `${directories++}`), genesis, bls);
  const openDisk = async (): Promise<RealDisk> => {
    const chain = await open();
    const first = toHead(chain.head());
    const disk: RealDisk = {
      head: first,
      sets: [],
      chain: Promise.resolve(chain),
      async wipe() {
        const old = disk.chain;
        // All of it at once: the node may start before the old chain is closed.
        disk.chain = open();
        disk.head = first;
        disk.sets.length = 0;
        await (await old).close();
        await disk.chain;
      },
    };
    disks.push(disk);
    return disk;
  };
  const first = await openDisk();
  const genesisHash = first.head.blockHash;
  const included = new Set<string>();
  const sent = SENDERS.map(() => 0);

  return {
    bls,
    genesisHash,
    genesis: first.head.validators,
    addresses,
    member: undefined,
    sign: (index, message) => secrets[index]!.sign(message).toBytes(),
    signer(index, onSign) {
      const signer = createBlstSigner(addresses[index]!, secrets[index]!.toBytes());
      return {
        ...signer,
        sign(message) {
          onSign(message);
          return signer.sign(message);
        },
      };
    },
    openDisk,
    createApp: (parts) => createRealApp(parts, transfers.flat(), (hash) => included.add(hash)),
    facts(bytes) {
      const block = readBlock(bytes);
      return block && factsOf(block);
    },
    /** Another header: invalid, but two proposals of it and the right one prove equivocation. */
    vary(bytes, salt) {
      const block = readBlock(bytes);
      if (block === undefined) return undefined;
      const header = { ...block.header, gasUsed: BigInt(salt % 1_000_000) };
      const other: Block = { ...block, header, hash: headerHash(header) };
      return { blockHash: other.hash, bytes: encodeBlock(other), facts: { ...factsOf(other), broken: true } };
    },
    transaction(rng) {
      const account = rng.int(SENDERS.length);
      const list = transfers[account]!;
      const lost = list.slice(0, sent[account]).find((one) => !included.has(one.hash));
      const next = list[sent[account]!];
      if (next === undefined || (lost !== undefined && rng.chance(0.5))) return (lost ?? list[0]!).hash;
      sent[account]!++;
      return next.hash;
    },
    async close() {
      for (const disk of disks) await (await disk.chain).close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function openRealChain(
  dir: string,
  genesis: Genesis,
  bls: ReturnType<typeof createBlstVerifier>,
): Promise<Chain> {
  const unused = (): Promise<never> => Promise.reject(new Error('the simulated traffic has no attribution'));
  return openChain({ dir, genesis, bls, ports: { attribute: unused, artifact: unused, infer: unused } });
}

function readBlock(bytes: Uint8Array): Block | undefined {
  try {
    return decodeBlock(bytes);
  } catch {
    return undefined;
  }
}

function factsOf(block: Block): BlockFacts {
  return {
    height: block.header.number,
    parent: block.header.parentHash,
    originRound: block.originRound,
    timestampMs: block.timestampMs,
    broken: false,
    transactions: block.transactions.map(toHex),
  };
}

/** @param all every transaction there is: the pool holds hashes */
function createRealApp(
  parts: AppParts,
  all: readonly PooledTransaction[],
  onIncluded: (hash: Hex) => void,
): SimApp {
  const { world, rng, faults } = parts;
  const disk = parts.disk as RealDisk;
  const byHash = new Map(all.map((one) => [one.hash as string, one]));
  const pool = new Set<string>();
  const knownFrom = new Map<Hash, number>();
  const transactionListeners = new Set<() => void>();
  const readyListeners = new Set<(blockHash: Hash) => void>();

  /** Real work at a virtual time, during which that time stands still. */
  const effect = <T>(delayMs: number, work: (chain: Chain) => T | Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      parts.step();
      parts.later(delayMs, () => {
        parts.step();
        if (!parts.alive()) return;
        const done = disk.chain.then(work).then(
          (result) => {
            parts.step();
            if (parts.alive()) resolve(result);
          },
          (error) => {
            if (parts.alive()) reject(error);
          },
        );
        world.hold(done);
      });
    });
  const workMs = () => rng.between(0, faults.executeMs);

  const judge = async (chain: Chain, blockHash: Hash, bytes: Uint8Array): Promise<CheckAnswer> => {
    const block = readBlock(bytes);
    if (block === undefined || block.hash !== blockHash) return { answer: 'mismatch' };
    const answer = await chain.check(bytes);
    if (answer.answer === 'unknown') return { answer: 'unknown', reason: answer.missing.kind };
    if (answer.answer === 'invalid')
      return bodyIsOfHeader(block, chain.reader.blockByNumber(chain.head().number)?.header)
        ? { answer: 'invalid', code: answer.code }
        : { answer: 'mismatch' };
    const from = knownFrom.get(blockHash) ?? drawKnownFrom(blockHash);
    if (world.nowMs() < from) return { answer: 'unknown', reason: 'data' };
    return { answer: 'valid', originRound: asRound(block.originRound), timestampMs: block.timestampMs };
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

  const build = async (
    chain: Chain,
    request: BuildRequest,
  ): Promise<{ blockHash: Hash; bytes: Uint8Array }> => {
    const candidates = [...pool].map((hash) => byHash.get(hash)!).sort((a, b) => Number(a.nonce - b.nonce));
    const { lastCommit } = request;
    const built = await chain.build({
      parentHash: chain.head().hash,
      origin: {
        originRound: request.round,
        timestampMs: request.timestampMs + (rng.chance(faults.falseTimes) ? 3_600_000 : 0),
        reveal: request.reveal,
        lastCommit: (lastCommit ?? null) as LastCommit | null,
      },
      candidates,
    });
    const facts = factsOf(built.block);
    if (!rng.chance(faults.brokenBlocks)) {
      parts.onBuilt(built.block.hash, facts);
      return { blockHash: built.block.hash, bytes: built.bytes };
    }
    const header = { ...built.block.header, stateRoot: built.block.header.parentHash };
    const broken: Block = { ...built.block, header, hash: headerHash(header) };
    parts.onBuilt(broken.hash, { ...facts, broken: true });
    return { blockHash: broken.hash, bytes: encodeBlock(broken) };
  };

  const commit = async (chain: Chain, block: Omit<StoredBlock, 'height'>): Promise<Head> => {
    const { blockHash, bytes, certificate } = block;
    const verdict = await chain.check(bytes);
    if (verdict.answer !== 'valid')
      throw new Error(`asked to commit a block that is ${verdict.answer}: ${JSON.stringify(verdict)}`);
    const { head } = disk;
    const committed = await chain.commit(blockHash, encodeCertificate(certificate!));
    const { header, transactions } = committed.block;
    parts.onCommit(asHeight(header.number), blockHash, certificate!, head.validators, header);
    disk.sets.push(head.validators);
    disk.head = toHead(committed.head);
    for (const raw of transactions)
      for (const hash of pool) {
        if (!Buffer.from(byHash.get(hash)!.raw).equals(Buffer.from(raw))) continue;
        onIncluded(hash as Hex);
        pool.delete(hash);
      }
    return disk.head;
  };

  return {
    head: () => disk.head,
    build: (request) => effect(workMs(), (chain) => build(chain, request)),
    check: ({ blockHash, bytes }) =>
      effect(workMs(), async (chain) => {
        const answer = await judge(chain, blockHash, bytes);
        if (answer.answer === 'valid' || answer.answer === 'invalid') parts.onJudged(disk.head.height + 1);
        return answer;
      }),
    commit: (block) => effect(workMs() + 1, (chain) => commit(chain, block)),
    hasTransactions: () => pool.size > 0,
    onTransactions(listener) {
      transactionListeners.add(listener);
      return () => transactionListeners.delete(listener);
    },
    onReady(listener) {
      readyListeners.add(listener);
      return () => readyListeners.delete(listener);
    },
    getBlock: (height) =>
      effect(0, (chain): StoredBlock | undefined => {
        const stored = chain.reader.blockByNumber(height);
        const certificate = chain.reader.certificate(height);
        if (stored === undefined || certificate === undefined) return undefined;
        const bytes = encodeBlock(stored);
        return { height, blockHash: stored.hash, bytes, certificate: decodeCertificate(certificate) };
      }),
    addEvidence(evidence) {
      parts.step();
      parts.onEvidence(evidence);
    },
    addTransaction(transaction) {
      pool.add(transaction);
      for (const listener of transactionListeners) listener();
    },
  };
}
