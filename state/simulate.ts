/**
 * Simulated blocks (`eth_simulateV1`): calls in blocks that follow a block of the chain, on a state that is thrown
 * away. A simulated block has the roots, the receipts and the hash that follow from its calls; what consensus does in
 * a block (evidence, attestations, rewards, sets) does not happen in it.
 * https://github.com/ethereum/execution-apis/blob/main/docs-api/docs/ethsimulatev1-notes.mdx
 */
import type { ChainParams } from '../genesis/types.ts';
import { hasCode, isEmptyAccount } from './accounts/account.ts';
import type { ScratchState } from './accounts/head-state.ts';
import { bloomOfLogs, joinBlooms } from './block/bloom.ts';
import { encodeHeader, headerHash, NO_OMMERS, NO_WITHDRAWALS, ZERO_NONCE } from './block/codec.ts';
import { encodeReceipt } from './block/receipts.ts';
import { orderedRoot } from './block/roots.ts';
import {
  EMPTY_BYTES,
  fromHex,
  greater,
  lesser,
  sha256,
  stripZeros,
  toHex,
  ZERO_ADDRESS,
  ZERO_HASH,
} from './crypto.ts';
import { HISTORY_ADDRESS } from './execution/block-run.ts';
import type { BlockContext, Engine, Outcome, PrecompileChanges, RunOptions } from './execution/engine.ts';
import { nextBaseFee } from './execution/fees.ts';
import { createTransferObserver, type TransferObserver } from './execution/transfers.ts';
import { slotName, World } from './execution/world.ts';
import { LIMITS } from './limits.ts';
import { precompileChanges, writeOverrides } from './overrides.ts';
import { decodeRlp, encodeRlp } from './rlp.ts';
import { floorGas, intrinsicGas, MAX_INITCODE_BYTES } from './transactions/intrinsic.ts';
import { type UnsignedTransaction, withoutSignature } from './transactions/unsigned.ts';
import type {
  Block,
  BlockHeader,
  CallError,
  CallRequest,
  ExecutionPorts,
  Hex,
  Log,
  PooledTransaction,
  Receipt,
  SimulatedBlock,
  SimulatedCall,
  Simulation,
  SimulationBlock,
} from './types.ts';

/** Why a simulation cannot be: JSON-RPC code and text of geth. */
export class SimulationError extends Error {
  override name = 'SimulationError';
  /** JSON-RPC code. */
  readonly rpcCode: number;
  constructor(rpcCode: number, message: string) {
    super(message);
    this.rpcCode = rpcCode;
  }
}

const CODES = {
  nonceTooLow: -38010,
  nonceTooHigh: -38011,
  feeTooLow: -38012,
  intrinsicGas: -38013,
  insufficientFunds: -38014,
  blockGas: -38015,
  numberOrder: -38020,
  timeOrder: -38021,
  initcode: -38025,
  tooMany: -38026,
  invalidParams: -32602,
  internal: -32603,
} as const;

/** Between simulated blocks when nothing else is said, as the specification has it. */
const SECONDS_PER_BLOCK = 12;
const MAX_NONCE = 0xffff_ffff_ffff_ffffn;
/** EIP-3529: refunds give back at most a fifth. */
const REFUND_QUOTIENT = 5n;
/** EIP-7685: no requests. */
const NO_REQUESTS: Hex = toHex(sha256(EMPTY_BYTES));

export interface SimulationPorts {
  readonly params: ChainParams;
  readonly genesisHash: Hex;
  readonly ports: ExecutionPorts;
  readonly engine: Engine;
  readonly base: Block;
  /** The state after `base`. */
  readonly state: ScratchState;
  /** What other rules than ours do around the calls of a block. */
  readonly steps?: BlockSteps;
}

export interface BlockSteps {
  begin(world: World, header: BlockHeader): void;
  end(world: World, header: BlockHeader): void;
}

/** Numbered and timed. */
type OrderedBlock = SimulationBlock & { readonly number: number; readonly timestamp: number };

/** @throws SimulationError, OverrideError, Fault, Unavailable */
export async function simulate(input: SimulationPorts, wish: Simulation): Promise<SimulatedBlock[]> {
  const results: SimulatedBlock[] = [];
  const budget = { gas: LIMITS.callGasCap };
  for (const block of inOrder(input.base.header, wish.blocks))
    results.push(await simulateBlock(input, wish, block, results, budget));
  return results;
}

