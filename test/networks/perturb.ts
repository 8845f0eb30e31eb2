/** How each perturbation is done, from outside: signals, files, wires, transactions. */
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { privateKeyToAccount } from 'viem/accounts';
import { OPEN } from '../../genesis/parameters.ts';
import type { DevelopmentAccount } from '../../node/devnet/accounts.ts';
import {
  createConsensusKey,
  loadConsensusKey,
  provePossession,
  writeDevelopmentKey,
} from '../../node/keys/consensus-key.ts';
import type { HashText } from '../../node/network/types.ts';
import { writeFirstRecord } from '../../node/validator/record-exchange.ts';
import { stakingInterface } from '../../state/modules/interfaces.ts';
import type { Client, Hex } from '../e2e/support/client.ts';
import type { TestNode } from '../e2e/support/network.ts';
import { runCli } from '../support/devnet.ts';
import { startEquivocator } from './equivocator.ts';
import { changeConfig, type Fleet, type Named } from './fleet.ts';
import { heightOf, untilProposes, type ValidatorView, validatorsOf } from './judge.ts';
import { within } from './load.ts';
import type { Perturbation } from './manifest.ts';

/**
 * Blocks that the rest makes meanwhile; without load one comes every five seconds. These times end what hangs, on a
 * machine however busy; what is judged is the time until a fresh block.
 */
const BLOCKS_MS = 300_000;
/** A start may look for a snapshot and wait for peers who have one. */
const STARTS_MS = 300_000;
/** Evidence needs a vote that arrives while its height is open: a few blocks. */
const PUNISHED_MS = 180_000;
/** A node with a fresh block has, or is about to have, the one before. */
const FOLLOWS_MS = 120_000;
/** A key without a record listens for ten blocks before it signs. */
const VOTES_MS = 180_000;
/** A node that votes writes within a height; one that does not has an empty log, and goes on with that. */
const WRITTEN_MS = 3_000;
/** Bytes of the last record of a log that a crash leaves unwritten. */
const TORN_BYTES = 5;
/** The beginning of a record: its length, and a byte of its checksum. */
const TORN_START = Uint8Array.of(0, 0, 0, 49, 7);
/** Decided or nearly so when a node's wires were cut. */
const HEARD_BLOCKS = 3;
/** Between two blocks, on a machine however busy. */
const SLOW_BLOCK_MS = 1_000;
/** What a founder with power 1 has bonded. */
const BOND = 1_000n * OPEN;
/** Per mille of the bond that equivocation costs on a development network. */
const SLASHED_PERMILLE = 50n;

export interface Done {
  /** For people. */
  readonly told: string;
  /** What must become true besides, once all nodes have a fresh block. */
  readonly afterwards?: () => Promise<void>;
}

/**
 * Does it and takes it back.
 * @param lifted called at the moment from which the network may recover
 * @throws Error when the network does not do what it must
 */
export async function perturb(fleet: Fleet, one: Perturbation, lifted: () => void): Promise<Done> {
  const node = fleet.node(one.node);
  switch (one.kind) {
    case 'kill':
      await node.kill();
      await othersMake(fleet, one.blocks);
      lifted();
      await begin(node);
      return { told: '' };
    case 'restart': {
      const code = await end(node);
      if (code !== 0) throw new Error(`${one.node} was asked to stop and ended with ${code}`);
      await othersMake(fleet, one.blocks);
      lifted();
      await begin(node);
      return { told: '' };
    }
    case 'pause':
      node.pause();
      try {
        await othersMake(fleet, one.blocks);
      } finally {
        lifted();
        node.resume();
      }
      return { told: '' };
    case 'disconnect':
      fleet.wires(one.node, one.how);
      try {
        await leftBehind(fleet, one, () => othersMake(fleet, one.blocks));
      } finally {
        lifted();
        fleet.wires(one.node, 'whole');
      }
      return { told: one.how };
    case 'torn-log':
      return tearLog(fleet, one, lifted);
    case 'lost-disk':
      return loseDisk(fleet, one, lifted);
    case 'start':
      return startLate(fleet, one, lifted);
    case 'equivocate':
      return equivocate(fleet, one.node, lifted);
    case 'join':
      return becomeValidator(fleet, one.node, lifted);
    case 'leave':
      return leave(fleet, one.node, lifted);
  }
}

