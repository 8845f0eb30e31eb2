/**
 * What people get wrong, as they meet it: the shipped program's exit code and its one line, HTTP statuses, JSON-RPC
 * errors. Each must say what is wrong and what to do. One validator is enough: nothing here is about agreement.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPEN } from '../../genesis/parameters.ts';
import { parseGenesis, serialiseGenesis } from '../../genesis/schema.ts';
import { queueApproval, waitForAcceptance } from '../../node/client/approve.ts';
import { describeArtifact } from '../../node/client/artifacts.ts';
import { type Account, type ChainClient, eventNamed } from '../../node/client/client.ts';
import { contribute } from '../../node/client/contribute.ts';
import { signEip1559, signNative } from '../../node/client/sign.ts';
import { concat, fromHex, toHex } from '../../state/crypto.ts';
import { commitmentOf } from '../../state/modules/contribution/commitment.ts';
import {
  contributionInterface,
  dataNetInterface,
  inferenceInterface,
} from '../../state/modules/interfaces.ts';
import { deploy, forwarder } from '../unit/state/bytecode.ts';
import { chainClient, type Economy, foundEconomy } from './support/ai.ts';
import { type Hex, RpcFailure } from './support/client.ts';
import { startNetwork, type TestNetwork, type TestNode } from './support/network.ts';

const OPENLEDGER = fileURLToPath(new URL('../../bin/openledger.js', import.meta.url));
const EXPIRY_BLOCKS = 3;
const seed = Number(process.env['FC_SEED'] ?? 20_260_702);

let network: TestNetwork;
let node: TestNode;
let spare: TestNode;
let client: ChainClient;
let economy: Economy;
let dataNetId: bigint;

beforeAll(async () => {
  network = await startNetwork({
    validators: 1,
    fullNodes: 1,
    adjust: ({ params }) => {
      params.inference.expiryBlocks = EXPIRY_BLOCKS;
    },
  });
  [node, spare] = network.nodes as [TestNode, TestNode];
  client = chainClient(node);
  // Commands that are run in this folder find the network as if it were a devnet of theirs.
  mkdirSync(join(network.dir, '.devnet'));
  writeFileSync(
    join(network.dir, '.devnet', 'devnet.json'),
    JSON.stringify({
      pid: process.pid,
      rpcUrls: [client.rpc.url],
      accounts: network.accounts.map(({ name, address, privateKey }) => ({ name, address, privateKey })),
    }),
  );
  economy = await foundEconomy(network, node);
  dataNetId = 1n;
});
afterAll(() => network?.close());

function person(name: string): Account {
  const found = network.accounts.find((account) => account.name === name);
  if (found === undefined) throw new Error(`no development account ${name}`);
  return { address: found.address.toLowerCase() as Hex, privateKey: fromHex(found.privateKey, 32) };
}

/** Runs the shipped program and expects that it refuses in one line. Resolves with that line. */
async function refused(args: readonly string[], exitCode: number, code: string): Promise<string> {
  const child = spawn(process.execPath, [OPENLEDGER, ...args], {
    cwd: network.dir,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', OPENLEDGER_HOME: join(network.dir, 'mine') },
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  const exit = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const line = errors.trimEnd();
  const shown = `openledger ${args.join(' ')}\n${output}${errors}`;
  expect(exit, shown).toBe(exitCode);
  expect(line.split('\n').at(-1), shown).toMatch(new RegExp(`^error: .+ \\(${code}\\)$`));
  expect(line, shown).not.toMatch(/\n {4}at |INTERNAL|undefined/);
  return line.split('\n').at(-1) as string;
}

/** What the node answers when it refuses these bytes as a transaction. */
async function rejection(raw: Uint8Array): Promise<{ code: number; message: string }> {
  try {
    await node.client.call('eth_sendRawTransaction', toHex(raw));
  } catch (error) {
    if (error instanceof RpcFailure) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error(`the node took ${toHex(raw)}`);
}

const nonceOf = async (account: Account): Promise<bigint> =>
  BigInt(await node.client.call<Hex>('eth_getTransactionCount', account.address, 'pending'));

const envelope = (nonce: bigint) => ({
  chainId: network.chainId,
  nonce,
  gasLimit: 100_000n,
  value: 0n,
  maxFeePerGas: 20_000_000_000n,
  maxPriorityFeePerGas: 1_000_000_000n,
});

describe('a wrong command line', () => {
  it('is named, with the flag that was probably meant', async () => {
    const lines = await Promise.all([
      refused(['start', '--hom', 'x'], 2, 'USAGE'),
      refused(['contribut', 'x'], 2, 'USAGE'),
    ]);
    expect(lines[0]).toContain("unknown flag --hom. Did you mean 'home'?");
    expect(lines[1]).toContain("unknown command 'contribut'. Did you mean 'contribute'?");
  });

  it('an account that is not here is named, with those that are', async () => {
    const line = await refused(['datanet', 'publish', '1', '--from', 'alise'], 2, 'ACCOUNT_UNKNOWN');
    expect(line).toContain("Did you mean 'alice'?");
  });
});

describe('a node that cannot start', () => {
  const anyPort = ['--rpc-port', '0', '--p2p-listen', '/ip4/127.0.0.1/tcp/0'];

  it('names the port that is taken, and the flag for another one', async () => {
    const rpc = await refused(
      ['start', '--home', spare.home, '--rpc-port', String(node.rpcPort)],
      1,
      'PORT_IN_USE',
    );
    expect(rpc).toMatch(new RegExp(`127\\.0\\.0\\.1:${node.rpcPort} is already taken.*--rpc-port`));
    const { p2p } = JSON.parse(readFileSync(join(node.home, 'config.json'), 'utf8')) as {
      p2p: { listen: [string] };
    };
    const line = await refused(
      ['start', '--home', spare.home, '--rpc-port', '0', '--p2p-listen', p2p.listen[0]],
      1,
      'PORT_IN_USE',
    );
    expect(line).toContain(p2p.listen[0]);
    expect(line).toContain('--p2p-listen');
  });

  it('says that another node has the folder', async () => {
    const line = await refused(['start', '--home', node.home, ...anyPort], 1, 'DATA_DIR_IN_USE');
    expect(line).toMatch(/another node is running on .*stop it.*a home of its own/);
  });

  it('says whose chain the folder holds when the genesis file is another', async () => {
    // The spare node's folder holds this chain since the test of ports.
    const genesis = parseGenesis(readFileSync(join(network.dir, 'net', 'genesis.json'), 'utf8'));
    genesis.params.inference.expiryBlocks += 1;
    const other = join(network.dir, 'other-genesis.json');
    writeFileSync(other, serialiseGenesis(genesis));
    const line = await refused(
      ['start', '--home', spare.home, '--genesis', other, ...anyPort],
      2,
      'WRONG_CHAIN',
    );
    expect(line).toMatch(/holds the chain with genesis 0x[0-9a-f]{64}, but the genesis file gives 0x/);
    expect(line).toMatch(/--data-dir|genesis file/);
  });
});

describe('a contribution that the chain would not take', () => {
  it('is refused before anything is sent, so that it costs no deposit', async () => {
    const write = (name: string, content: Uint8Array | string) =>
      writeFileSync(join(network.dir, name), content);
    write('latin1.txt', Uint8Array.of(0x63, 0x61, 0x66, 0xe9));
    write('empty.txt', '');
    write('large.txt', 'x'.repeat(1024 * 1024 + 1));
    write('part.txt', 'x'.repeat(1024 * 1024));
    const before = await nonceOf(person('carol'));
    const give = (files: string[], code: string) =>
      refused(['contribute', ...files, '--datanet', '1', '--from', 'carol'], 1, code);
    const lines = await Promise.all([
      give(['latin1.txt'], 'INVALID_UTF8'),
      give(['empty.txt'], 'EMPTY_CONTRIBUTION'),
      give(['large.txt'], 'RECORD_TOO_LARGE'),
      give(
        Array.from({ length: 6 }, () => 'part.txt'),
        'CONTRIBUTION_TOO_LARGE',
      ),
    ]);
    expect(lines[0]).toMatch(/latin1\.txt is not UTF-8 text; convert/);
    expect(lines[1]).toMatch(/empty\.txt is empty; give/);
    expect(lines[2]).toMatch(/record 1 has 1048577 bytes, a record may have 1048576; split/);
    expect(lines[3]).toMatch(/6291456 bytes, a contribution may have 5242880; split/);
    expect(await nonceOf(person('carol'))).toBe(before);
  });

  it('to a DataNet that does not exist says so, and how to find those that do', async () => {
    writeFileSync(join(network.dir, 'good.txt'), 'Some good words.');
    const line = await refused(
      ['contribute', 'good.txt', '--datanet', '99', '--from', 'carol'],
      3,
      'REVERTED',
    );
    expect(line).toContain(
      'UnknownDataNet(id 99). There is no DataNet with this id: openledger datanet list',
    );
  });

  it('whose bytes are not what was committed to is refused at the upload, with the reason', async () => {
    const carol = person('carol');
    const text = (words: string) => new TextEncoder().encode(words);
    const frames = (leaves: readonly Uint8Array[]) =>
      concat(
        ...leaves.flatMap((leaf) => {
          const length = new Uint8Array(4);
          new DataView(length.buffer).setUint32(0, leaf.length);
          return [length, leaf];
        }),
      );
    /** Commits to one list of records and uploads another one. */
    async function upload(committed: Uint8Array[], sent: readonly Uint8Array[], saltByte: number) {
      const { root, size } = describeArtifact(committed);
      const salt = toHex(new Uint8Array(32).fill(saltByte));
      const commitment = commitmentOf({ sender: carol.address, dataNetId, artifactRoot: root, size, salt });
      await client.perform(carol, contributionInterface, 'commit', [dataNetId, commitment], { value: OPEN });
      return post({ root, size, salt }, frames(sent));
    }
    async function post(named: { root: Hex; size: number; salt: Hex }, body: Uint8Array) {
      const url = new URL('/artifacts', client.rpc.url);
      url.search = new URLSearchParams({
        datanet: String(dataNetId),
        sender: carol.address,
        salt: named.salt,
        size: String(named.size),
        root: named.root,
      }).toString();
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream' },
        body: body as NonNullable<RequestInit['body']>,
      });
      const { error } = (await response.json()) as { error?: { code: string; message: string } };
      return { status: response.status, ...error };
    }
    expect(await upload([text('mine')], [text('hers')], 1)).toMatchObject({
      status: 422,
      code: 'ROOT_MISMATCH',
      message: expect.stringMatching(/the content has the root 0x[0-9a-f]{64}, not 0x/),
    });
    const latin1 = Uint8Array.of(0x63, 0x61, 0x66, 0xe9);
    expect(await upload([latin1], [latin1], 2)).toMatchObject({
      status: 422,
      code: 'INVALID_UTF8',
      message: expect.stringContaining('not valid UTF-8'),
    });
    expect(await upload([text('four')], [text('four'), text('more')], 3)).toMatchObject({
      status: 422,
      code: 'SIZE_MISMATCH',
    });
    const named = { root: `0x${'11'.repeat(32)}` as Hex, salt: `0x${'22'.repeat(32)}` as Hex };
    expect(await post({ ...named, size: 4 }, frames([text('four')]))).toMatchObject({
      status: 409,
      code: 'NO_COMMITMENT',
      message: expect.stringContaining('send the commit first'),
    });
    expect(await post({ ...named, size: 5_242_881 }, new Uint8Array(0))).toMatchObject({
      status: 413,
      code: 'ARTIFACT_TOO_LARGE',
      message: expect.stringContaining('a contribution may have 5242880'),
    });
    expect(await post({ ...named, size: 0 }, new Uint8Array(0))).toMatchObject({
      status: 422,
      code: 'ARTIFACT_EMPTY',
    });
  });

  it('is judged by the owner of the DataNet alone, and once', async () => {
    const { id } = await contribute(client, person('carol'), {
      dataNetId,
      records: [new TextEncoder().encode('Words that nobody has given yet.')],
      licence: 'CC0',
      metadata: '',
    });
    const stranger = await refused(['datanet', 'approve', id, '--from', 'bob'], 3, 'REVERTED');
    expect(stranger).toMatch(/NotDataNetOwner\(caller 0x[0-9a-f]{40}\)\. Only the owner of the DataNet/);
    await queueApproval(client, person('curator'), id);
    await waitForAcceptance(client, id);
    const twice = await refused(['datanet', 'approve', id, '--from', 'curator'], 3, 'REVERTED');
    expect(twice).toMatch(/WrongStatus\(status 3\)\. .*3 approved/);
    const unknown = await refused(
      ['datanet', 'approve', `0x${'77'.repeat(32)}`, '--from', 'curator'],
      3,
      'REVERTED',
    );
    expect(unknown).toContain('UnknownContribution');
  });
});

describe('an inference that cannot be', () => {
  it('of an unknown model is refused before anything is put down', async () => {
    const line = await refused(
      ['infer', '--model', '99', '--prompt', 'Why?', '--from', 'asker'],
      3,
      'REVERTED',
    );
    expect(line).toContain('UnknownModel(modelId 99). There is no model with this id: openledger model list');
  });

  it('with too small an escrow names what is asked for', async () => {
    const ask = client.perform(
      person('asker'),
      inferenceInterface,
      'request',
      [economy.modelId, 'Why?', 120n],
      {
        value: 1n,
      },
    );
    await expect(ask).rejects.toMatchObject({
      code: 'REVERTED',
      message: expect.stringMatching(/EscrowTooLow\(escrow 1, required \d+\)\. Send at least/),
    });
  });

  it('is settled by its operator alone, not through a contract, and not after its expiry', async () => {
    const requestId = await economy.ask(client);
    const [{ expiryBlock }] = await client.view(inferenceInterface, 'inference', [requestId]);
    const args: [Hex, string, Hex] = [requestId, 'An answer.', `0x${'00'.repeat(32)}`];
    const settle = (account: Account) => client.perform(account, inferenceInterface, 'settle', args);
    await expect(settle(person('bob'))).rejects.toMatchObject({
      code: 'REVERTED',
      message: expect.stringMatching(/NotOperator\(caller .*\)\. Only the operator/),
    });
    for (let head = 0; head <= Number(expiryBlock); )
      head = Number((await client.send(person('dave'), { to: person('erin').address })).receipt.blockNumber);
    await expect(settle(person('operator'))).rejects.toMatchObject({
      code: 'REVERTED',
      message: expect.stringMatching(/RequestExpired\(expiryBlock \d+, blockNumber \d+\)\. .*expire/),
    });
    // What the text tells to do works.
    await client.perform(person('bob'), inferenceInterface, 'expire', [requestId]);
  });
});

describe('bytes that are not a transaction of this chain', () => {
  const bob = () => person('bob');
  const operation = dataNetInterface.nativeCall('publish', [1n]);

  it('signed for another chain: both chains are named', async () => {
    const nonce = await nonceOf(bob());
    const foreign = { ...envelope(nonce), chainId: 1 };
    const native = signNative({ ...foreign, type: 0x50, ...operation }, bob().privateKey);
    const ethereum = signEip1559(
      { ...foreign, to: bob().address, data: new Uint8Array(0) },
      bob().privateKey,
    );
    for (const { raw } of [native, ethereum]) {
      const { code, message } = await rejection(raw);
      expect(code).toBe(-32000);
      expect(message).toBe(`invalid sender: invalid chain id for signer: have 1 want ${network.chainId}`);
    }
  });

  it('with too small a fee, too little gas, or more than the account has: the text wallets look for', async () => {
    const nonce = await nonceOf(bob());
    const sign = (change: object) =>
      signEip1559(
        { ...envelope(nonce), to: bob().address, data: new Uint8Array(0), ...change },
        bob().privateKey,
      ).raw;
    const cases: [object, RegExp][] = [
      [{ maxFeePerGas: 1n, maxPriorityFeePerGas: 0n }, /^transaction underpriced: .*least baseFee: \d+/],
      [{ maxPriorityFeePerGas: 30_000_000_000n }, /^max priority fee per gas higher than max fee per gas/],
      [{ gasLimit: 20_999n }, /^intrinsic gas too low: .*(minimum needed|want) 21000/],
      [{ gasLimit: 16_777_217n }, /gas limit.*16777216|cap: 16777216/],
      [{ value: 10n ** 30n }, /^insufficient funds for gas \* price \+ value/],
    ];
    for (const [change, text] of cases) {
      const { code, message } = await rejection(sign(change));
      expect(code, message).toBe(-32000);
      expect(message).toMatch(text);
    }
  });

  it('of types that this chain does not have', async () => {
    for (const type of [0x03, 0x57, 0x7d, 0x7e, 0x00, 0xbf]) {
      const { code, message } = await rejection(Uint8Array.of(type, 0xc0));
      expect(code).toBe(-32000);
      expect(message, `type ${type}`).toMatch(/transaction type not supported/);
    }
  });

  it('mangled in whatever way: always an error with a reason, and the node lives', async () => {
    const nonce = await nonceOf(bob());
    const whole = [
      signNative({ ...envelope(nonce), type: 0x50, ...operation }, bob().privateKey).raw,
      signEip1559({ ...envelope(nonce), to: bob().address, data: new Uint8Array(3) }, bob().privateKey).raw,
    ];
    const mangled = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .tuple(fc.constantFrom(...whole), fc.nat(), fc.integer({ min: 0, max: 255 }))
        .map(([raw, at, byte]) => raw.with(at % raw.length, byte)),
      fc.tuple(fc.constantFrom(...whole), fc.nat()).map(([raw, at]) => raw.slice(0, at % raw.length)),
      fc.constantFrom(...whole).map((raw) => concat(raw, Uint8Array.of(0))),
    );
    const known = new Set(whole.map(toHex));
    await fc.assert(
      fc.asyncProperty(
        mangled.filter((raw) => !known.has(toHex(raw))),
        async (raw) => {
          const { code, message } = await rejection(raw);
          // A changed byte may leave a whole transaction, of a stranger without coins.
          expect([-32000, -32602]).toContain(code);
          expect(message.length).toBeGreaterThan(5);
          expect(message).not.toMatch(/internal error|undefined|is not a function|Cannot read/);
        },
      ),
      { seed, numRuns: 150 },
    );
    expect(await node.client.call('eth_chainId')).toBe(`0x${network.chainId.toString(16)}`);
  });
});

