/** `openledger reindex` on a real folder: what clients are told before and after the indexes were lost is the same. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addressOfPrivateKey, fromHex } from '../../../state/crypto.ts';
import { emptyIndexes } from '../../../state/indexes/store.ts';
import type { Hex } from '../../../state/types.ts';
import { rpcCall } from '../rpc/support.ts';
import { signedTransaction } from '../state/support.ts';
import { prepareStoppedNode, type StoppedNode } from './support.ts';

let node: StoppedNode;
let sender: Hex;
let contract: Hex;
/** Emits an event without data: topics 7 and the caller. */
const RUNTIME = '33600760006000a200';
/** Returns the nine bytes behind it. */
const CREATION = fromHex(`0x61000980600a3d393df3${RUNTIME}`);
const CALLS = 6;

beforeAll(async () => {
  node = await prepareStoppedNode();
  const chain = await node.openChain();
  const key = fromHex(node.accounts[0]!.privateKey);
  sender = addressOfPrivateKey(key);
  const { chainId } = node.genesis.params;
  const send = (nonce: number, to: Hex | null, data: Uint8Array = new Uint8Array(0)) =>
    signedTransaction({ key, nonce, to, data, chainId, gasLimit: 200_000n });
  await chain.produce([send(0, null, CREATION)]);
  contract = chain.chain.reader.receipts(1)![0]!.contractAddress!;
  for (let nonce = 1; nonce <= CALLS; nonce++) await chain.produce([send(nonce, contract)]);
  await chain.produce([]);
  await chain.close();
});
afterAll(() => node.remove());

const run: StoppedNode['run'] = (...args) => node.run(...args);

/** What explorers ask, as `openledger inspect` answers it. */
async function answers(): Promise<Record<string, unknown>> {
  const stop = new AbortController();
  let resolve: (url: string) => void = () => {};
  const url = new Promise<string>((settle) => {
    resolve = settle;
  });
  const running = run('inspect --port 0 --json', stop.signal, (text) => resolve(JSON.parse(text).url));
  const at = await url;
  const all = { fromBlock: 'earliest', toBlock: 'latest' };
  const questions: [string, ...unknown[]][] = [
    ['eth_getLogs', { ...all, address: contract }],
    ['eth_getLogs', { ...all, topics: [`0x${'7'.padStart(64, '0')}`] }],
    ['eth_getLogs', { ...all, topics: [null, `0x${sender.slice(2).padStart(64, '0')}`] }],
    ['ots_searchTransactionsBefore', sender, 0, 25],
    ['ots_searchTransactionsAfter', contract, 2, 3],
    ['ots_getContractCreator', contract],
    ['ots_getTransactionBySenderAndNonce', sender, 3],
    ['ol_addressTransactions', contract, { limit: 4 }],
  ];
  const told: Record<string, unknown> = {};
  for (const [method, ...params] of questions)
    told[`${method} ${JSON.stringify(params)}`] = await rpcCall(at, method, ...params);
  stop.abort();
  expect((await running).code).toBe(0);
  return told;
}

const postings = async (): Promise<number> => {
  const { columns } = JSON.parse((await run('db stats --json')).stdout);
  return columns.find(({ name }: { name: string }) => name === 'posting')?.entries ?? 0;
};

it('tells the same after the indexes were lost and built anew, and all of it', async () => {
  const before = await answers();
  const logs = Object.values(before)[0] as unknown[];
  expect(logs).toHaveLength(CALLS);
  expect(Object.values(before)[5]).toMatchObject({ creator: sender });
  const whole = await postings();
  expect(whole).toBeGreaterThan(4 * CALLS);

  await node.withDatabase(emptyIndexes);
  expect(await postings()).toBe(0);
  expect((await run('reindex')).code).toBe(0);
  expect(await postings()).toBe(whole);
  expect(await answers()).toEqual(before);
  expect((await run('db verify')).code).toBe(0);
});
