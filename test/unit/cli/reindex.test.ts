/** `openledger reindex` on a real folder: what clients are told before and after the indexes were lost is the same. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretKey } from '@chainsafe/blst';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseGenesis } from '../../../genesis/schema.ts';
import { createOutput } from '../../../node/cli/output.ts';
import { runCommandLine } from '../../../node/cli/run.ts';
import { prepareDevnet } from '../../../node/devnet/prepare.ts';
import { loadConsensusKey } from '../../../node/keys/consensus-key.ts';
import { addressOfPrivateKey, fromHex } from '../../../state/crypto.ts';
import { openDatabase } from '../../../state/db/database.ts';
import { emptyIndexes } from '../../../state/indexes/store.ts';
import type { Hex } from '../../../state/types.ts';
import { rpcCall } from '../rpc/support.ts';
import { openTestChain, signedTransaction } from '../state/support.ts';

let dir: string;
let home: string;
let sender: Hex;
let contract: Hex;
/** Emits an event without data: topics 7 and the caller. */
const RUNTIME = '33600760006000a200';
/** Returns the nine bytes behind it. */
const CREATION = fromHex(`0x61000980600a3d393df3${RUNTIME}`);
const CALLS = 6;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ol-reindex-'));
  const plan = await prepareDevnet({
    dir,
    validators: 1,
    fresh: false,
    rpcPort: undefined,
    logLevel: 'error',
    nowMs: 1_700_000_000_000,
  });
  home = plan.validators[0]!.home;
  const genesis = parseGenesis(readFileSync(join(dir, 'genesis.json'), 'utf8'));
  const consensusKey = await loadConsensusKey(join(home, 'keys', 'validator.json'), () => '');
  const { address, recipient } = genesis.validators[0]!;
  const secret = SecretKey.fromBytes(consensusKey.secretKey);
  mkdirSync(join(home, 'data'));
  const chain = await openTestChain({
    genesis,
    validators: [{ address: address.toLowerCase() as Hex, recipient, secret }],
    dir: join(home, 'data', 'chain'),
  });
  const key = fromHex(plan.accounts[0]!.privateKey);
  sender = addressOfPrivateKey(key);
  const { chainId } = genesis.params;
  const send = (nonce: number, to: Hex | null, data: Uint8Array = new Uint8Array(0)) =>
    signedTransaction({ key, nonce, to, data, chainId, gasLimit: 200_000n });
  await chain.produce([send(0, null, CREATION)]);
  contract = chain.chain.reader.receipts(1)![0]!.contractAddress!;
  for (let nonce = 1; nonce <= CALLS; nonce++) await chain.produce([send(nonce, contract)]);
  await chain.produce([]);
  await chain.close();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function run(line: string, signal = new AbortController().signal, onOutput = (_: string) => {}) {
  let stdout = '';
  const code = await runCommandLine(line.split(' '), {
    out: createOutput({
      write(text) {
        stdout += text;
        onOutput(text);
      },
      writeError: () => {},
      colours: false,
    }),
    variables: { OPENLEDGER_HOME: home },
    workingDirectory: dir,
    signal,
    nowMs: () => 1_700_000_000_000,
  });
  return { code, stdout };
}

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

async function withDatabase<T>(
  work: (db: Awaited<ReturnType<typeof openDatabase>>) => Promise<T>,
): Promise<T> {
  const db = await openDatabase(join(home, 'data', 'chain'));
  try {
    return await work(db);
  } finally {
    await db.close();
  }
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

  await withDatabase(emptyIndexes);
  expect(await postings()).toBe(0);
  expect((await run('reindex')).code).toBe(0);
  expect(await postings()).toBe(whole);
  expect(await answers()).toEqual(before);
  expect((await run('db verify')).code).toBe(0);
});
