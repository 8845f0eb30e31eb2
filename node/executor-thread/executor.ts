/**
 * The executor: chain, pool and attribution in one thread, because admission reads the state that execution writes.
 * Everything that can take long is a promise; everything that decides is synchronous between two of them.
 */

import { join } from 'node:path';
import { asRound } from '../../consensus/types.ts';
import type {
  AttributionProofQuestion,
  AttributionProofView,
  AttributionView,
  PoolTransaction,
} from '../../rpc/backend.ts';
import { bodyIsOfHeader } from '../../state/block/body.ts';
import { decodeBlock } from '../../state/block/codec.ts';
import { hasFullRoom } from '../../state/block/size.ts';
import { createCaller } from '../../state/call.ts';
import { openChain } from '../../state/chain.ts';
import { attributionJob, inferenceOutput, requestStatus } from '../../state/modules/inference/views.ts';
import { ATTESTATION_TYPE } from '../../state/transactions/attestation.ts';
import {
  type AttributionJob,
  type AttributionOutcome,
  type Block,
  type Caller,
  type Chain,
  type CommittedBlock,
  type ExecutionPorts,
  Fault,
  type Hex,
  type InferenceJob,
  type InferenceOutcome,
  type Missing,
  type PooledTransaction,
  type ValidatorRecord,
} from '../../state/types.ts';
import { createObjectWorker, type ObjectWorker } from '../attestation-worker/client.ts';
import type { Log } from '../log.ts';
import {
  type AddResult,
  createPool,
  encodeBatches,
  type Origin,
  openJournal,
  type Pool,
  type PoolJournal,
} from '../mempool/index.ts';
import { createBlsTime } from '../metrics/bls-time.ts';
import { createTally } from '../metrics/tally.ts';
import { createTrainer, type Trainer } from '../trainer/client.ts';
import type { TrainerSettings } from '../trainer/types.ts';
import { createBlstVerifier } from '../validator/bls.ts';
import type { CheckAnswer } from '../validator/ports.ts';
import { createArtifactPort } from './artifact-port.ts';
import { createAttestations } from './attestations.ts';
import { createAttributionService } from './attribution.ts';
import { createProofService } from './attribution-proofs.ts';
import { createEvidenceFile } from './evidence.ts';
import { createInferenceService } from './inference.ts';
import { LIMITS } from './limits.ts';
import { createBaseFee, createPoolChain, mayNeedThisNode } from './pool-chain.ts';
import { proofQuestion } from './proof-question.ts';
import type {
  BlockCall,
  BuildCall,
  ExecutorCounts,
  ExecutorEvents,
  ExecutorSettings,
  HeadReport,
} from './protocol.ts';
import { createTrials, missingName, type Trials } from './trials.ts';
import { createWarmUp } from './warm-up.ts';

/** What a test may change: the shipped node passes nothing. */
/** Milliseconds: from an empty block to the longest that is waited for. */
const EXECUTE_BOUNDS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];

export interface ExecutorOverrides {
  /** Around the ports that execution uses. */
  wrapPorts?: (ports: ExecutionPorts) => ExecutionPorts;
  /** Around the worker that computes what validators attest, or another one. */
  wrapWorker?: (worker: ObjectWorker) => ObjectWorker;
  /** Instead of the threads that train and answer. */
  createTrainer?: (settings: TrainerSettings) => Trainer;
}

export interface ExecutorEnv {
  nowMs: () => number;
  log: Log;
  /** Runs once after `delayMs`; the returned function cancels it. */
  setTimer: (delayMs: number, run: () => void) => () => void;
  /** 32 random bits: tells apart frames that carry the same transactions. */
  salt: () => number;
  emit: <K extends keyof ExecutorEvents>(event: K, data: ExecutorEvents[K]) => void;
  /** For the RPC thread. */
  onHead: (head: { number: number; hash: Hex }) => void;
  onPending: (transactions: PoolTransaction[]) => void;
}