/** Gives every block a number and a time, and fills gaps with empty blocks. */
function inOrder(base: BlockHeader, blocks: readonly SimulationBlock[]): OrderedBlock[] {
  const ordered: OrderedBlock[] = [];
  let { number, timestamp } = base;
  for (const block of blocks) {
    const wanted = block.overrides.number ?? number + 1;
    if (wanted <= number)
      throw new SimulationError(CODES.numberOrder, `block numbers must be in order: ${wanted} <= ${number}`);
    if (wanted - base.number > LIMITS.maxSimulatedBlocks)
      throw new SimulationError(CODES.tooMany, 'too many blocks');
    while (number + 1 < wanted) {
      number += 1;
      timestamp += SECONDS_PER_BLOCK;
      ordered.push({ overrides: {}, calls: [], number, timestamp });
    }
    const time = block.overrides.timestamp ?? timestamp + SECONDS_PER_BLOCK;
    if (time <= timestamp)
      throw new SimulationError(
        CODES.timeOrder,
        `block timestamps must be in order: ${time} <= ${timestamp}`,
      );
    number = wanted;
    timestamp = time;
    ordered.push({ ...block, number, timestamp });
  }
  return ordered;
}

async function simulateBlock(
  input: SimulationPorts,
  wish: Simulation,
  block: OrderedBlock,
  before: readonly SimulatedBlock[],
  budget: { gas: bigint },
): Promise<SimulatedBlock> {
  const { state, base } = input;
  const parent = before.at(-1)?.block ?? base;
  const header = openHeader(input, wish, block, parent);
  const world = new World(state);
  const changes = precompileChanges(block.stateOverrides ?? {});
  writeOverrides(world, block.stateOverrides ?? {}, state.forgetStorage);
  beginBlock(input, world, header);
  const run = createCallRun(input, wish, contextOf(input, header, block, before), world, changes, budget);
  const calls: SimulatedCall[] = [];
  for (const call of block.calls) calls.push(await run.call(call));
  input.steps?.end(world, header);
  world.endTransaction();
  dropEmptyAccounts(world);
  const sealed = state.seal(world.changes());
  state.advance(sealed);
  const transactions = run.transactions.map(({ raw }) => raw);
  const finished: BlockHeader = {
    ...header,
    stateRoot: toHex(sealed.stateRoot),
    transactionsRoot: orderedRoot(transactions),
    receiptsRoot: orderedRoot(run.receipts.map(encodeReceipt)),
    logsBloom: toHex(joinBlooms(run.receipts.map(({ logsBloom }) => logsBloom))),
    gasUsed: run.gasUsed(),
  };
  const bodies = transactions.map((raw) => (raw[0]! >= 0xc0 ? decodeRlp(raw) : raw));
  const withdrawals = finished.withdrawalsRoot === undefined ? [] : [[]];
  return {
    block: {
      hash: headerHash(finished),
      header: finished,
      timestampMs: finished.timestamp * 1000,
      transactions,
    },
    size: encodeRlp([decodeRlp(encodeHeader(finished)), bodies, [], ...withdrawals]).length,
    transactions: run.transactions,
    calls,
  };
}

