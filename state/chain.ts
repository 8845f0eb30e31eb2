/**
 * The executor: one chain in one directory. It builds, checks and commits children of its head, one call at a time.
 * Finished blocks wait as overlays; committing one writes a single durable batch and drops the others.
 */
import { fromLastCommit, verifyCertificate } from '../consensus/certificate.ts';
import { heightOfEvidence, verifyEvidence } from '../consensus/evidence.ts';
import { revealSignBytes } from '../consensus/sign-bytes.ts';
import { asHeight, asRound, type Evidence } from '../consensus/types.ts';
import { proposerAt } from '../consensus/validator-set/rotation.ts';
import { openHeadState, type Sealed } from './accounts/head-state.ts';
import { bodyIsOfHeader, randaoAfter } from './block/body.ts';
import {
  decodeBlock,
  encodeBlock,
  encodeHeader,
  headerHash,
  lastCommitHash,
  NO_OMMERS,
  NO_WITHDRAWALS,
  requestsHashOf,
  ZERO_NONCE,
} from './block/codec.ts';
import { encodeReceipt, encodeStoredReceipts } from './block/receipts.ts';
import { orderedRoot } from './block/roots.ts';
import { BLOCK_OVERHEAD_BYTES, maxBlockBytes } from './block/size.ts';
import { encodeRecords, setHash, toValidatorSet } from './block/validators.ts';
import { concat, fromHex, keccak256, toHex } from './crypto.ts';
import { type DatabaseFiles, openDatabase, WAY_OUT, type Write } from './db/database.ts';
import { decodeHead, encodeHead } from './db/head-record.ts';
import { COLUMN, FORMAT_VERSION, hashKey, key, metaKey, numberKey, u32, u48 } from './db/keys.ts';
import { compactPruned, KEEP_RECORDS, pruneRecords, pruneStates, type Retention } from './db/retention.ts';
import { versionedWriter } from './db/versioned.ts';
import { type BlockRun, createBlockRun } from './execution/block-run.ts';
import { createEngine, type Engine } from './execution/engine.ts';
import { nextBaseFee } from './execution/fees.ts';
import { type ModuleTable, moduleTable } from './execution/module-table.ts';
import { World } from './execution/world.ts';
import { makeGenesisBlock } from './genesis-block.ts';
import { postingsOf } from './indexes/postings.ts';
import { NEW_INDEXES, prepareIndexes } from './indexes/store.ts';
import { LIMITS } from './limits.ts';
import { createLru } from './lru.ts';
import { checkHead } from './maintenance/check-head.ts';
import type { ValidatorSets } from './modules/context.ts';
import { createReader, type Reader, wrongChain } from './reader.ts';
import { RlpError } from './rlp.ts';
import { TransactionError, type TransactionErrorCode } from './transactions/errors.ts';
import { decodeIncluded } from './transactions/system.ts';
import {
  type Block,
  type BlockHeader,
  type BlockOrigin,
  type BuildInput,
  type BuiltBlock,
  type Chain,
  ChainError,
  type CheckAnswer,
  type CommittedBlock,
  Fault,
  type Head,
  type Hex,
  type OpenChainOptions,
  type PooledTransaction,
  type Receipt,
  Unavailable,
} from './types.ts';

/** Why a block is invalid. Facts about the block and its parent's state, the same on every node (A1). */
export type InvalidCode =
  | 'TOO_LARGE'
  | 'MALFORMED'
  | 'WRONG_NUMBER'
  | 'ROUND_TOO_LARGE'
  | 'TIMESTAMP_DECREASES'
  | 'BAD_LAST_COMMIT'
  | 'BAD_REVEAL'
  | 'BAD_TRANSACTION'
  /** A header field other than what execution gives; the detail names it. */
  | 'WRONG_HEADER';

class Invalid extends Error {
  override name = 'Invalid';
  readonly code: InvalidCode;
  constructor(code: InvalidCode, detail: string) {
    super(detail);
    this.code = code;
  }
}

/** A checked child of the head. */
interface Overlay {
  block: Block;
  bytes: Uint8Array;
  sealed: Sealed;
  receipts: Receipt[];
  sets: ValidatorSets;
}

/** Candidates with these problems can never follow this parent; others may fit later. */
const HOPELESS: ReadonlySet<TransactionErrorCode> = new Set<TransactionErrorCode>([
  'NONCE_TOO_LOW',
  'NONCE_EXHAUSTED',
  'INSUFFICIENT_FUNDS',
  'SENDER_NOT_EOA',
]);

