/** The same random transactions to anvil and to our node, and every read of them compared. */
import type { Dispatcher } from '../../../rpc/dispatch.ts';
import type { Hex } from '../../../state/types.ts';
import { accountAddress, openTestChain, START_MS } from '../../unit/state/support.ts';
import { difference, type Json } from '../rpc/compare.ts';
import { createChainDispatcher } from '../rpc/run-files.ts';
import { type Answer, type Ask, resultOf, startAnvil } from './peer.ts';
import { createWorkload, SENDERS, type Workload } from './workload.ts';

export interface AnvilReport {
  transactions: number;
  reads: number;
  differences: string[];
}

interface Receipt {
  transactionHash: Hex;
  from: Hex;
  to: Hex | null;
  contractAddress: Hex | null;
  status: Hex;
}

/** Fields that only one side has, or that hang on what only one side has (roots of other states, hashes of blocks). */
const DIFFERENT: Readonly<Record<string, string>> = {
  blockHash: 'headers carry other state roots',
  revertReason: 'an addition of ours to receipts that failed',
  blobGasPrice: 'this chain has no blobs',
  blobGasUsed: 'this chain has no blobs',
  blockTimestamp: 'anvil puts a number into receipts; the time is compared by block',
  logsBloom: 'compared by block',
};
const MAX_DIFFERENCES = 20;
/** Those that the contracts of the workload write. */
const SLOTS = [0, 1, 2, 3].map((slot) => `0x${slot.toString().padStart(64, '0')}`);

export async function runAgainstAnvil(options: {
  seed: number;
  blocks: number;
  perBlock: number;
}): Promise<AnvilReport> {
  const test = await openTestChain({ accounts: SENDERS });
  const { reader } = test.chain;
  const { chainId, block } = reader.params;
  const senders = Array.from({ length: SENDERS }, (_, i) => accountAddress(i));
  const balances = new Map(
    senders.map((address): [Hex, bigint] => [address, reader.stateAt(0).account(address)?.balance ?? 0n]),
  );
  const anvil = await startAnvil({ chainId, timestamp: START_MS / 1000, gasLimit: block.gasLimit, balances });
  const ours = askOf(createChainDispatcher(reader));
  const report: AnvilReport = { transactions: 0, reads: 0, differences: [] };
  const workload = createWorkload(options.seed, chainId);
  const pair: Pair = { ours, theirs: anvil.ask, report };
  try {
    for (let turn = 0; turn < options.blocks && report.differences.length < MAX_DIFFERENCES; turn++) {
      const head = reader.stateAt(reader.head().number);
      const wishes = workload.next(options.perBlock, (address) => head.account(address)?.nonce ?? 0n);
      const { block: made } = await test.produce(wishes);
      const { header, transactions } = made;
      await submit(anvil.ask, ours, header.number, transactions);
      await anvil.ask('anvil_setCoinbase', header.coinbase);
      await anvil.ask('anvil_setNextBlockBaseFeePerGas', `0x${header.baseFeePerGas.toString(16)}`);
      await anvil.ask('evm_setNextBlockTimestamp', header.timestamp);
      await anvil.ask('evm_mine');
      report.transactions += transactions.length;
      await compareBlock(pair, workload, header.number, senders);
    }
    return report;
  } finally {
    await anvil.stop();
    await test.close();
  }
}

/**
 * Gives anvil's pool the transactions of our block. A delegated account that creates a contract uses a nonce up which no
 * transaction has: what it sends itself after that would wait in the pool for ever, so that the pool is shown, while it
 * takes that transaction, the nonce that there will be.
 */
async function submit(
  anvil: Ask,
  ours: Ask,
  number: number,
  transactions: readonly Uint8Array[],
): Promise<void> {
  const { transactions: sent } = (await ours('eth_getBlockByNumber', `0x${number.toString(16)}`, true)) as {
    transactions: { from: Hex; nonce: Hex }[];
  };
  const next = new Map<Hex, number>();
  for (const [i, raw] of transactions.entries()) {
    const { from, nonce } = sent[i]!;
    const before = (await anvil('eth_getTransactionCount', from, 'latest')) as Hex;
    const isGap = Number(nonce) !== (next.get(from) ?? Number(before));
    if (isGap) await anvil('anvil_setNonce', from, nonce);
    await anvil('eth_sendRawTransaction', `0x${Buffer.from(raw).toString('hex')}`);
    if (isGap) await anvil('anvil_setNonce', from, before);
    next.set(from, Number(nonce) + 1);
  }
}

