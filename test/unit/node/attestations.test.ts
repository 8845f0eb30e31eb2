/**
 * The executor of one of four validators: what it computes, whom it asks for a signature, what it takes from others and
 * what it puts into a block. The other three are their keys; blocks are made when the test says so.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate, toLastCommit } from '../../../consensus/certificate.ts';
import { encodeCertificate } from '../../../consensus/codec.ts';
import { attestationSignBytes, revealSignBytes, voteSignBytes } from '../../../consensus/sign-bytes.ts';
import { asHeight, asRound, type CommitCertificate } from '../../../consensus/types.ts';
import { proposerAt } from '../../../consensus/validator-set/rotation.ts';
import { DEFAULT_PARAMS, OPEN } from '../../../genesis/parameters.ts';
import { openArtifactStore } from '../../../node/artifacts/store.ts';
import type { ObjectWorker } from '../../../node/attestation-worker/client.ts';
import type { ObjectTask } from '../../../node/attestation-worker/types.ts';
import { createWorkerCore } from '../../../node/attestation-worker/worker-core.ts';
import { type Executor, openExecutor } from '../../../node/executor-thread/executor.ts';
import { LIMITS } from '../../../node/executor-thread/limits.ts';
import type { ExecutorEvents } from '../../../node/executor-thread/protocol.ts';
import { silentLog } from '../../../node/log.ts';
import { decodeBatch } from '../../../node/mempool/index.ts';
import { artifactLimits } from '../../../node/rpc-thread/main-side.ts';
import { createBlstVerifier } from '../../../node/validator/bls.ts';
import { toHead } from '../../../node/validator-app/app.ts';
import { decodeBlock } from '../../../state/block/codec.ts';
import { subjectKeyOf } from '../../../state/modules/attestation/storage.ts';
import { contributionInterface, dataNetInterface } from '../../../state/modules/interfaces.ts';
import { commitmentOf, contributionIdOf } from '../../../state/modules/views.ts';
import {
  ATTESTATION_TYPE,
  attestationOf,
  encodeAttestation,
} from '../../../state/transactions/attestation.ts';
import type { Hex } from '../../../state/types.ts';
import {
  accountAddress,
  accountKey,
  START_MS,
  signedTransaction,
  type TestValidator,
  testGenesis,
  testValidators,
} from '../state/support.ts';

const OWNER = 0;
const validators = testValidators(4);
const [self, two, three, four] = validators as [TestValidator, TestValidator, TestValidator, TestValidator];
const verifier = createBlstVerifier();
const genesis = testGenesis({ validators });
const { chainId } = genesis.params;
const salt: Hex = `0x${'5a'.repeat(32)}`;
const texts = ['sing', 'goddess', 'sing'].map((text) => new TextEncoder().encode(text));

const SIZE = texts.reduce((sum, text) => sum + text.length, 0);
const sender = accountAddress(OWNER);
const commitmentTo = (root: Hex): Hex =>
  commitmentOf({ sender, dataNetId: 1, artifactRoot: root, size: SIZE, salt });
const idOf = (root: Hex): Hex => contributionIdOf(1, sender, commitmentTo(root));

type Compute = (honest: ObjectWorker['compute']) => ObjectWorker['compute'];

function stage() {
  const dir = mkdtempSync(join(tmpdir(), 'attestations-'));
  mkdirSync(join(dir, 'chain'), { recursive: true });
  const clock = { ms: START_MS };
  const told: { event: keyof ExecutorEvents; data: unknown }[] = [];
  const timers = new Set<() => void>();
  let onTold = (): void => {};
  let executor: Executor;
  let certificate: CommitCertificate | undefined;
  let nonce = 0;
  let lateMs = 0;
  let syncingTo: number | null = null;

  async function open(change: Compute = (honest) => honest): Promise<Executor> {
    const core = createWorkerCore(dir);
    const compute = change(async (task: ObjectTask) => {
      if (task.kind !== 'approval') throw new Error('nothing is trained here');
      return core(task);
    });
    executor = await openExecutor(
      {
        genesis,
        chainDir: join(dir, 'chain'),
        dataDir: dir,
        journalFile: '',
        retention: 100,
        poolLifetimeMs: 3_600_000,
        attributionWorkers: 1,
        rpcPort: null,
      },
      {
        nowMs: () => clock.ms,
        log: silentLog,
        setTimer: (_, run) => {
          timers.add(run);
          return () => timers.delete(run);
        },
        salt: () => 1,
        emit(event, data) {
          told.push({ event, data });
          onTold();
        },
        onHead: () => {},
        onPending: () => {},
      },
      { wrapWorker: () => ({ compute, close: async () => {} }) },
    );
    return executor;
  }

  /** A block of what the pool holds, by whoever's turn it is, with everybody's votes. */
  async function block(): Promise<Uint8Array[]> {
    const { head, genesisHash } = executor.report();
    clock.ms += 1_000;
    const height = asHeight(head.number + 1);
    const { validators: set } = toHead(head);
    const proposer = proposerAt(set, asRound(0));
    const keyOf = (address: Hex) => validators.find((validator) => validator.address === address)!.secret;
    const built = await executor.build({
      height,
      round: 0,
      timestampMs: clock.ms - lateMs,
      reveal: keyOf(proposer.address).sign(revealSignBytes(genesisHash, height)).toBytes(),
      lastCommit: certificate ? toLastCommit(certificate) : null,
    });
    const vote = {
      type: 'precommit' as const,
      height,
      round: asRound(0),
      blockHash: built.blockHash,
    };
    const message = voteSignBytes(genesisHash, vote);
    const votes = set.validators.map(({ address }) => ({
      ...vote,
      validator: address,
      signature: keyOf(address).sign(message).toBytes(),
    }));
    certificate = makeCertificate(set, votes, verifier.aggregate);
    await executor.commit({ ...built, certificate: encodeCertificate(certificate), syncingTo });
    return decodeBlock(built.bytes).transactions;
  }

  return {
    idOf,
    told,
    clock,
    timers,
    open,
    block,
    events: <K extends keyof ExecutorEvents>(event: K): ExecutorEvents[K][] =>
      told.filter((item) => item.event === event).map(({ data }) => data as ExecutorEvents[K]),
    /** From now on blocks are as old as this. */
    behind(ms: number): void {
      clock.ms += ms;
      lateMs = ms;
    },
    syncingTo(height: number | null): void {
      syncingTo = height;
    },
    /** Waits for an event after which `condition` holds. */
    async until(condition: () => boolean): Promise<void> {
      while (!condition()) await new Promise<void>((resolve) => (onTold = resolve));
    },
    /** Lets finished promises go on. */
    settle: () => new Promise<void>((resolve) => setImmediate(resolve)),
    fire() {
      for (const run of [...timers]) {
        timers.delete(run);
        run();
      }
    },
    /** As long as a node waits that has just started and hears of no block. */
    wait(): void {
      clock.ms += LIMITS.settleMs;
      this.fire();
    },
    async store(): Promise<Hex> {
      const store = openArtifactStore({ dataDir: dir, log: silentLog });
      const root = await store.putStream(texts, artifactLimits(DEFAULT_PARAMS));
      await store.close();
      return root;
    },
    /** Commits, reveals and approves one contribution in one block; its subject is open then. */
    async approve(root: Hex): Promise<void> {
      const commitment = commitmentTo(root);
      const id = idOf(root);
      const send = (to: Hex, data: Uint8Array, value = 0n) => {
        const raw = signedTransaction({
          key: accountKey(OWNER),
          nonce: nonce++,
          to,
          data,
          value,
          gasLimit: 3_000_000n,
        });
        executor.submit([raw], 'remote');
      };
      const { encodeCall } = contributionInterface;
      send(dataNetInterface.address, dataNetInterface.encodeCall('create', ['epics', '', '', []]));
      send(dataNetInterface.address, dataNetInterface.encodeCall('publish', [1n]));
      send(contributionInterface.address, encodeCall('commit', [1n, commitment]), OPEN);
      await block();
      const reveal = [id, root, BigInt(SIZE), 3n, 'CC0', '', salt] as const;
      send(contributionInterface.address, encodeCall('reveal', [...reveal]));
      send(contributionInterface.address, encodeCall('approve', [id]));
      // Trials of calls that need bytes run beside.
      for (let tries = 0; executor.counts().pending > 0; tries++) {
        if (tries > 20) throw new Error('the approval is not taken');
        for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve));
        await block();
      }
    },
    signed(validator: TestValidator, subject: Hex, root: Hex): Uint8Array {
      const message = attestationSignBytes(executor.report().genesisHash, subject, root);
      const signature = validator.secret.sign(message).toBytes();
      return encodeAttestation(
        { op: 'attest', subject, validator: validator.address, root, signature },
        chainId,
      );
    },
    close: () => executor.close(),
    async clean() {
      await executor.close().catch(() => {});
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const wrong: Hex = `0x${'77'.repeat(32)}`;
const kinds = (raws: readonly Uint8Array[]): string[] =>
  raws.filter((raw) => raw[0] === ATTESTATION_TYPE).map((raw) => attestationOf(raw, chainId).op);

describe('a validator and what it attests', () => {
  let s: ReturnType<typeof stage>;
  beforeEach(() => {
    s = stage();
  });
  afterEach(() => s.clean());

  /** Approved, computed, and its key asked. */
  async function asked(change?: Compute): Promise<{ executor: Executor; subject: Hex; root: Hex }> {
    const executor = await s.open(change);
    const root = await s.store();
    executor.attestAs(self.address);
    await s.approve(root);
    await s.until(() => s.events('attest').length > 0);
    const [attestation] = s.events('attest') as [{ subject: Hex; root: Hex }];
    return { executor, ...attestation };
  }

  it('B4: computes, asks its key once, gossips, and publishes when enough agree; an idle chain has something to do', async () => {
    const { executor, subject, root } = await asked();
    expect(executor.report().hasTransactions).toBe(false);
    expect(executor.submit([s.signed(self, subject, root)], 'local')).toMatchObject([{ ok: true }]);
    expect(executor.report().hasTransactions).toBe(true);
    s.fire();
    expect(
      s
        .events('broadcast')
        .flat()
        .flatMap((frame) => kinds(decodeBatch(frame) ?? [])),
    ).toEqual(['attest']);
    executor.submit([s.signed(two, subject, root), s.signed(three, subject, root)], 'remote');
    expect(executor.counts()).toMatchObject({ openSubjects: 1, waitingAttestations: 3 });
    expect(kinds(await s.block())).toEqual(['attest', 'attest', 'attest']);
    expect(executor.counts()).toMatchObject({ openSubjects: 1, waitingAttestations: 0 });
    // Nobody sent anything, and blocks are wanted until the object is in.
    expect(executor.report().hasTransactions).toBe(true);
    for (let i = 1; i < DEFAULT_PARAMS.attestation.activationBlocks; i++)
      expect(kinds(await s.block())).toEqual([]);
    expect(kinds(await s.block())).toEqual(['publish']);
    expect(executor.report().hasTransactions).toBe(false);
    expect(executor.counts()).toMatchObject({ openSubjects: 0 });
    expect(s.events('attest')).toHaveLength(1);
    expect(s.events('fault')).toEqual([]);
  });

  it('computes nothing on its way to a later head, and everything that is open when nothing comes any more', async () => {
    let computedCount = 0;
    const executor = await s.open((honest) => (task) => {
      computedCount += 1;
      return honest(task);
    });
    const artifact = await s.store();
    executor.attestAs(self.address);
    // Blocks of an hour ago, as a node meets them that was away.
    s.behind(3_600_000);
    await s.approve(artifact);
    expect(executor.counts()).toMatchObject({ openSubjects: 1 });
    s.fire();
    await s.settle();
    expect(computedCount).toBe(0);
    // The subject stays open: whatever is said about the head, this node does its part.
    s.wait();
    await s.until(() => s.events('attest').length > 0);
    expect(computedCount).toBe(1);
  });

  it('computes nothing while a peer is said to be ahead, unless that comes to nothing', async () => {
    const executor = await s.open();
    const artifact = await s.store();
    executor.attestAs(self.address);
    s.syncingTo(1_000);
    await s.approve(artifact);
    s.fire();
    await s.settle();
    expect(s.events('attest')).toEqual([]);
    // Caught up, by the next block of consensus.
    s.syncingTo(null);
    await s.block();
    await s.until(() => s.events('attest').length > 0);
  });

  it('takes from others what is right and new, once, and refuses the rest with a code', async () => {
    const { executor, subject, root } = await asked();
    const code = (raw: Uint8Array) => {
      const [result] = executor.submit([raw], 'remote');
      return result?.ok ? 'ok' : result?.code;
    };
    const stranger = testValidators(5)[4] as TestValidator;
    expect(code(s.signed(two, subject, root))).toBe('ok');
    expect(code(s.signed(two, subject, root))).toBe('ALREADY_KNOWN');
    expect(code(s.signed(stranger, subject, root))).toBe('NOT_NEEDED');
    expect(code(s.signed({ ...two, address: four.address }, subject, root))).toBe('INVALID');
    expect(code(Uint8Array.of(0x54, 0xc0))).toBe('INVALID');
    expect(code(encodeAttestation({ op: 'publish', subject, object: new Uint8Array(9) }, chainId))).toBe(
      'NOT_NEEDED',
    );
    // Two of one validator are proof; a third is not needed.
    expect(code(s.signed(two, subject, wrong))).toBe('ok');
    expect(code(s.signed(two, subject, salt))).toBe('ALREADY_KNOWN');
    expect(kinds(await s.block())).toEqual(['attest', 'attest']);
    expect(executor.report().hasTransactions).toBe(false);
  });

  it('hears an attestation before the block that opens its subject, and has it when the block is there', async () => {
    const executor = await s.open();
    const artifact = await s.store();
    // Whichever block it will be that opens the subject.
    const early = [2, 3, 4, 5, 6, 7, 8].map((openedAt) =>
      s.signed(two, subjectKeyOf('approval', s.idOf(artifact), openedAt, 1), wrong),
    );
    for (const result of executor.submit(early, 'remote'))
      expect(result).toMatchObject({ ok: false, code: 'NOT_NEEDED' });
    expect(executor.report().hasTransactions).toBe(false);
    await s.approve(artifact);
    expect(executor.report().hasTransactions).toBe(true);
    expect(kinds(await s.block())).toEqual(['attest']);
  });

  it('computes again after a restart, and asks for the same root', async () => {
    const first = await asked();
    await s.close();
    s.told.length = 0;
    const executor = await s.open();
    executor.attestAs(self.address);
    s.wait();
    await s.until(() => s.events('attest').length > 0);
    expect(s.events('attest')).toEqual([{ subject: first.subject, root: first.root }]);
  });

  it('does not ask for a signature that the chain has already', async () => {
    const { executor, subject, root } = await asked();
    executor.submit([s.signed(self, subject, root)], 'local');
    await s.block();
    await s.close();
    s.told.length = 0;
    const again = await s.open();
    again.attestAs(self.address);
    s.wait();
    for (let i = 0; i < 5; i++) await s.settle();
    expect(s.events('attest')).toEqual([]);
  });

  it('sends its own once more while no block has it', async () => {
    const { executor, subject, root } = await asked();
    executor.submit([s.signed(self, subject, root), s.signed(two, subject, root)], 'local');
    s.fire();
    s.told.length = 0;
    s.clock.ms += LIMITS.attestationAgainMs;
    s.fire();
    s.fire();
    expect(
      s
        .events('broadcast')
        .flat()
        .flatMap((frame) => decodeBatch(frame) ?? []),
    ).toHaveLength(2);
  });

  it('computes nothing without a key, and nothing for others’ sets', async () => {
    const executor = await s.open();
    const root = await s.store();
    executor.attestAs((testValidators(5)[4] as TestValidator).address);
    await s.approve(root);
    for (let i = 0; i < 5; i++) await s.settle();
    expect(s.events('attest')).toEqual([]);
  });

  it('B2: a failed worker is tried once more; a second failure stops the node and is never a root', async () => {
    let failures = 0;
    const failing =
      (times: number): Compute =>
      (honest) =>
      async (task) => {
        failures += 1;
        if (failures <= times) throw new Error('the worker crashed');
        return honest(task);
      };
    await asked(failing(1));
    expect(failures).toBe(2);
    expect(s.events('fault')).toEqual([]);
    await s.close();
    failures = 0;
    s.told.length = 0;
    const executor = await s.open(failing(9));
    executor.attestAs(self.address);
    s.wait();
    await s.until(() => s.events('fault').length > 0);
    expect(s.events('fault')).toMatchObject([
      { code: 'FAULT', message: expect.stringContaining('the worker crashed') },
    ]);
    expect(failures).toBe(2);
    expect(s.events('attest')).toEqual([]);
  });

  it('B2: attests nothing of what this machine cannot say, asks once, and goes on', async () => {
    let calls = 0;
    const executor = await s.open(() => async () => {
      calls += 1;
      return { kind: 'unknown', reason: 'the runtime gave no answer' };
    });
    executor.attestAs(self.address);
    await s.approve(await s.store());
    await s.until(() => calls > 0);
    for (let i = 0; i < 3; i++) await s.block();
    expect(calls).toBe(1);
    expect(s.events('attest')).toEqual([]);
    expect(s.events('fault')).toEqual([]);
  });

  it('B2: stops when others’ root is in use and its own is another, and not before', async () => {
    const spoil: Compute = (honest) => async (task) => {
      const answer = await honest(task);
      return answer.kind === 'done' ? { ...answer, object: Uint8Array.of(...answer.object, 1) } : answer;
    };
    const { executor, subject, root: own } = await asked(spoil);
    const right: Hex = `0x${'42'.repeat(32)}`;
    executor.submit([s.signed(self, subject, own)], 'local');
    executor.submit(
      [two, three, four].map((validator) => s.signed(validator, subject, right)),
      'remote',
    );
    await s.block();
    await s.block();
    expect(s.events('fault')).toEqual([]);
    for (let i = 1; i < DEFAULT_PARAMS.attestation.activationBlocks; i++) await s.block();
    expect(s.events('fault')).toMatchObject([
      {
        code: 'FAULT',
        message: expect.stringMatching(
          new RegExp(`computed root ${own} for subject ${subject} .* attested ${right}.*check the machine`),
        ),
      },
    ]);
  });

  it('B1: fetches what it lacks and computes when it is there', async () => {
    let isHere = false;
    const executor = await s.open((honest) => async (task) => {
      if (!isHere && task.kind === 'approval') return { kind: 'missing', roots: [task.own.artifactRoot] };
      return honest(task);
    });
    const root = await s.store();
    executor.attestAs(self.address);
    await s.approve(root);
    await s.settle();
    expect(s.events('want')).toContainEqual([root]);
    expect(s.events('attest')).toEqual([]);
    isHere = true;
    executor.artifactArrived(root);
    await s.until(() => s.events('attest').length > 0);
    expect(s.events('fault')).toEqual([]);
  });
});
