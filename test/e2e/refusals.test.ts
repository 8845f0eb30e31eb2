/**
 * Every start that must not happen ends with one line that says what is wrong and what to do, and an exit code that is
 * not 0. And a node whose disk is full stops by itself, whole.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asHeight } from '../../consensus/types.ts';
import { encodeRecord } from '../../consensus/wal/records.ts';
import { parseGenesis, serialiseGenesis } from '../../genesis/schema.ts';
import { signEip1559 } from '../../node/client/sign.ts';
import { fromHex, keccak256, toHex } from '../../state/crypto.ts';
import { connect, type Hex } from './support/client.ts';
import { startNetwork, type TestNetwork, type TestNode } from './support/network.ts';

const OPENLEDGER = fileURLToPath(new URL('../../bin/openledger.js', import.meta.url));

let network: TestNetwork;
let node: TestNode;
/** A copy of the node's folder, as it was when the node had stopped. */
let copy: string;

beforeAll(async () => {
  network = await startNetwork({ validators: 1 });
  node = network.nodes[0]!;
  await node.client.untilHead(({ number }) => number >= 2);
  await node.stop();
  copy = join(network.dir, 'net', 'copy');
  cpSync(node.home, copy, { recursive: true });
  await node.start();
});
afterAll(() => network?.close());