/** What is known of the header before anything runs. Fields that the base does not have yet stay away. */
function openHeader(
  { base, params }: SimulationPorts,
  wish: Simulation,
  { overrides, number, timestamp }: OrderedBlock,
  parent: Pick<Block, 'hash' | 'header'> & { timestampMs: number },
): BlockHeader {
  const { header } = base;
  const has = (field: keyof BlockHeader) => header[field] !== undefined;
  const baseFee = wish.validation
    ? nextBaseFee({ ...parent.header, timestampMs: parent.timestampMs }, timestamp * 1000, params.block)
    : 0n;
  return {
    parentHash: parent.hash,
    ommersHash: NO_OMMERS,
    coinbase: overrides.coinbase ?? parent.header.coinbase,
    stateRoot: ZERO_HASH,
    transactionsRoot: ZERO_HASH,
    receiptsRoot: ZERO_HASH,
    logsBloom: '0x',
    difficulty: header.difficulty,
    number,
    gasLimit: overrides.gasLimit ?? parent.header.gasLimit,
    gasUsed: 0n,
    timestamp,
    extraData: '0x',
    prevRandao: overrides.prevRandao ?? ZERO_HASH,
    nonce: ZERO_NONCE,
    ...(has('baseFeePerGas') ? { baseFeePerGas: overrides.baseFeePerGas ?? baseFee } : {}),
    ...(has('withdrawalsRoot') ? { withdrawalsRoot: NO_WITHDRAWALS } : {}),
    ...(has('blobGasUsed') ? { blobGasUsed: 0n, excessBlobGas: 0n } : {}),
    ...(has('parentBeaconBlockRoot') ? { parentBeaconBlockRoot: ZERO_HASH } : {}),
    ...(has('requestsHash') ? { requestsHash: NO_REQUESTS } : {}),
  } as BlockHeader;
}

function contextOf(
  { params, genesisHash, ports, base }: SimulationPorts,
  header: BlockHeader,
  { overrides }: OrderedBlock,
  before: readonly SimulatedBlock[],
): BlockContext {
  const parent = before.at(-1)?.block ?? base;
  return {
    params,
    genesisHash,
    ports,
    block: {
      number: header.number,
      timestamp: header.timestamp,
      parentTimestampMs: parent.timestampMs,
    },
    coinbase: header.coinbase,
    prevRandao: header.prevRandao,
    gasLimit: header.gasLimit,
    baseFeePerGas: header.baseFeePerGas ?? 0n,
    ...(overrides.blobBaseFee === undefined ? {} : { blobBaseFee: overrides.blobBaseFee }),
    hashOf: (number) => before.find(({ block }) => block.header.number === number)?.block.hash,
  };
}

function beginBlock(input: SimulationPorts, world: World, header: BlockHeader): void {
  if (header.requestsHash !== undefined && world.code(HISTORY_ADDRESS).length > 0) {
    const ring = BigInt((header.number - 1) % LIMITS.historyServeWindow);
    world.writeSlot(HISTORY_ADDRESS, slotName(ring), stripZeros(fromHex(header.parentHash)));
  }
  input.steps?.begin(world, header);
  world.endTransaction();
}

/** EIP-161; overrides can leave accounts with nothing in them, and slots that hang on such. */
function dropEmptyAccounts(world: World): void {
  for (const [address, account] of [...world.changes().accounts]) {
    if (account === undefined || !isEmptyAccount(account)) continue;
    world.clearSlots(address);
    world.write(address, undefined);
  }
  world.endTransaction();
}

interface CallRun {
  call(request: CallRequest): Promise<SimulatedCall>;
  gasUsed(): bigint;
  readonly transactions: PooledTransaction[];
  readonly receipts: Receipt[];
}