/** A node that neither answers nor ends would keep everybody waiting. */
async function begin(node: TestNode): Promise<void> {
  await within(STARTS_MS, node.start(), 'it neither runs nor ends');
}

async function end(node: TestNode): Promise<number | null> {
  return within(STARTS_MS, node.stop(), 'it was asked to stop and goes on');
}

/** Resolves when the rest of the network has made `blocks` more. */
async function othersMake(fleet: Fleet, blocks: number): Promise<void> {
  if (blocks === 0) return;
  const { client } = fleet.witness().node;
  const goal = (await heightOf(client)) + blocks;
  await client.untilHead(({ number }) => number >= goal, BLOCKS_MS);
}

/**
 * A fault that disconnects nobody must not pass for one that was survived: what a node can have heard before its wires
 * were cut makes a block or two.
 */
async function leftBehind(
  fleet: Fleet,
  one: Of<'disconnect'>,
  meanwhile: () => Promise<void>,
): Promise<void> {
  const untouched = fleet.running().filter(({ name }) => !fleet.touched.has(name));
  const heights = await Promise.all(untouched.map(({ node }) => heightOf(node.client)));
  await meanwhile();
  const height = await heightOf(fleet.node(one.node).client);
  if (height > Math.max(...heights) + HEARD_BLOCKS)
    throw new Error(
      `its wires were ${one.how === 'cut' ? 'cut' : 'silent'}, and it followed to block ${height}`,
    );
}

type Of<K extends Perturbation['kind']> = Extract<Perturbation, { kind: K }>;

async function tearLog(fleet: Fleet, one: Of<'torn-log'>, lifted: () => void): Promise<Done> {
  const node = fleet.node(one.node);
  const log = join(node.home, 'data', 'consensus', 'consensus.wal');
  await untilWritten(log);
  await node.kill();
  const { size } = statSync(log);
  // Emptied between two heights: then it is the first record of the next that was being written.
  if (size === 0) writeFileSync(log, TORN_START);
  else truncateSync(log, size - TORN_BYTES);
  await othersMake(fleet, one.blocks);
  lifted();
  await begin(node);
  return { told: size === 0 ? 'empty, and a record begun' : `${size} bytes, ${TORN_BYTES} lost` };
}

/** The log is emptied with each block: a crash in the middle of a height finds something in it. */
async function untilWritten(log: string): Promise<void> {
  const deadline = performance.now() + WRITTEN_MS;
  while (statSync(log).size === 0 && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 5));
}

async function loseDisk(fleet: Fleet, one: Of<'lost-disk'>, lifted: () => void): Promise<Done> {
  const node = fleet.node(one.node);
  await node.kill();
  if (one.signs === undefined) {
    rmSync(join(node.home, 'data'), { recursive: true });
    await othersMake(fleet, one.blocks);
    lifted();
    await begin(node);
    return { told: 'with nothing' };
  }
  // From an earlier loss.
  const exported = join(node.home, 'exported.json');
  rmSync(exported, { force: true });
  setRisk(node.home, false);
  if (one.signs === 'record') await cli('last-signed', 'export', '--home', node.home, '--out', exported);
  rmSync(join(node.home, 'data'), { recursive: true });
  for (const record of ['last-signed', 'attested']) rmSync(join(node.home, 'keys', record), { force: true });
  await othersMake(fleet, one.blocks);
  await refusedWithoutRecord(one.node, node);
  if (one.signs === 'record') await cli('last-signed', 'import', exported, '--home', node.home);
  else setRisk(node.home, true);
  lifted();
  await begin(node);
  return {
    told: one.signs === 'record' ? 'refused, then with its record' : 'refused, then with the flag',
    afterwards: () => untilVotes(fleet, one.node),
  };
}

/** A validator that is out of the set, or jailed, has nothing to vote on. */
async function untilVotes(fleet: Fleet, name: string): Promise<void> {
  const node = fleet.node(name);
  const mine = (await validatorsOf(node.client)).find(({ address }) => address === operatorOf(fleet, name));
  if (mine === undefined || mine.power === 0n) return;
  const asked = () => node.client.call<{ voting: boolean }>('ol_chainInfo');
  await node.client.until(async () => ((await asked()).voting ? true : undefined), VOTES_MS);
}