describe('a module reached by a wrong door', () => {
  const data = toHex(dataNetInterface.encodeCall('create', ['Mine', '', '', []]));

  it('answers with an error that says which door is right, and changes nothing', async () => {
    const [before] = await client.view(dataNetInterface, 'dataNetCount', []);
    const expected = {
      DELEGATECALL: 'DirectCallOnly',
      CALLCODE: 'DirectCallOnly',
      STATICCALL: 'WriteInStaticContext',
    } as const;
    for (const [kind, error] of Object.entries(expected)) {
      const code = deploy(forwarder(kind as keyof typeof expected, dataNetInterface.address));
      const { receipt } = await client.send(person('frank'), { to: null, data: code });
      const call = { from: person('frank').address, to: receipt.contractAddress, data };
      const answer = fromHex(await node.client.call<Hex>('eth_call', call, 'latest'));
      // The contract returns the success flag of its call, and what came back.
      expect(toHex(answer.subarray(0, 32)), kind).toBe(`0x${'00'.repeat(32)}`);
      expect(dataNetInterface.decodeError(answer.subarray(32))?.name, kind).toBe(error);
      await client.send(person('frank'), {
        to: receipt.contractAddress,
        data: fromHex(data),
      });
    }
    expect(await client.view(dataNetInterface, 'dataNetCount', [])).toEqual([before]);
  });

  it('is not run by an account that delegates to it (EIP-7702)', async () => {
    const [before] = await client.view(dataNetInterface, 'dataNetCount', []);
    const grace = person('grace');
    const delegating = privateKeyToAccount(toHex(grace.privateKey));
    const sender = privateKeyToAccount(toHex(person('frank').privateKey));
    const authorization = await delegating.signAuthorization({
      contractAddress: dataNetInterface.address,
      chainId: network.chainId,
      nonce: Number(await nonceOf(grace)),
    });
    const { maxFeePerGas, maxPriorityFeePerGas } = envelope(0n);
    const raw = await sender.signTransaction({
      type: 'eip7702',
      chainId: network.chainId,
      nonce: Number(await nonceOf(person('frank'))),
      to: grace.address,
      data,
      gas: 500_000n,
      maxFeePerGas,
      maxPriorityFeePerGas,
      authorizationList: [authorization],
    });
    const hash = await node.client.call<Hex>('eth_sendRawTransaction', raw);
    const { receipt } = await client.waitFor(hash);
    expect(receipt).toMatchObject({ status: '0x1', logs: [] });
    expect(await node.client.call('eth_getCode', grace.address, 'latest')).toBe(
      `0xef0100${dataNetInterface.address.slice(2)}`,
    );
    expect(await client.view(dataNetInterface, 'dataNetCount', [])).toEqual([before]);
  });

  it('settles only at the top level: a contract in between is told so', async () => {
    const code = deploy(forwarder('CALL', inferenceInterface.address));
    const { receipt } = await client.send(person('frank'), { to: null, data: code });
    const settle = inferenceInterface.encodeCall('settle', [
      `0x${'00'.repeat(32)}`,
      'x',
      `0x${'00'.repeat(32)}`,
    ]);
    const call = { from: person('frank').address, to: receipt.contractAddress, data: toHex(settle) };
    const answer = fromHex(await node.client.call<Hex>('eth_call', call, 'latest'));
    expect(inferenceInterface.decodeError(answer.subarray(32))?.name).toBe('NotTopLevel');
  });

  it('the chain goes on after all of this', async () => {
    const { receipt } = await client.send(person('dave'), { to: person('erin').address });
    expect(receipt.status).toBe('0x1');
    expect(node.log()).not.toMatch(/a request failed through our fault|the node stops/);
    expect(
      eventNamed(
        await client.perform(person('dave'), dataNetInterface, 'create', ['N', '', '', []]),
        'Created',
      ),
    ).toHaveProperty('id');
  });
});