export interface Executor {
  report(): HeadReport & { genesisHash: Hex };
  build(request: BuildCall): Promise<BlockCall>;
  check(block: BlockCall): Promise<CheckAnswer>;
  commit(block: BlockCall & { certificate: Uint8Array; syncingTo?: number | null }): Promise<HeadReport>;
  getBlock(height: number): { blockHash: Hex; bytes: Uint8Array; certificate: Uint8Array } | undefined;
  validatorsAt(height: number): ValidatorRecord[] | undefined;
  addEvidence(evidence: Uint8Array): void;
  submit(raws: Uint8Array[], origin: Origin): AddResult[];
  /** This node has the key of this validator and attests as it. */
  attestAs(validator: Hex): void;
  artifactArrived(root: Hex): void;
  counts(): ExecutorCounts;
  /** What settling `output` now would credit; undefined if there is no such open request. */
  previewAttribution(requestId: Hex, output: Uint8Array): Promise<AttributionView | undefined>;
  /** For calls and estimates of other threads. @throws Unavailable, Fault, BUSY */
  attribute(job: AttributionJob): Promise<AttributionOutcome>;
  /** The same of answers of trained models. @throws Unavailable, Fault */
  infer(job: InferenceJob): Promise<InferenceOutcome>;
  /** Attribution of a settled request with its spans; undefined if it is unknown or not settled. */
  attributionDetails(requestId: Hex): Promise<AttributionView | undefined>;
  /** A proof about a snapshot, or of a settled request's credits; undefined if there is no such thing. */
  attributionProof(question: AttributionProofQuestion): Promise<AttributionProofView | undefined>;
  readonly pool: Pool;
  close(): Promise<void>;
}