/** A transfer: no transaction is cheaper. */
const CHEAPEST_GAS = 21_000n;
/** Prefix of one transaction in a list. */
const ITEM_OVERHEAD_BYTES = 4;

const openDirectories = new Set<string>();

export interface ChainOptions extends OpenChainOptions {
  /** The modules to run; tests pass their own. */
  modules?: ModuleTable;
  /** How many blocks' bodies, receipts and index entries stay; default: all. */
  keep?: Partial<Omit<Retention, 'states'>>;
}

/**
 * Opens the chain in `options.dir`, or creates it from the genesis.
 * @throws ChainError DATA_DIR_IN_USE, WRONG_CHAIN, BAD_GENESIS, DATABASE_DAMAGED
 */
export async function openChain(options: ChainOptions): Promise<Chain & { readonly reader: Reader }> {
  const modules = options.modules ?? moduleTable;
  const genesis = await makeGenesisBlock(options.genesis, modules);
  const db = await openDatabase(options.dir);
  // LevelDB's lock is one per process; within it, only one executor may write.
  if (openDirectories.has(db.dir)) {
    await db.close();
    throw new ChainError('DATA_DIR_IN_USE', `this process already runs a chain in ${options.dir}`);
  }
  const location = db.dir;
  openDirectories.add(location);
  try {
    const stored = db.get(metaKey('genesis'));
    if (stored !== undefined && toHex(stored) !== genesis.block.hash)
      throw new ChainError('WRONG_CHAIN', wrongChain(options.dir, toHex(stored), genesis.block.hash));
    const format = db.get(metaKey('format'));
    if (format !== undefined && format[0] !== FORMAT_VERSION)
      throw new ChainError(
        'DATABASE_DAMAGED',
        `${options.dir} was written in format ${format[0]}, this node reads ${FORMAT_VERSION}: sync again into an empty directory`,
      );
    if (stored === undefined) {
      await refuseRemains(db, options.dir);
      await writeGenesis(db, genesis, modules);
    }
    await prepareIndexes(db);
    return await runChain(options, modules, db, genesis.block.hash);
  } catch (error) {
    openDirectories.delete(location);
    await db.close();
    throw error;
  }
}

/**
 * The first block is written in one batch with the name of the chain: what is there without it is the rest of a chain
 * whose files are damaged, and another one must not begin between its values.
 * @throws ChainError DATABASE_DAMAGED
 */
async function refuseRemains(db: DatabaseFiles, dir: string): Promise<void> {
  const [any] = await db.entries(Uint8Array.of(0), Uint8Array.of(255), { limit: 1 });
  if (any === undefined) return;
  throw new ChainError(
    'DATABASE_DAMAGED',
    `the database in ${dir} has lost the beginning of its chain. ${WAY_OUT}`,
  );
}

async function writeGenesis(
  db: DatabaseFiles,
  genesis: Awaited<ReturnType<typeof makeGenesisBlock>>,
  modules: ModuleTable,
): Promise<void> {
  const { block, bytes, sealed, sets } = genesis;
  const writes: Write[] = [
    { key: metaKey('format'), value: Uint8Array.of(FORMAT_VERSION) },
    { key: metaKey('genesis'), value: fromHex(block.hash) },
    NEW_INDEXES,
  ];
  const versioned = versionedWriter(db, 0, writes);
  const empty = openHeadState(db, fromHex(NO_WITHDRAWALS));
  const state = empty.writes(sealed, modules.recordAccounts, versioned);
  writes.push(...state, ...blockWrites(block, bytes, [], sets, undefined));
  await db.write(writes);
}

/** Everything of a block but its state. */
function blockWrites(
  block: Block,
  bytes: Uint8Array,
  receipts: readonly Receipt[],
  sets: ValidatorSets,
  certificate: Uint8Array | undefined,
): Write[] {
  const { number } = block.header;
  const writes: Write[] = [
    { key: numberKey(COLUMN.header, number), value: encodeHeader(block.header) },
    { key: numberKey(COLUMN.block, number), value: bytes },
    { key: numberKey(COLUMN.receipts, number), value: encodeStoredReceipts(receipts) },
    { key: hashKey(COLUMN.blockHash, block.hash), value: u48(number) },
    { key: numberKey(COLUMN.validators, number + 1), value: encodeRecords(sets.next) },
    { key: metaKey('head'), value: encodeHead(headOf(block, sets)) },
  ];
  if (certificate !== undefined)
    writes.push({ key: numberKey(COLUMN.certificate, number), value: certificate });
  for (const [index, raw] of block.transactions.entries())
    writes.push({
      key: key(COLUMN.transaction, keccak256(raw)),
      value: concat(u48(number), u32(index)),
    });
  for (const entry of postingsOf(number, receipts)) writes.push(entry);
  return writes;
}