function askOf(dispatcher: Dispatcher): Ask {
  return async (method, ...params) => {
    const text = await dispatcher.handle(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
    return resultOf(JSON.parse(text ?? '{}') as Answer);
  };
}

interface Pair {
  readonly ours: Ask;
  readonly theirs: Ask;
  readonly report: AnvilReport;
}

async function compareBlock(
  pair: Pair,
  workload: Workload,
  number: number,
  senders: readonly Hex[],
): Promise<void> {
  const at = `0x${number.toString(16)}`;
  const blockFields = [
    'number',
    'timestamp',
    'miner',
    'gasLimit',
    'gasUsed',
    'baseFeePerGas',
    'logsBloom',
    'transactionsRoot',
    'receiptsRoot',
    'transactions',
  ];
  await compare(pair, blockFields, 'eth_getBlockByNumber', at, false);
  await compare(pair, undefined, 'eth_getBlockTransactionCountByNumber', at);
  const receipts = (await compare(pair, undefined, 'eth_getBlockReceipts', at)) as Receipt[];
  for (const { sender, nonce, name } of workload.expected) {
    const created = await createdBy(pair.ours, receipts, sender, nonce);
    if (created !== undefined) workload.deployed(name, created);
  }
  for (const { transactionHash } of receipts) {
    await compare(pair, undefined, 'eth_getTransactionByHash', transactionHash);
    await compare(pair, undefined, 'eth_getTransactionReceipt', transactionHash);
    await compareTrace(pair, transactionHash);
  }
  await compare(pair, undefined, 'eth_getLogs', { fromBlock: at, toBlock: at });
  const touched = new Set<Hex>(senders);
  for (const { to, contractAddress } of receipts)
    for (const address of [to, contractAddress]) if (address !== null) touched.add(address);
  for (const address of touched) {
    await compare(pair, undefined, 'eth_getBalance', address, 'latest');
    await compare(pair, undefined, 'eth_getTransactionCount', address, 'latest');
    await compare(pair, undefined, 'eth_getCode', address, 'latest');
    for (const slot of SLOTS) await compare(pair, undefined, 'eth_getStorageAt', address, slot, 'latest');
    // Not the root of the storage: anvil's counts slots that hold zero.
    const proof = ['address', 'balance', 'codeHash', 'nonce'];
    await compare(pair, proof, 'eth_getProof', address, SLOTS, 'latest');
  }
  for (const { address, name } of workload.contracts.slice(-3)) {
    // What it answers holds the hash of a block, or takes all the gas there is.
    if (name === 'environment' || name === 'burner') continue;
    const data = `0x${Buffer.from(workload.input()).toString('hex')}`;
    const request = { from: senders[0], to: address, data, gas: '0x30d40' };
    await compare(pair, undefined, 'eth_call', request, 'latest');
  }
}

async function createdBy(
  ask: Ask,
  receipts: readonly Receipt[],
  sender: Hex,
  nonce: number,
): Promise<Hex | undefined> {
  for (const receipt of receipts) {
    if (receipt.from !== sender || receipt.contractAddress === null || receipt.status !== '0x1') continue;
    const transaction = (await ask('eth_getTransactionByHash', receipt.transactionHash)) as { nonce: Hex };
    if (Number(transaction.nonce) === nonce) return receipt.contractAddress;
  }
  return undefined;
}

/** Frames of callTracer, without the words of errors. */
async function compareTrace(pair: Pair, hash: Hex): Promise<void> {
  const options = { tracer: 'callTracer' };
  const [ours, theirs] = await Promise.all(
    [pair.ours, pair.theirs].map(async (ask) =>
      frames((await ask('debug_traceTransaction', hash, options)) as Frame),
    ),
  );
  note(pair, `debug_traceTransaction ${hash}`, ours as Json, theirs as Json);
}

interface Frame {
  type: string;
  from: Hex;
  to?: Hex;
  value?: Hex;
  input: Hex;
  error?: string;
  calls?: Frame[];
}

function frames(frame: Frame): Json {
  if (frame.type === undefined) return { unknown: frame as unknown as Json };
  const { type, from, to, input, error, calls = [] } = frame;
  const failed = error !== undefined;
  const created = type.startsWith('CREATE') && failed ? null : (to ?? null);
  // Of a contract that destroys itself anvil names the caller, geth and we the contract; and where that is its own heir,
  // anvil names it or nobody, by when it was made. What the heir got is compared as its balance.
  const destroys = type === 'SELFDESTRUCT';
  return {
    type,
    from: destroys ? null : from,
    to: destroys ? null : created,
    input,
    failed,
    calls: calls.map(frames),
  };
}

/** Asks both; an error counts by its being one and by its data. `fields`: only these of the result. */
async function compare(
  pair: Pair,
  fields: readonly string[] | undefined,
  method: string,
  ...params: unknown[]
): Promise<unknown> {
  const [ours, theirs] = await Promise.all(
    [pair.ours, pair.theirs].map(async (ask): Promise<{ value: unknown; shown: Json }> => {
      try {
        const value = await ask(method, ...params);
        return { value, shown: strip(value as Json, fields) };
      } catch (error) {
        return {
          value: undefined,
          shown: { failed: true, data: ((error as { data?: Json }).data ?? '0x') as Json },
        };
      }
    }),
  );
  note(pair, `${method} ${JSON.stringify(params)}`, ours!.shown, theirs!.shown);
  return ours!.value;
}

function note({ report }: Pair, what: string, ours: Json, theirs: Json): void {
  report.reads += 1;
  const found = difference(ours, theirs);
  if (found !== undefined) report.differences.push(`${what}: ${found}`);
}

function strip(value: Json, fields: readonly string[] | undefined): Json {
  if (Array.isArray(value)) return value.map((item) => strip(item, fields));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => (fields === undefined ? !Object.hasOwn(DIFFERENT, name) : fields.includes(name)))
      .map(([name, item]) => [name, strip(item, undefined)]),
  );
}