export async function openExecutor(
  settings: ExecutorSettings,
  env: ExecutorEnv,
  overrides: ExecutorOverrides = {},
): Promise<Executor> {
  const { log } = env;
  const genesis = settings.genesis;

  const want = (root: Hex): void => env.emit('want', [root]);
  const artifacts = createArtifactPort(settings.dataDir, want);
  const attribution = createAttributionService({
    dataDir: settings.dataDir,
    params: genesis.params,
    workers: settings.attributionWorkers,
    artifacts,
    log,
    setTimer: env.setTimer,
    onAvailable: (requestId) => available(missingName({ kind: 'attribution', requestId })),
  });
  const proofs = createProofService({
    dataDir: settings.dataDir,
    params: genesis.params,
    artifacts,
    setTimer: env.setTimer,
  });
  const { attribution: rule, retrieval } = genesis.params;
  const trainer = (overrides.createTrainer ?? createTrainer)({
    dataDir: settings.dataDir,
    encoderHash: retrieval.encoderHash,
    runtime: genesis.params.runtime,
    rules: {
      contributorCapPermille: rule.contributorCapPermille,
      coverageCapPermille: rule.coverageCapPermille,
      maxContributors: rule.maxContributors,
      commons: rule.commons,
    },
  });
  const inference = createInferenceService({
    dataDir: settings.dataDir,
    trainer,
    artifacts,
    log,
    onAvailable: (version) => available(missingName({ kind: 'model', ...version })),
  });
  const honest: ExecutionPorts = {
    attribute: attribution.attribute,
    infer: inference.infer,
    artifact: async (root) => artifacts.describe(root),
  };
  const ports = overrides.wrapPorts?.(honest) ?? honest;

  const blsTime = createBlsTime();
  const bls = blsTime.verifier(createBlstVerifier());
  let chain: Awaited<ReturnType<typeof openChain>>;
  try {
    chain = await openChain({
      dir: settings.chainDir,
      genesis,
      ports,
      bls,
      retention: settings.retention,
      ...(settings.keep && { keep: settings.keep }),
    });
  } catch (error) {
    await attribution.close();
    await proofs.close();
    await trainer.close();
    throw error;
  }
  warnOfMissingIndexes(chain, log);
  const trialCaller: Caller = createCaller(chain.reader, { ports });
  const evidence = createEvidenceFile(join(settings.dataDir, 'evidence'), log);

  /** Height that a peer has, while this node catches up with it; 0 otherwise. */
  let syncTarget = 0;
  /** Whether blocks follow that others made long ago. A guess, also by what a peer claims: it may delay work, never end it. */
  function isBehind(): boolean {
    const { number, timestampMs } = chain.head();
    const hasJustStarted = number === openedAt.number && env.nowMs() - openedAt.ms < LIMITS.settleMs;
    return hasJustStarted || syncTarget > number + 1 || env.nowMs() - timestampMs > LIMITS.nearHeadMs;
  }
  /** A node that was away hears of it a moment after it started. */
  const openedAt = { number: chain.head().number, ms: env.nowMs() };
  const warmUp = createWarmUp({
    view: () => chain.reader.stateAt(chain.head().number),
    attribution,
    isBehind,
    nowMs: env.nowMs,
  });

  const worker = createObjectWorker({ dataDir: settings.dataDir }, trainer, proofs);
  const attestations = createAttestations({
    view: () => chain.reader.stateAt(chain.head().number),
    headNumber: () => chain.head().number,
    params: genesis.params,
    genesisHash: chain.reader.genesisHash,
    verify: bls.verify,
    worker: overrides.wrapWorker?.(worker) ?? worker,
    nowMs: env.nowMs,
    isBehind,
    log,
    onComputed: (attestation) => env.emit('attest', attestation),
    onBroadcast: broadcast,
    onMissing: want,
    onChange: () => tellTransactions(false),
    onFault: stop,
  });

  // --- pool ------------------------------------------------------------------------------------------------------

  let told = false;
  let outgoing: Uint8Array[] = [];
  let cancelFlush: (() => void) | undefined;

  const trials: Trials = createTrials({
    needsTrial: mayNeedThisNode,
    run: (tx) => tryOnHead(trialCaller, chain, tx),
    isNext: (tx) => tx.nonce === (chain.reader.stateAt(chain.head().number).account(tx.from)?.nonce ?? 0n),
    headNumber: () => chain.head().number,
    nowMs: env.nowMs,
    onMissing,
    onChange: () => {
      pool.recheck();
      tellTransactions(false);
    },
    onFault: stop,
  });

  const baseFeeAt = createBaseFee(chain, genesis.params);
  const pool: Pool = createPool({
    chain: createPoolChain(chain, genesis.params, env.nowMs, baseFeeAt, trials.gate),
    journal: settings.journalFile === '' ? noJournal() : openJournal(settings.journalFile, log),
    nowMs: env.nowMs,
    lifetimeMs: settings.poolLifetimeMs,
    onExecutable(transactions) {
      chain.prime(transactions);
      env.onPending(transactions.map(toPoolTransaction));
    },
    onBroadcast(transactions) {
      broadcast(transactions.map(({ raw }) => raw));
    },
  });

  function broadcast(raws: readonly Uint8Array[]): void {
    outgoing.push(...raws);
    cancelFlush ??= env.setTimer(LIMITS.broadcastDelayMs, flush);
  }

  function flush(): void {
    cancelFlush = undefined;
    const raws = outgoing;
    outgoing = [];
    if (raws.length > 0) env.emit('broadcast', encodeBatches(raws, env.salt));
  }

  /** Attestations have no sender and no fee, and so a place of their own. */
  function addAll(raws: readonly Uint8Array[], origin: Origin): AddResult[] {
    const results = pool.addAll(
      raws.filter((raw) => raw[0] !== ATTESTATION_TYPE),
      origin,
    );
    return raws.map((raw) =>
      raw[0] === ATTESTATION_TYPE ? attestations.submit(raw, origin) : (results.shift() as AddResult),
    );
  }

  function hasTransactions(): boolean {
    return pool.hasIncludable() || attestations.hasIncludable();
  }

  /** Tells main whether there is something to include; `always` after a new head. */
  function tellTransactions(always: boolean): void {
    const now = hasTransactions();
    if (now === told && !always) return;
    told = now;
    env.emit('hasTransactions', now);
  }

  const restored = pool.restore();
  if (restored > 0)
    log('info', 'transactions of the last run are back in the pool', { transactions: restored });
  attestations.onHead();
  told = hasTransactions();

  let cancelTick = env.setTimer(LIMITS.poolTickMs, tick);
  function tick(): void {
    pool.rebroadcast();
    attestations.tick();
    warmUp.tick();
    pool.expire();
    trials.retain((hash) => pool.get(hash) !== undefined);
    trials.tick();
    // The base fee falls while nothing happens, so something may have become includable.
    tellTransactions(false);
    cancelTick = env.setTimer(LIMITS.poolTickMs, tick);
  }

  // --- blocks ----------------------------------------------------------------------------------------------------

  /** Blocks that could not be judged, by what they miss. In order of arrival. */
  const unknown = new Map<Hex, string>();
  const waiters = new Map<string, Set<() => void>>();
  const counts = {
    lastBlockTransactions: 0,
    lastBlockBytes: 0,
    totalTransactions: 0,
    refused: 0,
    lastExecuteSeconds: 0,
    lastCommitSeconds: 0,
  };
  const executed = createTally(EXECUTE_BOUNDS_MS);
  let failed = false;

  /** B2: this machine failed twice. Nothing is decided by that; the node says so and stops. */
  function stop(fault: Fault): void {
    if (failed) return;
    failed = true;
    env.emit('fault', { code: fault.code, message: fault.message });
  }

  function onMissing(missing: Missing): void {
    if (missing.kind === 'artifact') want(missing.root);
  }

  function remember(blockHash: Hex, missing: Missing): void {
    unknown.delete(blockHash);
    unknown.set(blockHash, missingName(missing));
    for (const oldest of unknown.keys()) {
      if (unknown.size <= LIMITS.unknownBlocks) break;
      unknown.delete(oldest);
    }
    onMissing(missing);
  }

  function available(what: string): void {
    for (const [blockHash, missing] of [...unknown]) {
      if (missing !== what) continue;
      unknown.delete(blockHash);
      env.emit('ready', blockHash);
    }
    const waiting = waiters.get(what);
    waiters.delete(what);
    for (const wake of waiting ?? []) wake();
    trials.available(what);
    pool.recheck();
    tellTransactions(false);
  }

  function waitFor(missing: Missing): Promise<void> {
    const what = missingName(missing);
    return new Promise((resolve) => {
      const waiting = waiters.get(what) ?? new Set();
      waiting.add(resolve);
      waiters.set(what, waiting);
      onMissing(missing);
    });
  }

  async function build(request: BuildCall): Promise<BlockCall> {
    const head = chain.head();
    const tried: Hex[] = [];
    const baseFee = baseFeeAt(request.timestampMs);
    function* candidates(): Generator<PooledTransaction, void, undefined> {
      for (const tx of pool.candidates(baseFee)) {
        tried.push(tx.hash);
        yield tx;
      }
    }
    const started = performance.now();
    const built = await chain.build({
      parentHash: head.hash,
      origin: {
        originRound: request.round,
        timestampMs: request.timestampMs,
        reveal: request.reveal,
        lastCommit: request.lastCommit,
      },
      candidates: candidates(),
      system: evidence.pending(),
      attestations: attestations.pending(),
      stop: () => performance.now() - started > LIMITS.buildMs,
    });
    counts.lastExecuteSeconds = (performance.now() - started) / 1000;
    const dropped = built.dropped.map(({ hash }) => hash);
    for (const hash of dropped) {
      evidence.settle(hash);
      attestations.settle(hash);
    }
    for (const { hash, reason } of built.dropped)
      log('debug', 'a transaction can no longer be included', { hash, reason });
    // Nothing fitted: without a pause the same candidates would make one empty block after the other. In a late round the
    // block is to blame, and not they.
    const passedOver =
      built.block.transactions.length === 0 && hasFullRoom(request.round)
        ? tried.filter((hash) => !dropped.includes(hash))
        : [];
    pool.onBuilt({ dropped, passedOver });
    tellTransactions(false);
    return { blockHash: built.block.hash, bytes: built.bytes };
  }

  async function check({ blockHash, bytes }: BlockCall): Promise<CheckAnswer> {
    const block = readBlock(bytes);
    if (block === undefined || block.hash !== blockHash) return { answer: 'mismatch' };
    const started = performance.now();
    const answer = await chain.check(bytes);
    counts.lastExecuteSeconds = (performance.now() - started) / 1000;
    executed.observe(performance.now() - started);
    switch (answer.answer) {
      case 'valid':
        return {
          answer: 'valid',
          originRound: asRound(answer.block.originRound),
          timestampMs: answer.block.timestampMs,
        };
      case 'invalid':
        if (!isWhole(block, chain)) return { answer: 'mismatch' };
        log('warn', 'a proposed block is invalid', {
          block: blockHash,
          height: block.header.number,
          code: answer.code,
          detail: answer.detail,
        });
        return { answer: 'invalid', code: answer.code };
      case 'unknown':
        remember(blockHash, answer.missing);
        return { answer: 'unknown', reason: missingName(answer.missing) };
    }
  }

  /** B1: a block with a quorum is executed without time limit and never refused. */
  async function execute(blockHash: Hex, bytes: Uint8Array): Promise<void> {
    for (;;) {
      const answer = await chain.check(bytes);
      if (answer.answer === 'valid') return;
      if (answer.answer === 'invalid')
        throw new Fault(
          `block ${blockHash} has a quorum of certificates but is invalid here (${answer.code}: ${answer.detail}). ` +
            'This node runs other rules than the validators, or its database is damaged. Update it, or sync it again.',
        );
      log('info', 'a decided block waits for something that this node does not have yet', {
        block: blockHash,
        missing: missingName(answer.missing),
      });
      if (answer.missing.kind === 'parent')
        throw new Fault(`decided block ${blockHash} does not continue the head ${chain.head().hash}`);
      await waitFor(answer.missing);
    }
  }

  async function commit({
    blockHash,
    bytes,
    certificate,
    syncingTo = null,
  }: BlockCall & { certificate: Uint8Array; syncingTo?: number | null }): Promise<HeadReport> {
    syncTarget = syncingTo ?? 0;
    const started = performance.now();
    await execute(blockHash, bytes);
    const committed = await chain.commit(blockHash, certificate);
    counts.lastCommitSeconds = (performance.now() - started) / 1000;
    afterCommit(committed, bytes.length);
    return { head: committed.head, hasTransactions: told };
  }

  function afterCommit({ block, receipts, head }: CommittedBlock, size: number): void {
    counts.lastBlockTransactions = block.transactions.length;
    counts.lastBlockBytes = size;
    counts.totalTransactions += block.transactions.length;
    unknown.clear();
    evidence.onCommitted(block.transactions);
    attestations.onHead();
    warmUp.onCommitted(receipts);
    const touched = new Set<Hex>();
    for (const { from, to } of receipts) {
      touched.add(from);
      if (to !== null) touched.add(to);
    }
    pool.onHead(touched);
    tellTransactions(true);
    env.onHead({ number: head.number, hash: head.hash });
  }

  return {
    report: () => ({ head: chain.head(), hasTransactions: told, genesisHash: chain.reader.genesisHash }),
    build,
    check,
    commit,
    getBlock(height) {
      const bytes = chain.reader.blockBytes(height);
      const blockHash = chain.reader.hashByNumber(height);
      if (bytes === undefined || blockHash === undefined) return undefined;
      return {
        blockHash,
        bytes,
        certificate: chain.reader.certificate(height) ?? new Uint8Array(),
      };
    },
    validatorsAt: (height) => chain.reader.validators(height),
    addEvidence: evidence.add,
    submit(raws, origin) {
      const results = addAll(raws, origin);
      for (const result of results) if (!result.ok) counts.refused += 1;
      tellTransactions(false);
      return results;
    },
    attestAs: attestations.attestAs,
    artifactArrived(root) {
      available(missingName({ kind: 'artifact', root }));
      attestations.artifactArrived(root);
    },
    counts: () => ({
      ...pool.counts(),
      ...attestations.counts(),
      ...counts,
      executeMs: executed.read(),
      blsSeconds: blsTime.seconds(),
      height: chain.head().number,
    }),
    async previewAttribution(requestId, output) {
      const view = chain.reader.stateAt(chain.head().number);
      if (requestStatus(view, requestId) !== 'open') return undefined;
      const job = attributionJob(view, requestId, output);
      return job && attribution.explain(job);
    },
    attribute: attribution.attributeForOthers,
    infer: inference.infer,
    async attributionDetails(requestId) {
      const view = chain.reader.stateAt(chain.head().number);
      const output = inferenceOutput(view, requestId);
      if (output === undefined || requestStatus(view, requestId) !== 'settled') return undefined;
      const job = attributionJob(view, requestId, output);
      return job && attribution.explain(job);
    },
    async attributionProof(question) {
      const view = chain.reader.stateAt(chain.head().number);
      const asked = proofQuestion(view, question);
      return asked && proofs.prove(asked.snapshots, asked.sequence, asked.question);
    },
    pool,
    async close() {
      cancelTick();
      cancelFlush?.();
      flush();
      pool.close();
      await attribution.close();
      inference.close();
      await attestations.close();
      await trainer.close();
      await proofs.close();
      await chain.close();
    },
  };
}