function headOf(block: Block, sets: ValidatorSets): Head {
  return {
    number: block.header.number,
    hash: block.hash,
    stateRoot: block.header.stateRoot,
    timestamp: block.header.timestamp,
    timestampMs: block.timestampMs,
    nextValidators: sets.next,
    afterNextValidators: sets.afterNext,
  };
}

async function runChain(
  options: ChainOptions,
  modules: ModuleTable,
  db: DatabaseFiles,
  genesisHash: Hex,
): Promise<Chain & { readonly reader: Reader }> {
  const { bls, ports } = options;
  const { params } = options.genesis;
  const retention = {
    ...KEEP_RECORDS,
    ...options.keep,
    states: options.retention ?? LIMITS.defaultRetention,
  };
  const reader = createReader(db, params, genesisHash);
  const headRecord = db.get(metaKey('head'));
  if (headRecord === undefined) throw new ChainError('DATABASE_DAMAGED', `${options.dir} has no head`);
  let head = decodeHead(headRecord);
  checkHead(db, head, genesisHash, bls);
  let headHeader = mustHave(reader.headerByNumber(head.number), 'the head');
  const state = openHeadState(db, fromHex(head.stateRoot));
  const overlays = new Map<Hex, Overlay>();
  const invalid = createLru<Hex, { code: InvalidCode; detail: string }>(LIMITS.maxInvalidBlocks);
  const primed = createLru<Hex, PooledTransaction>(LIMITS.maxPrimedTransactions);
  const newEngine = (): Promise<Engine> =>
    createEngine({ chainId: params.chainId, modules, blockHash: (n) => reader.hashByNumber(n) });
  let engine = await newEngine();
  let open = true;
  let queue: Promise<unknown> = Promise.resolve();

  /** Calls run one after the other, since they share the head, the engine and the caches. */
  function serially<T>(work: () => Promise<T>): Promise<T> {
    const run = queue.then(() => {
      if (!open) throw new ChainError('CLOSED', 'the chain is closed');
      return work();
    });
    queue = run.catch(() => {});
    return run;
  }

  /** A Fault is tried once more with a fresh engine (B2); a second one is the caller's to stop on. */
  async function withRetry<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isFault(error)) throw error;
      engine = await newEngine();
      return await work();
    }
  }

  function startBlock(origin: BlockOrigin): { run: BlockRun; world: World; expected: PartialHeader } {
    const number = head.number + 1;
    const set = toValidatorSet(head.nextValidators);
    const proposer = proposerAt(set, asRound(origin.originRound));
    const expected: PartialHeader = {
      parentHash: head.hash,
      ommersHash: NO_OMMERS,
      coinbase: proposer.recipient,
      difficulty: 0n,
      number,
      gasLimit: params.block.gasLimit,
      timestamp: Math.floor(origin.timestampMs / 1000),
      prevRandao: randaoAfter(headHeader, origin.reveal),
      nonce: ZERO_NONCE,
      baseFeePerGas: nextBaseFee(
        { ...headHeader, timestampMs: head.timestampMs },
        origin.timestampMs,
        params.block,
      ),
      withdrawalsRoot: NO_WITHDRAWALS,
      blobGasUsed: 0n,
      excessBlobGas: 0n,
      extraData: setHash(head.afterNextValidators),
      parentBeaconBlockRoot: lastCommitHash(origin.lastCommit),
      requestsHash: requestsHashOf(origin.originRound, origin.timestampMs),
    };
    const world = new World(state);
    const run = createBlockRun({
      judge: (evidence) => problemOf(evidence, number),
      verify: (message, key, signature) => bls.verify(message, key, signature),
      engine,
      modules,
      params,
      genesisHash,
      ports,
      world,
      parent: { hash: head.hash, timestampMs: head.timestampMs },
      number,
      origin,
      coinbase: expected.coinbase,
      prevRandao: expected.prevRandao,
      baseFeePerGas: expected.baseFeePerGas,
    });
    return { run, world, expected };
  }

  /** Against the set of its own height, which the chain has kept; not older than the parameter allows. */
  function problemOf(evidence: Evidence, number: number): TransactionError | undefined {
    const height = heightOfEvidence(evidence);
    if (height >= number)
      return new TransactionError('EVIDENCE_TOO_EARLY', `height ${height} is not decided yet`);
    const refuse = (reason: string) => new TransactionError('BAD_EVIDENCE', reason);
    if (number - height > params.consensus.evidenceMaxAgeBlocks)
      return refuse(`height ${height} is too long ago`);
    const set = reader.validators(height);
    if (set === undefined) return refuse(`nobody voted on height ${height}`);
    const problem = verifyEvidence(evidence, toValidatorSet(set), genesisHash, (message, key, signature) =>
      bls.verify(message, key, signature),
    );
    return problem === undefined ? undefined : refuse(problem);
  }

  async function finishBlock(
    started: ReturnType<typeof startBlock>,
    transactions: Uint8Array[],
    origin: BlockOrigin,
  ): Promise<Omit<Overlay, 'bytes'>> {
    const { receipts, gasUsed, logsBloom, sets } = await started.run.finish();
    const sealed = state.seal(started.world.changes());
    const header: BlockHeader = {
      ...started.expected,
      stateRoot: toHex(sealed.stateRoot),
      transactionsRoot: orderedRoot(transactions),
      receiptsRoot: orderedRoot(receipts.map(encodeReceipt)),
      logsBloom: toHex(logsBloom),
      gasUsed,
    };
    if (setHash(sets.next) !== header.extraData)
      throw new Fault('staking changed the set of the next block, which its parent had fixed (A6)');
    const block: Block = {
      hash: headerHash(header),
      header,
      transactions,
      originRound: origin.originRound,
      timestampMs: origin.timestampMs,
      reveal: origin.reveal,
      lastCommit: origin.lastCommit,
    };
    return { block, sealed, receipts, sets };
  }

  function keep(overlay: Overlay): void {
    overlays.delete(overlay.block.hash);
    overlays.set(overlay.block.hash, overlay);
    if (overlays.size > LIMITS.maxOverlays) overlays.delete(overlays.keys().next().value as Hex);
  }

  async function build(input: BuildInput): Promise<BuiltBlock> {
    if (input.parentHash !== head.hash)
      throw new ChainError('UNKNOWN_BLOCK', `the head is ${head.hash}, not ${input.parentHash}`);
    checkOrigin(input.origin);
    const started = startBlock(input.origin);
    await started.run.begin();
    const transactions: Uint8Array[] = [];
    const dropped: BuiltBlock['dropped'] = [];
    let bytesLeft = maxBlockBytes(params.block.maxBytes, input.origin.originRound) - BLOCK_OVERHEAD_BYTES;
    const feeless = [
      ...(input.system ?? []).slice(0, LIMITS.maxEvidencePerBlock),
      ...(input.attestations ?? []).slice(0, params.attestation.maxPerBlock),
    ];
    for (const raw of feeless) {
      const size = raw.length + ITEM_OVERHEAD_BYTES;
      if (size > bytesLeft) continue;
      try {
        await started.run.apply(decodeIncluded(raw, params.chainId, modules));
        transactions.push(raw);
        bytesLeft -= size;
      } catch (error) {
        if (!(error instanceof TransactionError)) throw error;
        if (error.code !== 'EVIDENCE_TOO_EARLY' && error.code !== 'ATTESTATION_TOO_EARLY')
          dropped.push({ hash: toHex(keccak256(raw)), reason: error.message });
      }
    }
    for (const candidate of input.candidates) {
      if (started.run.gasLeft() < CHEAPEST_GAS || input.stop?.() === true) break;
      if (transactions.length >= LIMITS.maxBlockTransactions) break;
      const size = candidate.raw.length + ITEM_OVERHEAD_BYTES;
      if (size > bytesLeft) continue;
      try {
        await started.run.apply(candidate);
      } catch (error) {
        // What is not here yet may be here for the next block.
        if (error instanceof Unavailable) continue;
        if (!(error instanceof TransactionError)) throw error;
        if (HOPELESS.has(error.code)) dropped.push({ hash: candidate.hash, reason: error.message });
        continue;
      }
      transactions.push(candidate.raw);
      bytesLeft -= size;
    }
    const finished = await finishBlock(started, transactions, input.origin);
    const bytes = encodeBlock(finished.block);
    keep({ ...finished, bytes });
    return { block: finished.block, bytes, dropped };
  }

  /** @throws Invalid */
  function checkOrigin(origin: BlockOrigin): void {
    const number = head.number + 1;
    if (origin.originRound > LIMITS.maxOriginRound)
      throw new Invalid('ROUND_TOO_LARGE', `origin round ${origin.originRound}`);
    if (origin.timestampMs < head.timestampMs)
      throw new Invalid('TIMESTAMP_DECREASES', `${origin.timestampMs} ms after ${head.timestampMs} ms`);
    const set = toValidatorSet(head.nextValidators);
    const proposer = proposerAt(set, asRound(origin.originRound));
    if (!bls.verify(revealSignBytes(genesisHash, asHeight(number)), proposer.blsPublicKey, origin.reveal))
      throw new Invalid('BAD_REVEAL', `not the signature of ${proposer.address} over block ${number}`);
    if (number === 1) {
      if (origin.lastCommit !== null) throw new Invalid('BAD_LAST_COMMIT', 'block 1 carries none');
      return;
    }
    if (origin.lastCommit === null) throw new Invalid('BAD_LAST_COMMIT', 'there is none');
    const voters = mustHave(reader.validators(head.number), 'the set that voted on the head');
    const problem = verifyCertificate(
      toValidatorSet(voters),
      genesisHash,
      fromLastCommit(
        { ...origin.lastCommit, round: asRound(origin.lastCommit.round) },
        { height: asHeight(head.number), blockHash: head.hash },
      ),
      (message, keys, signature) => bls.fastAggregateVerify(message, keys, signature),
    );
    if (problem !== undefined) throw new Invalid('BAD_LAST_COMMIT', problem);
  }

  function decodeAll(block: Block): PooledTransaction[] {
    return block.transactions.map((raw, index) => {
      const known = primed.get(toHex(keccak256(raw)));
      if (known !== undefined) return known;
      try {
        return decodeIncluded(raw, params.chainId, modules);
      } catch (error) {
        if (error instanceof TransactionError)
          throw new Invalid('BAD_TRANSACTION', `transaction ${index}: ${error.code}: ${error.message}`);
        throw error;
      }
    });
  }

  async function execute(block: Block, bytes: Uint8Array): Promise<Overlay> {
    const { header } = block;
    if (header.number !== head.number + 1)
      throw new Invalid('WRONG_NUMBER', `block ${header.number} after ${head.number}`);
    checkOrigin(block);
    const started = startBlock(block);
    // What the parent fixes is compared before any work is done.
    compareHeaders(header, { ...started.expected, transactionsRoot: orderedRoot(block.transactions) });
    const transactions = decodeAll(block);
    await started.run.begin();
    for (const [index, tx] of transactions.entries()) {
      try {
        await started.run.apply(tx);
      } catch (error) {
        if (error instanceof TransactionError)
          throw new Invalid('BAD_TRANSACTION', `transaction ${index}: ${error.code}: ${error.message}`);
        throw error;
      }
    }
    const finished = await finishBlock(started, block.transactions, block);
    compareHeaders(header, finished.block.header);
    return { ...finished, bytes };
  }

  async function check(bytes: Uint8Array): Promise<CheckAnswer> {
    let block: Block;
    if (bytes.length > params.block.maxBytes)
      return { answer: 'invalid', code: 'TOO_LARGE', detail: `${bytes.length} bytes` };
    try {
      block = decodeBlock(bytes);
    } catch (error) {
      if (!isMalformed(error)) throw error;
      return { answer: 'invalid', code: 'MALFORMED', detail: (error as Error).message };
    }
    const known = overlays.get(block.hash);
    if (known !== undefined) return sameBytes(known.bytes, bytes, known.block);
    const refused = invalid.get(block.hash);
    if (refused !== undefined) return { answer: 'invalid', ...refused };
    const { number, parentHash } = block.header;
    if (number <= head.number && reader.hashByNumber(number) === block.hash)
      return { answer: 'valid', block };
    if (parentHash !== head.hash) return { answer: 'unknown', missing: { kind: 'parent', hash: parentHash } };
    if (bytes.length > maxBlockBytes(params.block.maxBytes, block.originRound)) {
      const detail = `${bytes.length} bytes, first proposed in round ${block.originRound}`;
      return { answer: 'invalid', code: 'TOO_LARGE', detail };
    }
    try {
      const overlay = await withRetry(() => execute(block, bytes));
      keep(overlay);
      return { answer: 'valid', block: overlay.block };
    } catch (error) {
      if (error instanceof Unavailable) return { answer: 'unknown', missing: error.missing };
      if (!(error instanceof Invalid)) throw error;
      const verdict = { code: error.code, detail: error.message };
      // The header commits to everything but the bytes of the reveal and the certificate, whose hashes it holds:
      // a wrong body under a right header must not condemn the right body.
      if (bodyIsOfHeader(block, headHeader)) invalid.set(block.hash, verdict);
      return { answer: 'invalid', ...verdict };
    }
  }

  async function commit(hash: Hex, certificate: Uint8Array): Promise<CommittedBlock> {
    const overlay = overlays.get(hash);
    if (overlay === undefined || overlay.block.header.parentHash !== head.hash)
      throw new ChainError(
        'UNKNOWN_BLOCK',
        `block ${hash} was not checked as a child of the head ${head.hash}`,
      );
    const { block, sealed, receipts, sets } = overlay;
    const number = block.header.number;
    // Later writes of a batch win: what pruning deletes may be set again by the block.
    const writes: Write[] = [];
    pruneStates(
      db,
      number,
      retention.states,
      LIMITS.maxPrunedBlocksPerCommit,
      modules.recordAccounts,
      (address, slot) => sealed.slots.get(address)?.get(slot),
      writes,
    );
    const pruned = pruneRecords(db, number, retention, LIMITS.maxPrunedBlocksPerCommit, writes);
    const versioned = versionedWriter(db, number, writes);
    const stateWrites = state.writes(sealed, modules.recordAccounts, versioned);
    versioned.finish();
    // One by one: as arguments of one call a full block's would overflow the stack.
    for (const write of stateWrites) writes.push(write);
    for (const write of blockWrites(block, overlay.bytes, receipts, sets, certificate)) writes.push(write);
    await db.write(writes);
    state.advance(sealed);
    head = headOf(block, sets);
    headHeader = block.header;
    overlays.clear();
    for (const { transactionHash } of receipts) primed.delete(transactionHash);
    if (pruned) giveBack();
    return { block, receipts, head };
  }

  let prunedCommits = 0;
  let compacting: Promise<void> = Promise.resolve();
  /** Beside the next blocks: LevelDB rewrites files in a thread of its own. A failure costs space, not the chain. */
  function giveBack(): void {
    prunedCommits += 1;
    if (prunedCommits % LIMITS.commitsBetweenCompactions !== 0) return;
    compacting = compacting.then(() => (open ? compactPruned(db) : undefined)).catch(() => {});
  }

  return {
    head: () => head,
    build: (input) => serially(() => withRetry(() => build(input))),
    check: (bytes) => serially(() => check(bytes)),
    commit: (hash, certificate) => serially(() => commit(hash, certificate)),
    prime(transactions) {
      for (const tx of transactions) primed.set(tx.hash, tx);
    },
    reader,
    async close() {
      await serially(async () => {
        open = false;
      }).catch(() => {});
      await compacting;
      openDirectories.delete(db.dir);
      await db.close();
    },
  };
}