/** The whole output of a start that fails. */
async function refusal(home: string, ...flags: string[]): Promise<{ code: number | null; line: string }> {
  const anyPort = ['--rpc-port', '0', '--p2p-listen', '/ip4/127.0.0.1/tcp/0'];
  const given = flags.filter((flag) => flag.startsWith('--'));
  const others = given.includes('--rpc-port') ? [] : anyPort;
  const child = spawn(process.execPath, [OPENLEDGER, 'start', '--home', home, ...others, ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += String(chunk);
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  expect(errors.trimEnd().split('\n'), errors).toHaveLength(1);
  return { code, line: errors.trimEnd() };
}

/** The copy again as it was, changed by `change`. */
function changedCopy(name: string, change: (home: string) => void): string {
  const home = join(network.dir, 'net', name);
  cpSync(copy, home, { recursive: true });
  change(home);
  return home;
}

describe('a start is refused in one line', () => {
  it('when another process has the data folder', async () => {
    const { code, line } = await refusal(node.home);
    expect(code).toBe(1);
    expect(line).toMatch(/^error: another node is running on .*stop it.* \(DATA_DIR_IN_USE\)$/);
  });

  it('when another process signs with the key, though the data folder is another', async () => {
    const { code, line } = await refusal(node.home, '--data-dir', 'other');
    expect(code).toBe(1);
    expect(line).toMatch(/^error: another process signs with the key of .*stop it.* \(KEY_IN_USE\)$/);
  });

  it('when the genesis file is of another chain', async () => {
    const genesis = parseGenesis(readFileSync(join(network.dir, 'net', 'genesis.json'), 'utf8'));
    genesis.params.inference.expiryBlocks += 1;
    const other = join(network.dir, 'other.json');
    writeFileSync(other, serialiseGenesis(genesis));
    const { code, line } = await refusal(copy, '--genesis', other);
    expect(code).toBe(2);
    expect(line).toMatch(/^error: .* holds the chain with genesis 0x.* \(WRONG_CHAIN\)$/);
  });

  it('when the consensus log is damaged in its middle, with the command that mends it', async () => {
    const home = changedCopy('damaged-log', (folder) => {
      const path = join(folder, 'data', 'consensus', 'consensus.wal');
      const frames = [1, 2, 3].map((height) =>
        encodeRecord({ kind: 'height', genesisHash: `0x${'00'.repeat(32)}`, height: asHeight(height) }),
      );
      const bytes = Buffer.concat(frames);
      bytes[frames[0]!.length + 12]! ^= 1;
      writeFileSync(path, bytes);
    });
    const { code, line } = await refusal(home);
    expect(code).toBe(1);
    expect(line).toMatch(
      /^error: WAL_DAMAGED: .*offset \d+.*openledger wal repair --home DIR --offset \d+ \(WAL_DAMAGED\)$/,
    );
    const offset = /--offset (\d+)/.exec(line)![1]!;
    const mended = spawnSync(process.execPath, [
      OPENLEDGER,
      'wal',
      'repair',
      '--home',
      home,
      '--offset',
      offset,
    ]);
    expect(mended.status, String(mended.stderr)).toBe(0);
  });

  it('when the consensus key has no last-signed record', async () => {
    const home = changedCopy('no-record', (folder) => rmSync(join(folder, 'keys', 'last-signed')));
    const { code, line } = await refusal(home);
    expect(code).toBe(2);
    expect(line).toMatch(/--validator-risk-slashing-without-record true \(LAST_SIGNED_MISSING\)$/);
  });

  it('when a port is taken', async () => {
    const { code, line } = await refusal(
      copy,
      '--rpc-port',
      String(node.rpcPort),
      '--p2p-listen',
      '/ip4/127.0.0.1/tcp/0',
    );
    expect(code).toBe(1);
    expect(line).toMatch(/is already taken by another program.*--rpc-port.* \(PORT_IN_USE\)$/);
  });

  it('when an address to listen on is not one of this machine', async () => {
    // Addresses for documentation (RFC 5737): no machine has them.
    const port = ['--rpc-port', '0'];
    const p2p = await refusal(copy, ...port, '--p2p-listen', '/ip4/192.0.2.1/tcp/0');
    expect(p2p.code).toBe(1);
    expect(p2p.line).toMatch(/^error: cannot listen on \/ip4\/192\.0\.2\.1.*--p2p-listen \(LISTEN_FAILED\)$/);
    const rpc = await refusal(copy, '--rpc-host', '192.0.2.1');
    expect(rpc.code).toBe(1);
    expect(rpc.line).toMatch(/^error: cannot serve RPC on 192\.0\.2\.1:0: .*--rpc-host.* \(LISTEN_FAILED\)$/);
  });

  it('when a folder stands where a file should, and the other way round', async () => {
    const asFolder = (name: string) =>
      changedCopy(name.replace(/\W/g, '-'), (at) => {
        rmSync(join(at, name), { recursive: true, force: true });
        mkdirSync(join(at, name));
      });
    const key = await refusal(asFolder('keys/validator.json'));
    expect(key).toMatchObject({
      code: 2,
      line: expect.stringMatching(/it is a folder \(KEY_FILE_INVALID\)$/),
    });
    const genesis = await refusal(asFolder('genesis.json'), '--genesis', 'genesis.json');
    expect(genesis).toMatchObject({ code: 2, line: expect.stringMatching(/a folder \(GENESIS_INVALID\)$/) });
    const journal = await refusal(asFolder('data/pool.journal'));
    expect(journal).toMatchObject({
      code: 1,
      line: expect.stringMatching(/it is a folder \(DATA_DIR_UNUSABLE\)$/),
    });
    const consensus = await refusal(
      changedCopy('consensus-file', (at) => {
        rmSync(join(at, 'data', 'consensus'), { recursive: true });
        writeFileSync(join(at, 'data', 'consensus'), '');
      }),
    );
    expect(consensus).toMatchObject({ code: 1, line: expect.stringMatching(/\(DATA_DIR_UNUSABLE\)$/) });
  });

  it('when the database has lost the file that names the others, with what to do', async () => {
    const home = changedCopy('no-current', (at) => rmSync(join(at, 'data', 'chain', 'CURRENT')));
    const { code, line } = await refusal(home);
    expect(code).toBe(1);
    expect(line).toMatch(/lost its file CURRENT.*openledger reset --yes.* \(DATABASE_DAMAGED\)$/);
    const reset = spawnSync(process.execPath, [OPENLEDGER, 'reset', '--yes', '--home', home], {
      encoding: 'utf8',
    });
    expect(reset.status, reset.stderr).toBe(0);
  });

  it('when the data folder cannot be written', async () => {
    const file = join(network.dir, 'a-file');
    writeFileSync(file, '');
    for (const folder of [join(file, 'data'), '/proc/openledger']) {
      const { code, line } = await refusal(copy, '--data-dir', folder);
      expect(code).toBe(1);
      expect(line).toMatch(/^error: cannot use the data folder .*--data-dir.* \(DATA_DIR_UNUSABLE\)$/);
    }
  });

  it('when a setting is unknown, with the one that was probably meant', async () => {
    const home = changedCopy('unknown-key', (folder) => {
      const path = join(folder, 'config.json');
      const json = JSON.parse(readFileSync(path, 'utf8'));
      json.rpc.prot = 8545;
      writeFileSync(path, JSON.stringify(json));
    });
    const { code, line } = await refusal(home);
    expect(code).toBe(2);
    expect(line).toMatch(
      /^error: .*unknown setting 'rpc\.prot'\. Did you mean 'rpc\.port'\? \(CONFIG_INVALID\)$/,
    );
  });

  it('when the disk is nearly full', async () => {
    const { code, line } = await refusal(copy, '--min-free-mib', '1048576');
    expect(code).toBe(1);
    expect(line).toMatch(/^error: DISK_FULL: \d+ MiB are free .*make room.* \(DISK_FULL\)$/);
  });

  it('when the last block is damaged', async () => {
    const home = changedCopy('damaged-database', () => {});
    const { openDatabase } = await import('../../state/db/database.ts');
    const { COLUMN, metaKey, numberKey } = await import('../../state/db/keys.ts');
    const { decodeHead } = await import('../../state/db/head-record.ts');
    const db = await openDatabase(join(home, 'data', 'chain'));
    const { number } = decodeHead(db.get(metaKey('head'))!);
    await db.write([{ key: numberKey(COLUMN.receipts, number) }]);
    await db.close();
    const { code, line } = await refusal(home);
    expect(code).toBe(1);
    expect(line).toMatch(
      /the receipts of block \d+ are missing.*openledger rollback.* \(DATABASE_DAMAGED\)$/,
    );
    const back = spawnSync(process.execPath, [OPENLEDGER, 'rollback', '--home', home], { encoding: 'utf8' });
    expect(back.status, back.stderr).toBe(0);
  });
});

/** A small disk of its own takes a mount namespace, which some machines do not give. */
const mayMount =
  process.platform === 'linux' &&
  spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=1m tmpfs /mnt']).status === 0;
if (!mayMount) console.log('skipped: a full disk (no mount namespace on this machine)');

describe.skipIf(!mayMount)('a node whose disk is full', () => {
  it('stops with one message, whole, and goes on when there is room', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ol-disk-'));
    const home = changedCopy('small-disk', (at) => rmSync(join(at, 'data'), { recursive: true }));
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const run = `"${process.execPath}" "${OPENLEDGER}"`;
    const flags = `--home "${home}" --data-dir "${disk}/data" --rpc-port 0 --p2p-listen /ip4/127.0.0.1/tcp/0 --min-free-mib 0 --validator-risk-slashing-without-record true`;
    const script = [
      `mount -t tmpfs -o size=24m tmpfs "${disk}"`,
      `${run} start ${flags}; echo "first exit $?"`,
      `mount -o remount,size=512m "${disk}"`,
      `OPENLEDGER_DATA_DIR="${disk}/data" ${run} db verify --home "${home}" --signatures; echo "verify exit $?"`,
      `exec ${run} start ${flags}`,
    ].join('\n');
    // The key of the copy has signed; this chain is another one, which begins anew on the small disk.
    rmSync(join(home, 'keys', 'last-signed'));
    const child: ChildProcess = spawn('unshare', ['-rm', 'sh', '-c', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    child.stdout!.on('data', (chunk) => {
      output += String(chunk);
    });
    child.stderr!.on('data', (chunk) => {
      output += String(chunk);
    });
    const until = async (pattern: RegExp): Promise<RegExpExecArray> => {
      for (let i = 0; i < 600; i++) {
        const found = pattern.exec(output);
        if (found !== null) return found;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(`${pattern} did not come:\n${output.slice(-3_000)}`);
    };
    try {
      const [, port] = await until(/rpc=http:\/\/127\.0\.0\.1:(\d+)/);
      const client = await connect(Number(port));
      const rich = network.accounts[0]!;
      for (let nonce = 0; nonce < 1_000 && !/first exit/.test(output); nonce++) {
        const raw = signEip1559(
          {
            chainId: network.chainId,
            nonce: BigInt(nonce),
            maxPriorityFeePerGas: 1_000_000_000n,
            maxFeePerGas: 100_000_000_000n,
            gasLimit: 6_000_000n,
            to: rich.address.toLowerCase() as Hex,
            value: 0n,
            data: Buffer.concat(
              Array.from({ length: 3_000 }, (_, i) => keccak256(Buffer.from(`${nonce} ${i}`))),
            ),
          },
          fromHex(rich.privateKey, 32),
        );
        await client.call('eth_sendRawTransaction', toHex(raw.raw)).catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      await until(/first exit 1\n/);
      const errors = output.split('\n').filter((line) => line.startsWith('error: '));
      expect(errors, output.slice(-3_000)).toHaveLength(1);
      expect(errors[0]).toMatch(/\(DISK_FULL\)$/);
      await until(/\nwhole\nverify exit 0\n/);
      const before = Number((await until(/read to block (\d+):/))[1]);
      const second = await until(/verify exit 0[\s\S]*rpc=http:\/\/127\.0\.0\.1:(\d+)/);
      const again = await connect(Number(second[1]));
      await again.untilHead(({ number }) => number >= before + 2);
      client.close();
      again.close();
    } finally {
      // The shell and the node that it runs now, which have a group of their own.
      process.kill(-child.pid!, 'SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  }, 120_000);
});