/** A key that may have signed anything: the node must not start. */
async function refusedWithoutRecord(name: string, node: TestNode): Promise<void> {
  const reason = await begin(node).then(
    () => 'it started',
    (error: Error) => error.message,
  );
  await node.kill();
  if (!/LAST_SIGNED_MISSING/.test(reason)) throw new Error(`${name} without its record: ${reason}`);
}

function setRisk(home: string, risk: boolean): void {
  changeConfig(home, (config) => ({
    ...config,
    validator: { ...(config['validator'] as object), riskSlashingWithoutRecord: risk },
  }));
}

async function startLate(fleet: Fleet, one: Of<'start'>, lifted: () => void): Promise<Done> {
  const node = fleet.node(one.node);
  if (one.from === 'blocks') {
    await begin(node);
    lifted();
    return { told: 'from block 0' };
  }
  const { client } = fleet.witness().node;
  const trusted = 2;
  // The first snapshot is made a moment after its block.
  const snapshots = JSON.parse(readFileSync(join(node.home, 'config.json'), 'utf8')).snapshots as {
    interval: number;
  };
  const deadlineMs = BLOCKS_MS + snapshots.interval * SLOW_BLOCK_MS;
  await client.untilHead(({ number }) => number >= snapshots.interval + trusted, deadlineMs);
  for (const { name, node: other } of fleet.running())
    if (!fleet.touched.has(name))
      await client.until(async () => (/made a snapshot/.test(other.log()) ? true : undefined), deadlineMs);
  const { hash } = await client.call<{ hash: Hex }>(
    'eth_getBlockByNumber',
    `0x${trusted.toString(16)}`,
    false,
  );
  changeConfig(node.home, (config) => ({ ...config, trustHeight: trusted, trustHash: hash }));
  await begin(node);
  // It is one of them once it runs; looking for a snapshot waits for several peers to offer one.
  lifted();
  const first = await node.client.call('eth_getBlockByNumber', '0x1', false);
  if (first !== null) throw new Error(`${one.node} did not begin with a snapshot`);
  return { told: `from a snapshot, at block ${await heightOf(node.client)}` };
}

async function equivocate(fleet: Fleet, name: string, lifted: () => void): Promise<Done> {
  const node = fleet.node(name);
  const { client } = fleet.witness().node;
  const operator = operatorOf(fleet, name);
  const before = (await validatorsOf(client)).find(({ address }) => address === operator);
  if (before === undefined) throw new Error(`${name} is no validator`);
  const { genesisHash } = await client.call<{ genesisHash: HashText }>('ol_chainInfo');
  const { secretKey } = await loadConsensusKey(join(node.home, 'keys', 'validator.json'), () => '');
  const liar = await startEquivocator({ secretKey, operator, genesisHash, peers: fleet.addresses });
  try {
    await untilPunished(fleet.witness(), before, PUNISHED_MS).catch((error: Error) => {
      throw new Error(`${error.message} after ${liar.count()} second votes`);
    });
    lifted();
    return {
      told: `slashed and jailed after ${liar.count()} second votes`,
      async afterwards() {
        for (const one of fleet.running()) await untilPunished(one, before, FOLLOWS_MS);
      },
    };
  } finally {
    await liar.stop();
  }
}

async function untilPunished(by: Named, before: ValidatorView, deadlineMs: number): Promise<void> {
  const { client } = by.node;
  const isPunished = async () => {
    const after = (await validatorsOf(client)).find(({ address }) => address === before.address);
    const slashed = after !== undefined && after.bond * 1000n <= before.bond * (1000n - SLASHED_PERMILLE);
    return after?.jailed && slashed && after.power === 0n ? true : undefined;
  };
  await client.until(isPunished, deadlineMs).catch((error: Error) => {
    throw new Error(`${by.name} has not punished ${before.address}: ${error.message}`);
  });
}

function operatorOf(fleet: Fleet, name: string): Hex {
  const account = fleet.operators.get(name);
  if (account === undefined) throw new Error(`${name} never was a validator`);
  return account.address.toLowerCase() as Hex;
}

async function cli(...args: string[]): Promise<void> {
  const { code, stderr } = await runCli(args);
  if (code !== 0) throw new Error(`openledger ${args.join(' ')}: ${stderr}`);
}