type PartialHeader = Omit<
  BlockHeader,
  'stateRoot' | 'transactionsRoot' | 'receiptsRoot' | 'logsBloom' | 'gasUsed'
>;

/** @throws Invalid WRONG_HEADER naming the first field that differs */
function compareHeaders(header: BlockHeader, expected: Partial<BlockHeader>): void {
  for (const [name, value] of Object.entries(expected)) {
    const found = header[name as keyof BlockHeader];
    if (found !== value) throw new Invalid('WRONG_HEADER', `${name} is ${found}, should be ${value}`);
  }
}

/** A checked hash with other bytes: only the reveal can differ, and then the header's randomness does not fit. */
function sameBytes(checked: Uint8Array, bytes: Uint8Array, block: Block): CheckAnswer {
  if (Buffer.compare(checked, bytes) === 0) return { answer: 'valid', block };
  return { answer: 'invalid', code: 'WRONG_HEADER', detail: 'body of another block under this header' };
}

function isMalformed(error: unknown): boolean {
  return error instanceof RlpError || (error as { code?: string }).code === 'MALFORMED';
}

/** Whatever is neither an answer nor a request of the caller is this machine's. */
function isFault(error: unknown): boolean {
  return !(
    error instanceof Invalid ||
    error instanceof Unavailable ||
    error instanceof ChainError ||
    error instanceof TransactionError
  );
}

function mustHave<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new ChainError('DATABASE_DAMAGED', `the database has lost ${what}`);
  return value;
}
