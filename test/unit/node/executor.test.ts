/** The executor with a real chain in a folder, one validator, and a clock that the test moves. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { privateKeyToAccount } from 'viem/accounts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../../consensus/certificate.ts';
import { encodeCertificate, encodeEvidence } from '../../../consensus/codec.ts';
import { voteEvidence } from '../../../consensus/evidence.ts';
import { revealSignBytes, voteSignBytes } from '../../../consensus/sign-bytes.ts';
import {
  asHeight,
  asRound,
  type CommitCertificate,
  type UnsignedVote,
  type Vote,
} from '../../../consensus/types.ts';
import { DEVNET_PARAMS, OPEN } from '../../../genesis/parameters.ts';
import { createGenesis } from '../../../genesis/presets.ts';
import {
  type Executor,
  type ExecutorOverrides,
  openExecutor,
} from '../../../node/executor-thread/executor.ts';
import type { BlockCall, ExecutorEvents } from '../../../node/executor-thread/protocol.ts';
import { createConsensusKey, provePossession } from '../../../node/keys/consensus-key.ts';
import { toHex } from '../../../node/keys/hex.ts';
import { decodeBatch } from '../../../node/mempool/index.ts';
import { createBlstSigner, createBlstVerifier } from '../../../node/validator/bls.ts';
import { toHead } from '../../../node/validator-app/app.ts';
import { decodeBlock, encodeBlock } from '../../../state/block/codec.ts';
import { fromHex } from '../../../state/crypto.ts';
import { inferenceInterface } from '../../../state/modules/interfaces.ts';
import { encodeSystem } from '../../../state/transactions/system.ts';
import type { Hex } from '../../../state/types.ts';

const alice = privateKeyToAccount(`0x${'a1'.repeat(32)}`);
const SHOP: Hex = '0x00000000000000000000000000000000000051ab';
const START_MS = 1_700_000_000_000;

interface Told {
  event: keyof ExecutorEvents;
  data: unknown;
}

function stage() {
  const dir = mkdtempSync(join(tmpdir(), 'executor-'));
  mkdirSync(join(dir, 'chain'), { recursive: true });
  const key = createConsensusKey();
  const operator: Hex = `0x${'0b'.repeat(20)}`;
  const genesis = createGenesis({
    validators: [
      {
        address: operator,
        blsPublicKey: toHex(key.publicKey),
        proofOfPossession: toHex(provePossession(key, operator, DEVNET_PARAMS.chainId)),
        bond: OPEN,
        recipient: operator,
      },
    ],
    balances: new Map([[alice.address.toLowerCase() as Hex, 100n * OPEN]]),
    timestamp: START_MS / 1000,
  });
  const signer = createBlstSigner(operator, key.secretKey);
  const verifier = createBlstVerifier();
  const clock = { ms: START_MS };
  const told: Told[] = [];
  let onTold = (): void => {};
  const heads: number[] = [];
  const timers = new Set<() => void>();
  let executor: Executor;
  let certificate: CommitCertificate | undefined;
  let nonce = 0;

  async function open(overrides: ExecutorOverrides = {}): Promise<Executor> {
    executor = await openExecutor(
      {
        genesis,
        chainDir: join(dir, 'chain'),
        dataDir: dir,
        journalFile: join(dir, 'pool.journal'),
        retention: 100,
        poolLifetimeMs: 3_600_000,
        attributionWorkers: 1,
        rpcPort: null,
      },
      {
        nowMs: () => clock.ms,
        log: () => {},
        setTimer: (_, run) => {
          timers.add(run);
          return () => timers.delete(run);
        },
        salt: () => 1,
        emit(event, data) {
          told.push({ event, data });
          onTold();
        },
        onHead: ({ number }) => heads.push(number),
        onPending: () => {},
      },
      overrides,
    );
    return executor;
  }

  return {
    told,
    heads,
    clock,
    open,
    /** Runs what waits for a timer. */
    fire() {
      for (const run of [...timers]) {
        timers.delete(run);
        run();
      }
    },
    /** Waits for an event after which `condition` holds. */
    async until(condition: () => boolean): Promise<void> {
      while (!condition()) await new Promise<void>((resolve) => (onTold = resolve));
    },
    async transfer(
      options: { to?: Hex; value?: bigint; nonce?: number; gas?: bigint; data?: Hex } = {},
    ): Promise<Uint8Array> {
      const raw = await alice.signTransaction({
        type: 'eip1559',
        chainId: DEVNET_PARAMS.chainId,
        nonce: options.nonce ?? nonce++,
        to: options.to ?? SHOP,
        value: options.value ?? 1n,
        gas: options.gas ?? 21_000n,
        ...(options.data && { data: options.data }),
        maxFeePerGas: 10_000_000_000n,
        maxPriorityFeePerGas: 1n,
      });
      return fromHex(raw);
    },
    build(round = 0): Promise<BlockCall> {
      const { head, genesisHash } = executor.report();
      clock.ms += 1_000;
      const height = asHeight(head.number + 1);
      return executor.build({
        height,
        round,
        timestampMs: clock.ms,
        reveal: signer.sign(revealSignBytes(genesisHash, height)),
        lastCommit: certificate
          ? { round: certificate.round, bitmap: certificate.bitmap, signature: certificate.signature }
          : null,
      });
    },
    /** An encoded proof that the validator precommitted two blocks of round 1 at `height`. */
    equivocation(height: number): Uint8Array {
      const vote = (byte: string): Vote => {
        const unsigned: UnsignedVote = {
          type: 'precommit',
          height: asHeight(height),
          round: asRound(1),
          blockHash: `0x${byte.repeat(32)}`,
          validator: operator,
        };
        const message = voteSignBytes(executor.report().genesisHash, unsigned);
        return { ...unsigned, signature: signer.sign(message) };
      };
      return encodeEvidence(voteEvidence(vote('aa'), vote('bb')));
    },
    /** The one validator's precommit is a quorum. */
    certify({ blockHash }: BlockCall): Uint8Array {
      const { head, genesisHash } = executor.report();
      const vote = {
        type: 'precommit' as const,
        height: asHeight(head.number + 1),
        round: asRound(0),
        blockHash,
        validator: operator,
      };
      const signature = signer.sign(voteSignBytes(genesisHash, vote));
      certificate = makeCertificate(toHead(head).validators, [{ ...vote, signature }], verifier.aggregate);
      return encodeCertificate(certificate);
    },
    async close() {
      await executor.close();
    },
    async clean() {
      await executor.close().catch(() => {});
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

describe('the executor', () => {
  let s: ReturnType<typeof stage>;
  let executor: Executor;
  beforeEach(async () => {
    s = stage();
    executor = await s.open();
  });
  afterEach(() => s.clean());

  it('takes a transaction, builds a block of it, commits it and tells everybody in that order', async () => {
    expect(executor.report()).toMatchObject({ hasTransactions: false, head: { number: 0 } });
    const raw = await s.transfer();
    expect(executor.submit([raw], 'local')).toMatchObject([{ ok: true, executable: true }]);
    expect(s.told).toContainEqual({ event: 'hasTransactions', data: true });

    const block = await s.build();
    expect(decodeBlock(block.bytes).transactions).toEqual([raw]);
    expect(await executor.check(block)).toMatchObject({ answer: 'valid', originRound: 0 });
    expect(s.heads).toEqual([]);
    const report = await executor.commit({ ...block, certificate: s.certify(block) });
    expect(report).toMatchObject({ head: { number: 1, hash: block.blockHash }, hasTransactions: false });
    expect(s.heads).toEqual([1]);
    expect(executor.pool.counts()).toMatchObject({ pending: 0, queued: 0 });
    expect(executor.getBlock(1)).toMatchObject({ blockHash: block.blockHash, bytes: block.bytes });
    expect(executor.counts()).toMatchObject({ height: 1, totalTransactions: 1, lastBlockTransactions: 1 });
  });

  it('refuses blob transactions in the words that libraries look for', async () => {
    const blob = await privateKeyToAccount(`0x${'11'.repeat(32)}`).signTransaction({
      ...{ type: 'eip4844', chainId: 1, nonce: 0, gas: 21_000n, maxFeePerGas: 1n, maxPriorityFeePerGas: 1n },
      ...{
        to: `0x${'22'.repeat(20)}`,
        maxFeePerBlobGas: 1n,
        blobVersionedHashes: [`0x01${'33'.repeat(31)}`],
      },
    });
    expect(executor.submit([fromHex(blob)], 'local')).toMatchObject([
      { ok: false, code: 'INVALID', message: expect.stringMatching(/^transaction type not supported/) },
    ]);
  });

  it('gossips what its own users send, in one frame, and not what it heard', async () => {
    const own = [await s.transfer(), await s.transfer()];
    for (const raw of own) executor.submit([raw], 'local');
    executor.submit([await s.transfer()], 'remote');
    s.fire();
    const frames = s.told
      .filter(({ event }) => event === 'broadcast')
      .flatMap(({ data }) => data as Uint8Array[]);
    expect(frames.map((frame) => decodeBatch(frame))).toEqual([own]);
  });

  it('brings acknowledged transactions back after a restart', async () => {
    executor.submit([await s.transfer(), await s.transfer()], 'local');
    await s.close();
    executor = await s.open();
    expect(executor.report().hasTransactions).toBe(true);
    const block = await s.build();
    await executor.commit({ ...block, certificate: s.certify(block) });
    await s.close();
    executor = await s.open();
    expect(executor.report()).toMatchObject({ head: { number: 1 }, hasTransactions: false });
  });

  it('does not let transactions rest because a block of a late round had no room for them', async () => {
    const raw = await s.transfer();
    executor.submit([raw], 'local');
    const late = await s.build(1_000);
    expect(decodeBlock(late.bytes).transactions).toEqual([]);
    expect(executor.report().hasTransactions).toBe(true);
    const again = await s.build();
    expect(decodeBlock(again.bytes).transactions).toEqual([raw]);
  });

  it('puts proof of equivocation into the block after the one it belongs to, once, over a restart', async () => {
    const proof = s.equivocation(1);
    executor.addEvidence(proof);
    // Height 1 is still being decided: not yet, and not forgotten.
    const first = await s.build();
    expect(decodeBlock(first.bytes).transactions).toEqual([]);
    await executor.commit({ ...first, certificate: s.certify(first) });
    await s.close();
    executor = await s.open();
    executor.addEvidence(proof);
    const raw = await s.transfer();
    executor.submit([raw], 'local');
    const second = await s.build();
    expect(decodeBlock(second.bytes).transactions).toEqual([encodeSystem(proof), raw]);
    await executor.commit({ ...second, certificate: s.certify(second) });
    const third = await s.build();
    expect(decodeBlock(third.bytes).transactions).toEqual([]);
  });

  it('B6: proposes a settlement that will be refused without any attribution; it fails in the block', async () => {
    let attributions = 0;
    await s.close();
    executor = await s.open({
      wrapPorts: (ports) => ({
        ...ports,
        attribute(job) {
          attributions += 1;
          return ports.attribute(job);
        },
      }),
    });
    const { address } = inferenceInterface;
    const unknown: Hex = `0x${'77'.repeat(32)}`;
    const raw = await s.transfer({
      to: address,
      value: 0n,
      gas: 3_000_000n,
      data: toHex(inferenceInterface.encodeCall('settle', [unknown, 'word '.repeat(3_000), unknown])),
    });
    executor.submit([raw], 'remote');
    // It is tried first, and has its turn when the trial is over.
    expect(executor.pool.counts()).toMatchObject({ pending: 1, held: 1 });
    await s.until(() => executor.report().hasTransactions);
    const block = await s.build();
    expect(decodeBlock(block.bytes).transactions).toEqual([raw]);
    expect(await executor.check(block)).toMatchObject({ answer: 'valid' });
    expect(attributions).toBe(0);
  });

  it('commits a decided block that it has never checked', async () => {
    executor.submit([await s.transfer()], 'local');
    const block = await s.build();
    const certificate = s.certify(block);
    await s.close();
    executor = await s.open();
    expect(await executor.commit({ ...block, certificate })).toMatchObject({ head: { number: 1 } });
  });

  it('B1: a body that is not that of its header condemns nothing', async () => {
    executor.submit([await s.transfer()], 'local');
    const block = await s.build();
    await s.close();
    executor = await s.open();
    const decoded = decodeBlock(block.bytes);
    const other = { blockHash: block.blockHash, bytes: encodeBlock({ ...decoded, transactions: [] }) };
    expect(await executor.check(other)).toEqual({ answer: 'mismatch' });
    const reveal = decoded.reveal.slice();
    reveal[5]! ^= 1;
    expect(await executor.check({ ...block, bytes: encodeBlock({ ...decoded, reveal }) })).toEqual({
      answer: 'mismatch',
    });
    expect(await executor.check({ ...block, bytes: block.bytes.subarray(1) })).toEqual({
      answer: 'mismatch',
    });
    expect(await executor.check(block)).toMatchObject({ answer: 'valid' });
  });

  it('A1: a header that lies about the state is invalid for ever', async () => {
    const block = await s.build();
    const decoded = decodeBlock(block.bytes);
    const header = { ...decoded.header, gasUsed: 7n };
    const bytes = encodeBlock({ ...decoded, header });
    const blockHash = decodeBlock(bytes).hash;
    expect(await executor.check({ blockHash, bytes })).toEqual({ answer: 'invalid', code: 'WRONG_HEADER' });
    expect(await executor.check({ blockHash, bytes })).toEqual({ answer: 'invalid', code: 'WRONG_HEADER' });
  });

  it('B2: stops rather than refuse a decided block that it finds invalid', async () => {
    const block = await s.build();
    const decoded = decodeBlock(block.bytes);
    const bytes = encodeBlock({ ...decoded, header: { ...decoded.header, gasUsed: 7n } });
    const wrong = { blockHash: decodeBlock(bytes).hash, bytes };
    await expect(executor.commit({ ...wrong, certificate: s.certify(wrong) })).rejects.toMatchObject({
      code: 'FAULT',
      message: expect.stringContaining('invalid here'),
    });
    expect(executor.report().head.number).toBe(0);
  });

  it('does not make empty blocks for a transaction that no block can take', async () => {
    // Its sender pays from an account that another of its transactions empties first.
    const gas = 21_000n * 10_000_000_000n;
    executor.submit([await s.transfer({ value: 100n * OPEN - 3n * gas })], 'remote');
    executor.submit([await s.transfer({ value: gas / 2n })], 'remote');
    const block = await s.build();
    await executor.commit({ ...block, certificate: s.certify(block) });
    expect(decodeBlock(block.bytes).transactions.length).toBeGreaterThan(0);
    for (let i = 0; i < 3 && executor.report().hasTransactions; i++) {
      const next = await s.build();
      expect(decodeBlock(next.bytes).transactions.length).toBeGreaterThan(0);
      await executor.commit({ ...next, certificate: s.certify(next) });
    }
    expect(executor.report().hasTransactions).toBe(false);
  });
});
