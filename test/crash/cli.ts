/**
 * npm run crash [-- --times 20] [--seed N]
 *
 * A validator under load is killed (SIGKILL) at drawn moments, also while it starts. After each kill its database is
 * whole, nothing that it had said over RPC is gone, and after the last start every transaction that it had
 * acknowledged is in a block.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseGenesis } from '../../genesis/schema.ts';
import { signEip1559 } from '../../node/client/sign.ts';
import { developmentAccounts } from '../../node/devnet/accounts.ts';
import { prepareDevnet } from '../../node/devnet/prepare.ts';
import { fromHex, toHex } from '../../state/crypto.ts';
import { connect, type Hex } from '../e2e/support/client.ts';
import { type NodeProcess, startProcess, tail } from '../e2e/support/process.ts';
import { cliPath, tempDir } from '../support/devnet.ts';

const MAX_TIMES = 10_000;
/** From the first lines of a start to some blocks under load. */
const LONGEST_LIFE_MS = 4_000;
const CATCH_UP_MS = 60_000;

/** What the node has said, which must stay true. */
interface Said {
  head: number;
  hash: Hex | undefined;
  nonce: number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { times: { type: 'string', default: '20' }, seed: { type: 'string' } },
  });
  const times = Number(values.times);
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  if (!(times >= 1 && times <= MAX_TIMES && Number.isSafeInteger(seed))) {
    console.error(`--times is a number from 1 to ${MAX_TIMES}, --seed a whole number`);
    return 2;
  }
  console.log(`seed ${seed} (moments of the kills; --seed ${seed} draws the same)`);
  const dir = tempDir('openledger-crash-');
  try {
    const passed = await campaign(dir, times, drawn(seed));
    console.log(`${passed} passed, ${times + 1 - passed} failed`);
    return passed === times + 1 ? 0 : 1;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function campaign(dir: string, times: number, draw: (below: number) => number): Promise<number> {
  const plan = await prepareDevnet({
    dir,
    validators: 1,
    fresh: false,
    rpcPort: undefined,
    logLevel: 'info',
    nowMs: Date.now(),
  });
  const { home } = plan.validators[0]!;
  const logFile = join(dir, 'node.log');
  const { params } = parseGenesis(readFileSync(join(dir, 'genesis.json'), 'utf8'));
  const said: Said = { head: 0, hash: undefined, nonce: 0 };
  let passed = 0;
  for (let i = 1; i <= times; i++) {
    const node = startProcess({ home, logFile });
    const lifeMs = 50 + draw(LONGEST_LIFE_MS);
    const isRising = draw(4) === 0;
    if (isRising) await Promise.race([sleep(lifeMs / 4), node.exited]);
    else await talk(node, params.chainId, said, lifeMs);
    node.signal('SIGKILL');
    const { code, signal } = await node.exited;
    const problem =
      signal === 'SIGKILL' ? problemOf(home, said) : `it ended by itself with ${code}:\n${tail(logFile)}`;
    console.log(
      `kill ${i} ${isRising ? 'while starting' : `after ${lifeMs} ms of load`}: ${problem ?? `whole, head at least ${said.head}, ${said.nonce} acknowledged`}`,
    );
    if (problem === undefined) passed += 1;
  }
  const last = startProcess({ home, logFile });
  const problem = await finalProblem(last, said);
  last.stop();
  await last.exited;
  console.log(
    `after the last start: ${problem ?? `all ${said.nonce} acknowledged transactions are in blocks`}`,
  );
  return passed + (problem === undefined ? 1 : 0);
}

/** Sends transfers and notes what the node answers, for a while. */
async function talk(node: NodeProcess, chainId: number, said: Said, forMs: number): Promise<void> {
  const { rpcPort } = await node.ready;
  const client = await connect(rpcPort);
  const sender = developmentAccounts()[0]!;
  const until = Date.now() + forMs;
  try {
    await checkSaid(client, said);
    while (Date.now() < until) {
      const { raw } = signEip1559(
        {
          chainId,
          nonce: BigInt(said.nonce),
          maxPriorityFeePerGas: 1_000_000_000n,
          maxFeePerGas: 100_000_000_000n,
          gasLimit: 21_000n,
          to: sender.address.toLowerCase() as Hex,
          value: 1n,
          data: new Uint8Array(0),
        },
        fromHex(sender.privateKey, 32),
      );
      await client.call('eth_sendRawTransaction', toHex(raw));
      said.nonce += 1;
      const block = await client.call<{ number: Hex; hash: Hex }>('eth_getBlockByNumber', 'latest', false);
      said.head = Number(block.number);
      said.hash = block.hash;
      await sleep(10);
    }
  } finally {
    client.close();
  }
}

type Client = Awaited<ReturnType<typeof connect>>;

/** @throws if a block that this node showed before its end is another one now */
async function checkSaid(client: Client, said: Said): Promise<void> {
  if (said.hash === undefined) return;
  const number = `0x${said.head.toString(16)}`;
  const block = await client.call<{ hash: Hex } | null>('eth_getBlockByNumber', number, false);
  if (block?.hash !== said.hash)
    throw new Error(`block ${said.head} was ${said.hash} and is ${block?.hash ?? 'gone'}`);
}

function problemOf(home: string, said: Said): string | undefined {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [cliPath(), 'db', 'verify', '--home', home, '--signatures'],
    { encoding: 'utf8' },
  );
  // Killed before there was a database: nothing can be lost.
  if (said.head === 0 && /NOT_INITIALISED/.test(stderr)) return undefined;
  const head = Number(/read to block (\d+):/.exec(stdout)?.[1]);
  if (status !== 0) return `db verify ended with ${status}: ${stdout}${stderr}`;
  return head < said.head ? `block ${said.head} was shown and the head is ${head}` : undefined;
}

async function finalProblem(node: NodeProcess, said: Said): Promise<string | undefined> {
  const { rpcPort } = await node.ready;
  const client = await connect(rpcPort);
  const sender = developmentAccounts()[0]!.address;
  try {
    await checkSaid(client, said);
    let nonce = 0;
    for (const until = Date.now() + CATCH_UP_MS; Date.now() < until; await sleep(200)) {
      nonce = Number(await client.call<Hex>('eth_getTransactionCount', sender, 'latest'));
      if (nonce >= said.nonce) return undefined;
    }
    return `${said.nonce} transactions were acknowledged, ${nonce} are in blocks`;
  } catch (error) {
    return String(error);
  } finally {
    client.close();
  }
}

function drawn(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

process.exitCode = await main();