/** A full node gets a key of its own, registers it with the bond that the founders have, and proposes a block. */
async function becomeValidator(fleet: Fleet, name: string, lifted: () => void): Promise<Done> {
  const node = fleet.node(name);
  const { client } = fleet.witness().node;
  const { genesisHash } = await client.call<{ genesisHash: HashText }>('ol_chainInfo');
  // Accounts from the end of the list: the first ones send the load.
  const account = fleet.network.accounts.at(-1 - Number(name.split('-')[1])) as DevelopmentAccount;
  const operator = account.address.toLowerCase() as Hex;
  const key = createConsensusKey();
  const keyFile = join(node.home, 'keys', 'validator.json');
  await end(node);
  writeDevelopmentKey(keyFile, key);
  writeFirstRecord(keyFile);
  changeConfig(node.home, (config) => ({
    ...config,
    validator: { key: 'keys/validator.json', operator },
  }));
  await begin(node);
  await perform(
    client,
    fleet,
    account,
    'register',
    [key.publicKey, provePossession(key, operator, genesisHash), operator],
    BOND,
  );
  lifted();
  fleet.operators.set(name, account);
  const height = await heightOf(client);
  return {
    told: `registered in block ${height}`,
    async afterwards() {
      const bonds = (await validatorsOf(client)).map(({ bond }) => Number(bond / BOND));
      // One turn in as many blocks; who joins begins more than a whole round of turns behind the others.
      const blocks = 2.25 * bonds.reduce((sum, bond) => sum + bond, 0);
      await untilProposes(client, operator, PUNISHED_MS + blocks * SLOW_BLOCK_MS);
    },
  };
}

async function leave(fleet: Fleet, name: string, lifted: () => void): Promise<Done> {
  const { client } = fleet.witness().node;
  const operator = operatorOf(fleet, name);
  const account = fleet.operators.get(name) as DevelopmentAccount;
  const before = (await validatorsOf(client)).find(({ address }) => address === operator);
  if (before === undefined) throw new Error(`${name} is no validator`);
  await perform(client, fleet, account, 'unbond', [before.bond]);
  lifted();
  return {
    told: 'bond taken out',
    async afterwards() {
      const listed = (await validatorsOf(client)).some(({ address }) => address === operator);
      if (listed) throw new Error(`${name} is listed still`);
      // The set of three blocks later does not have it, so that it cannot propose any more.
      const from = await heightOf(client);
      await client.untilHead(({ number }) => number >= from + 3 + 4, BLOCKS_MS);
      for (let number = from + 3; number <= from + 3 + 4; number++) {
        const block = await client.call<{ miner: Hex }>(
          'eth_getBlockByNumber',
          `0x${number.toString(16)}`,
          false,
        );
        if (block.miner.toLowerCase() === operator) throw new Error(`${name} has proposed block ${number}`);
      }
    },
  };
}

/** An ordinary transaction to the staking module. @throws Error when it fails, with the reason */
async function perform(
  client: Client,
  fleet: Fleet,
  account: DevelopmentAccount,
  name: 'register' | 'unbond',
  args: readonly unknown[],
  value = 0n,
): Promise<void> {
  const encode = stakingInterface.encodeCall as (name: string, args: readonly unknown[]) => Uint8Array;
  const signer = privateKeyToAccount(account.privateKey);
  const raw = await signer.signTransaction({
    type: 'eip1559',
    chainId: fleet.network.chainId,
    nonce: Number(await client.call<Hex>('eth_getTransactionCount', account.address, 'latest')),
    to: stakingInterface.address,
    data: `0x${Buffer.from(encode(name, args)).toString('hex')}`,
    value,
    gas: 5_000_000n,
    maxFeePerGas: 10_000_000_000n,
    maxPriorityFeePerGas: 1_000_000_000n,
  });
  const hash = await client.call<Hex>('eth_sendRawTransaction', raw);
  const receipt = await client.until(
    () => client.call<{ status: Hex } | null>('eth_getTransactionReceipt', hash),
    PUNISHED_MS,
  );
  if (receipt.status !== '0x1')
    throw new Error(`staking.${name}: ${JSON.stringify(await client.call('ol_transaction', hash))}`);
}