/** The calls of one block, one after the other. */
function createCallRun(
  { engine, params }: SimulationPorts,
  { validation, traceTransfers }: Simulation,
  context: BlockContext,
  world: World,
  precompiles: PrecompileChanges,
  budget: { gas: bigint },
): CallRun {
  const transactions: PooledTransaction[] = [];
  const receipts: Receipt[] = [];
  let gasUsed = 0n;
  let logIndex = 0;

  async function call(request: CallRequest): Promise<SimulatedCall> {
    const asked = request.gas ?? greater(context.gasLimit - gasUsed, 0n);
    if (gasUsed + asked > context.gasLimit)
      throw new SimulationError(
        CODES.blockGas,
        `block gas limit reached: ${gasUsed + asked} > ${context.gasLimit}`,
      );
    const gasLimit = lesser(asked, budget.gas);
    const sender = (request.from ?? ZERO_ADDRESS).toLowerCase() as Hex;
    const tx = transactionOf(request, sender, world.read(sender)?.nonce ?? 0n, gasLimit, params.chainId);
    const price = priceOf(tx, context.baseFeePerGas);
    check(tx, price);
    const observer = traceTransfers
      ? createTransferObserver((address) => world.read(address)?.balance ?? 0n)
      : undefined;
    const outcome = await execute(tx, price, {
      precompiles,
      ...(observer === undefined ? {} : { observer }),
    });
    budget.gas -= outcome.gasUsed;
    gasUsed += outcome.gasUsed;
    transactions.push(tx);
    receipts.push(receiptOf(tx, outcome, gasUsed, price));
    const failed = outcome.exception !== undefined;
    return {
      returnData: failed ? EMPTY_BYTES : outcome.returnData,
      gasUsed: outcome.gasUsed,
      maxUsedGas: outcome.gasBeforeRefund,
      logs: numbered(failed ? [] : outcome.logs, observer),
      ...(failed ? { error: errorOf(outcome) } : {}),
    };
  }

  /** With transfers among them, reverted logs leave gaps, as in geth. */
  function numbered(logs: readonly Log[], observer: TransferObserver | undefined): SimulatedCall['logs'] {
    const first = logIndex;
    if (observer === undefined) {
      logIndex += logs.length;
      return logs.map((log, at) => ({ log, index: first + at }));
    }
    logIndex += observer.seen();
    return observer.logs().map(({ log, place }) => ({ log, index: first + place }));
  }

  /** What must hold for the transaction to run at all. Only `validation` asks for the right nonce and fee. */
  function check(tx: PooledTransaction, price: bigint): void {
    const refuse = (code: number, reason: string) =>
      new SimulationError(code, `err: ${reason} (supplied gas ${tx.gasLimit})`);
    const account = world.read(tx.from);
    const nonce = account?.nonce ?? 0n;
    const who = `address ${tx.from}`;
    if (validation) {
      if (tx.nonce < nonce)
        throw refuse(CODES.nonceTooLow, `nonce too low: ${who}, tx: ${tx.nonce} state: ${nonce}`);
      if (tx.nonce > nonce)
        throw refuse(CODES.nonceTooHigh, `nonce too high: ${who}, tx: ${tx.nonce} state: ${nonce}`);
      if (nonce === MAX_NONCE) throw refuse(CODES.internal, `nonce has max value: ${who}, nonce: ${nonce}`);
    }
    if (validation || tx.maxFeePerGas > 0n || tx.maxPriorityFeePerGas > 0n) {
      if (tx.maxPriorityFeePerGas > tx.maxFeePerGas)
        throw refuse(
          CODES.invalidParams,
          `max priority fee per gas higher than max fee per gas: ${who}, maxPriorityFeePerGas: ${tx.maxPriorityFeePerGas}, maxFeePerGas: ${tx.maxFeePerGas}`,
        );
      if (tx.maxFeePerGas < context.baseFeePerGas)
        throw refuse(
          CODES.feeTooLow,
          `max fee per gas less than block base fee: ${who}, maxFeePerGas: ${tx.maxFeePerGas}, baseFee: ${context.baseFeePerGas}`,
        );
    }
    const balance = account?.balance ?? 0n;
    const cost = tx.gasLimit * greater(tx.maxFeePerGas, price) + tx.value;
    if (balance < cost)
      throw refuse(
        CODES.insufficientFunds,
        `insufficient funds for gas * price + value: ${who} have ${balance} want ${cost}`,
      );
    const least = greater(intrinsicGas(tx), floorGas(tx));
    if (tx.gasLimit < least)
      throw refuse(CODES.intrinsicGas, `intrinsic gas too low: have ${tx.gasLimit}, want ${least}`);
    if (tx.to === null && tx.data.length > MAX_INITCODE_BYTES)
      throw refuse(
        CODES.initcode,
        `max initcode size exceeded: code size ${tx.data.length} limit ${MAX_INITCODE_BYTES}`,
      );
  }

  async function execute(
    tx: PooledTransaction,
    price: bigint,
    options: RunOptions,
  ): Promise<Outcome & { gasBeforeRefund: bigint }> {
    const sender = world.read(tx.from);
    if (tx.type === 4 && (sender === undefined || !hasCode(sender))) {
      // A free call in a block with a base fee pays nothing, so it sees none.
      const seen = price === 0n ? { ...context, baseFeePerGas: 0n } : context;
      const outcome = await engine.runTransaction(world, seen, tx, { ...options, lenient: true });
      return { ...outcome, gasBeforeRefund: outcome.gasUsed };
    }
    world.addBalance(tx.from, -tx.gasLimit * price);
    const intrinsic = intrinsicGas(tx);
    const outcome = await engine.runMessage(
      world,
      context,
      {
        from: tx.from,
        to: tx.to,
        data: tx.data,
        value: tx.value,
        gasLimit: tx.gasLimit - intrinsic,
        gasPrice: price,
        warm: tx.accessList ?? [],
      },
      options,
    );
    const spent = intrinsic + outcome.gasUsed;
    const floor = floorGas(tx);
    const used = greater(spent - lesser(outcome.refund, spent / REFUND_QUOTIENT), floor);
    settle(tx, used, price);
    return { ...outcome, gasUsed: used, gasBeforeRefund: greater(spent, floor) };
  }

  /** What is left goes back, the tip to the coinbase, the base fee is burnt. */
  function settle(tx: PooledTransaction, used: bigint, price: bigint): void {
    if (price > 0n) {
      world.addBalance(tx.from, (tx.gasLimit - used) * price);
      if (price > context.baseFeePerGas)
        world.addBalance(context.coinbase, used * (price - context.baseFeePerGas));
    }
    const sender = world.read(tx.from);
    // Without validation the last nonce of all may be used; 64 bits turn over as they do in geth.
    if (sender !== undefined && sender.nonce > MAX_NONCE)
      world.write(tx.from, { ...sender, nonce: sender.nonce & MAX_NONCE });
    world.endTransaction();
  }

  return { call, gasUsed: () => gasUsed, transactions, receipts };
}