/** On a node that is older than its indexes, or whose rebuilding was interrupted. */
function warnOfMissingIndexes({ reader }: Chain, log: Log): void {
  const [oldest, first] = [reader.postings.oldest(), reader.postings.first()];
  if (oldest <= Math.max(first, 1)) return;
  log('warn', "earlier blocks are not indexed: stop the node and run 'openledger reindex'", {
    indexedFrom: oldest,
    keptFrom: first,
  });
}

function readBlock(bytes: Uint8Array): Block | undefined {
  try {
    return decodeBlock(bytes);
  } catch {
    return undefined;
  }
}

function isWhole(block: Block, chain: Chain): boolean {
  const parent = chain.reader.blockByNumber(block.header.number - 1);
  return bodyIsOfHeader(block, parent?.hash === block.header.parentHash ? parent.header : undefined);
}

/**
 * Runs a module call on the head's state, thrown away afterwards. It may fail for what its sender's earlier
 * transactions would have changed; the caller knows.
 */
async function tryOnHead(caller: Caller, chain: Chain, tx: PooledTransaction): Promise<boolean> {
  const { error } = await caller.call(
    {
      from: tx.from,
      value: tx.value,
      gas: tx.gasLimit,
      ...(tx.native === undefined
        ? { to: tx.to, data: tx.data }
        : { native: { type: tx.type, op: tx.native.op, fields: tx.native.fields } }),
    },
    chain.head().number,
  );
  return error === undefined;
}

export function toPoolTransaction({ hash, from, nonce, raw }: PooledTransaction): PoolTransaction {
  return { hash, from, nonce, raw };
}

/** For nodes that are told to forget: nothing survives a restart. */
function noJournal(): PoolJournal {
  return { load: () => [], append: () => {}, rewrite: () => {}, size: () => 0, close: () => {} };
}