function transactionOf(
  request: CallRequest,
  from: Hex,
  nonce: bigint,
  gasLimit: bigint,
  chainId: number,
): PooledTransaction {
  const { gasPrice, accessList, authorizationList } = request;
  const type = gasPrice !== undefined ? 0 : authorizationList !== undefined ? 4 : 2;
  const unsigned: UnsignedTransaction = {
    type,
    from,
    to: request.to == null ? null : (request.to.toLowerCase() as Hex),
    nonce: request.nonce ?? nonce,
    value: request.value ?? 0n,
    gasLimit,
    maxFeePerGas: gasPrice ?? request.maxFeePerGas ?? 0n,
    maxPriorityFeePerGas: gasPrice ?? request.maxPriorityFeePerGas ?? 0n,
    data: request.data ?? EMPTY_BYTES,
    chainId: type === 0 ? null : BigInt(chainId),
    ...(type === 0 ? {} : { accessList: accessList ?? [] }),
    ...(type === 4 && authorizationList !== undefined ? { authorizationList } : {}),
  };
  return withoutSignature(unsigned);
}

/** Wei per gas that is paid. A call that offers nothing is free. */
function priceOf(tx: PooledTransaction, baseFee: bigint): bigint {
  const { maxFeePerGas, maxPriorityFeePerGas } = tx;
  if (maxFeePerGas === 0n && maxPriorityFeePerGas === 0n) return 0n;
  return lesser(maxFeePerGas, baseFee + maxPriorityFeePerGas);
}

function receiptOf(
  tx: PooledTransaction,
  outcome: Outcome,
  cumulativeGasUsed: bigint,
  price: bigint,
): Receipt {
  const logs: Log[] = outcome.status === 1 ? outcome.logs : [];
  return {
    type: tx.type,
    status: outcome.status,
    cumulativeGasUsed,
    gasUsed: outcome.gasUsed,
    effectiveGasPrice: price,
    logs,
    logsBloom: bloomOfLogs(logs),
    contractAddress: tx.to === null && outcome.status === 1 ? outcome.createdAddress : null,
    revertData: outcome.status === 0 ? outcome.returnData : EMPTY_BYTES,
    transactionHash: tx.hash,
    from: tx.from,
    to: tx.to,
  };
}

/** Of an outcome that failed. */
export function errorOf(outcome: Outcome): CallError {
  const exception = outcome.exception!;
  if (exception === 'revert')
    return { kind: 'revert', message: 'execution reverted', data: outcome.returnData };
  const kind = exception === 'out of gas' || exception === 'invalid opcode' ? exception : 'other';
  return { kind, message: exception, data: EMPTY_BYTES };
}
