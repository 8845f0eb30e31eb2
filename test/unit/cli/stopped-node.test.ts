/** What an operator does with a node that is stopped: look, mend, move its key. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asHeight, asRound } from '../../../consensus/types.ts';
import { encodeLastSigned } from '../../../consensus/wal/last-signed.ts';
import { encodeRecord } from '../../../consensus/wal/records.ts';
import { parseGenesis, serialiseGenesis } from '../../../genesis/schema.ts';
import { startNode } from '../../../node/assemble.ts';
import { withKeyRecord } from '../../../node/cli/last-signed.ts';
import { loadConfig } from '../../../node/config/config.ts';
import { lockKey } from '../../../node/keys/key-lock.ts';
import { silentLog } from '../../../node/log.ts';
import { makeSnapshot } from '../../../node/snapshots/make.ts';
import { COLUMN, numberKey } from '../../../state/db/keys.ts';
import type { Hex } from '../../../state/types.ts';
import { prepareStoppedNode, type StoppedNode } from './support.ts';

const BLOCKS = 8;
let node: StoppedNode;
let genesisHash: Hex;

beforeAll(async () => {
  node = await prepareStoppedNode();
  const chain = await node.openChain();
  for (let i = 0; i < BLOCKS; i++) await chain.produce([]);
  genesisHash = chain.chain.reader.genesisHash;
  await chain.close();
});
afterAll(() => node.remove());

const run: StoppedNode['run'] = (...args) => node.run(...args);

describe('the database of a stopped node', () => {
  it('is counted and verified', async () => {
    const stats = JSON.parse((await run('db stats --json')).stdout);
    expect(stats).toMatchObject({ head: BLOCKS, oldestBlock: 0 });
    expect(stats.columns.find((one: { name: string }) => one.name === 'block').entries).toBe(BLOCKS + 1);
    expect(stats.diskBytes).toBeGreaterThan(1_000);
    expect((await run('db stats')).stdout).toMatch(/column +entries +size/);
    const verified = await run('db verify --signatures');
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    expect(verified.stdout).toMatch(/read to block 8: 9 headers, 9 bodies.*\nwhole\n/);
  });

  it('that is damaged says so with exit code 1, and a start refuses it', async () => {
    const key = numberKey(COLUMN.receipts, BLOCKS);
    const value = await node.withDatabase(async (db) => {
      const before = db.get(key)!.slice();
      await db.write([{ key }]);
      return before;
    });
    const verified = await run('db verify');
    expect(verified.code).toBe(1);
    expect(verified.stdout).toContain(`damaged: the receipts of block ${BLOCKS} are missing`);
    await node.withDatabase((db) => db.write([{ key, value }]));
  });

  it('is not damaged by half a table that a kill or a full disk left: the next open deletes it', async () => {
    const half = join(node.chainDir, '999999.ldb');
    writeFileSync(half, Buffer.alloc(100, 1));
    expect(await run('db verify')).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(half)).toBe(false);
  });

  it('beside the genesis file of another chain is told apart from one that is damaged', async () => {
    const file = join(node.dir, 'genesis.json');
    const right = readFileSync(file, 'utf8');
    const other = parseGenesis(right);
    writeFileSync(file, serialiseGenesis({ ...other, timestamp: other.timestamp + 1 }));
    for (const command of ['db verify', 'snapshot create'])
      expect(await run(command), command).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringMatching(/^error: .* holds the chain with genesis .*\(WRONG_CHAIN\)\n$/),
      });
    writeFileSync(file, right);
  });

  it('gives snapshots, and none that the settings delete at once', async () => {
    for (const height of [6, 7])
      expect(await run(`snapshot create --height ${height}`)).toMatchObject({ code: 0, stderr: '' });
    const refused = await run('snapshot create --height 5');
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/snapshots\.keep is 2.*\(USAGE\)\n$/),
    });
    expect((await run('snapshot list')).stdout).toMatch(/^block 7: .*\nblock 6: .*\n$/);
  });

  it('keeps nothing of a snapshot that was not finished', async () => {
    const folder = join(node.home, 'data', 'snapshots');
    mkdirSync(join(folder, '3.partial'), { recursive: true });
    expect((await run('snapshot create')).code).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(['6', '7']);
    const settings = { dataDir: join(node.home, 'data'), evidenceMaxAgeBlocks: 10, keep: 2 };
    await expect(makeSnapshot(settings, BLOCKS + 1)).rejects.toThrow();
    expect(readdirSync(folder).sort()).toEqual(['6', '7']);
    // A damaged one is named, and hides no other.
    writeFileSync(join(folder, '7', 'manifest'), 'x');
    expect(await run('snapshot list')).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^block 6: /),
      stderr: expect.stringMatching(/^block 7: damaged.*snapshots.7\n$/),
    });
  });

  it('is pruned by the settings', async () => {
    const pruned = await run('db prune --json');
    expect(pruned.code).toBe(0);
    expect(JSON.parse(pruned.stdout).after).toBeGreaterThan(0);
  });

  it('gets its indexes anew, from where a run was interrupted', async () => {
    const whole = await run('reindex --json');
    expect(JSON.parse(whole.stdout)).toMatchObject({
      head: BLOCKS,
      oldest: 0,
      blocks: BLOCKS + 1,
      whole: true,
    });
    const stopped = new AbortController();
    stopped.abort();
    const interrupted = await run('reindex', stopped.signal);
    expect(interrupted.code).toBe(130);
    expect(interrupted.stdout).toMatch(
      /^0 blocks, 0 entries; indexed from block 9 to 8\ninterrupted: run it again/,
    );
    expect((await run('db stats')).stdout).toContain('indexes of history 9');
    expect(await run('reindex')).toMatchObject({ code: 0 });
    expect((await run('db stats')).stdout).toContain('indexes of history 0');
    expect((await run('db verify')).code).toBe(0);
  });

  it('goes back a block, or to a height, and no further than there is', async () => {
    expect((await run('rollback --to 99')).stderr).toMatch(/^error: .*not at 99 \(UNKNOWN_BLOCK\)\n$/);
    expect(JSON.parse((await run('rollback --json')).stdout)).toMatchObject({
      from: BLOCKS,
      head: BLOCKS - 1,
    });
    expect((await run('rollback --to 5')).stdout).toMatch(/^went back from block 7 to 5/);
    expect((await run('db verify')).code).toBe(0);
  });

  it('is exported as JSON', async () => {
    expect(await run('export --out state.json')).toMatchObject({ code: 0 });
    const json = JSON.parse(readFileSync(join(node.dir, 'state.json'), 'utf8'));
    expect(json.number).toBe(5);
    expect(Object.keys(json.alloc).length).toBeGreaterThan(10);
    expect((await run('export --out state.json --height 6')).code).toBe(2);
  });

  it('is left as it is by a command that is told to stop, which ends with 130', async () => {
    const stopped = new AbortController();
    stopped.abort();
    for (const command of ['db stats', 'db verify', 'db prune', 'rollback --to 4', 'export --out none.json'])
      expect(await run(command, stopped.signal), command).toEqual({
        code: 130,
        stdout: '',
        stderr: 'error: interrupted; run it again (INTERRUPTED)\n',
      });
    expect(readdirSync(node.dir).filter((name) => name.startsWith('none'))).toEqual([]);
    expect((await run('db verify')).code).toBe(0);
  });

  it('is served for reading, refuses transactions, and is not ready', async () => {
    const stop = new AbortController();
    let tell: (url: string) => void = () => {};
    const url = new Promise<string>((resolve) => {
      tell = resolve;
    });
    const running = run('inspect --port 0 --json', stop.signal, (text) => tell(JSON.parse(text).url));
    const at = await url;
    const ask = async (method: string, ...params: unknown[]) =>
      (
        await fetch(at, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
        })
      ).json() as Promise<{ result?: unknown; error?: { message: string } }>;
    expect((await ask('eth_blockNumber')).result).toBe('0x5');
    expect((await run(`inspect --port ${new URL(at).port}`)).stderr).toMatch(
      /give another --port.*\(PORT_IN_USE\)\n$/,
    );
    expect((await ask('ol_validators')).result).toBeDefined();
    expect((await ask('eth_sendRawTransaction', '0x02')).error?.message).toMatch(/stopped/);
    for (const path of ['/ready', '/readyz']) expect((await fetch(`${at}${path}`)).status).toBe(503);
    const status = await run(`status --rpc ${at}`);
    expect(status).toMatchObject({ code: 1, stdout: expect.stringMatching(/state +the node is stopped/) });
    for (const path of ['/health', '/healthz']) expect((await fetch(`${at}${path}`)).status).toBe(200);
    // Nothing else gets at the data meanwhile, in this process by the lock of the folder, in others by LevelDB's.
    stop.abort();
    expect((await running).code).toBe(0);
  });

  it('is deleted only when told so twice, and keys and records stay', async () => {
    const key = join(node.home, 'keys', 'validator.json');
    const moved = join(node.home, 'data', 'consensus', 'validator.json');
    mkdirSync(join(node.home, 'data', 'consensus'), { recursive: true });
    writeFileSync(moved, readFileSync(key));
    const config = join(node.home, 'config.json');
    const settings = readFileSync(config, 'utf8');
    writeFileSync(config, settings.replace('keys/validator.json', 'data/consensus/validator.json'));
    expect((await run('reset --yes')).stderr).toMatch(/validator\.json lies in .*move it first \(USAGE\)\n$/);
    expect(existsSync(moved)).toBe(true);
    writeFileSync(config, settings);
    rmSync(join(node.home, 'data', 'consensus'), { recursive: true });
    const refused = await run('reset');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/^error: this deletes chain, snapshots in .*--yes/);
    expect(await run('reset --yes')).toMatchObject({ code: 0, stderr: '' });
    expect(existsSync(join(node.home, 'data', 'chain'))).toBe(false);
    expect(existsSync(join(node.home, 'keys', 'last-signed'))).toBe(true);
    expect((await run('reset --yes')).stderr).toMatch(/NOTHING_TO_RESET/);
    for (const command of [
      'db stats',
      'db verify',
      'reindex',
      'rollback',
      'export --out x.json',
      'inspect --port 0',
    ])
      expect((await run(command)).stderr, command).toMatch(/^error: no chain in .*\(NOT_INITIALISED\)\n$/);
  });
});

describe('the folder of a node', () => {
  it('that is not there, or that this user may not enter, is not taken for one without a chain', async () => {
    const closed = join(node.dir, 'closed');
    mkdirSync(join(closed, 'data', 'chain'), { recursive: true });
    chmodSync(closed, 0);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) chmodSync(node.dir, 0o755);
    if (isRoot) process.seteuid!(65_534);
    try {
      for (const [home, why] of [
        [closed, 'no permission'],
        [join(node.dir, 'nowhere'), 'it does not exist'],
      ] as const)
        for (const command of ['db stats', 'snapshot list', 'reset --yes', 'last-signed show', 'wal check'])
          expect(await run(`${command} --home ${home}`), command).toMatchObject({
            code: 2,
            stderr: expect.stringMatching(`^error: .*${home}: ${why}; .*--home.* \\(FILE_MISSING\\)\n$`),
          });
    } finally {
      if (isRoot) process.seteuid!(0);
      chmodSync(closed, 0o700);
    }
  });
});

describe('the consensus log', () => {
  it('is shown record by record', async () => {
    mkdirSync(join(node.home, 'data', 'consensus'), { recursive: true });
    const records = [
      encodeRecord({ kind: 'height', genesisHash, height: asHeight(9) }),
      encodeRecord({
        kind: 'input',
        input: { kind: 'timeout', nowMs: 5, timeout: 'prevote', round: asRound(2) },
      }),
    ];
    const path = join(node.home, 'data', 'consensus', 'consensus.wal');
    writeFileSync(path, Buffer.concat([...records, records[1]!.subarray(0, 9)]));
    const { code, stdout, stderr } = await run('wal dump');
    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { offset: 0, kind: 'height', height: 9 },
      { offset: records[0]!.length, kind: 'input', input: { kind: 'timeout', round: 2 } },
    ]);
    expect(stderr).toMatch(/half written/);
  });
});

describe('the last-signed record', () => {
  const record = () => join(node.home, 'keys', 'last-signed');
  const at = (height: number) =>
    encodeLastSigned({
      height: asHeight(height),
      round: asRound(1),
      step: 3,
      loggedBefore: 2,
      message: new Uint8Array(40).fill(height),
    });

  it('is made with the key, and moves to another machine with it', async () => {
    expect((await run('last-signed show')).stdout).toMatch(/: nothing yet, 0 attestations\n$/);
    writeFileSync(record(), at(12));
    expect((await run('last-signed export --out moved.json --retire')).stdout).toMatch(
      /^height 12 round 1 precommit is in .*refuses to start/,
    );
    expect(existsSync(record())).toBe(false);
    expect((await run('last-signed show')).stderr).toMatch(/LAST_SIGNED_MISSING/);
    // It signs elsewhere now: neither the flag nor a new key beside it makes it sign here.
    const flags = { 'validator-risk-slashing-without-record': 'true' };
    await expect(startNode(loadConfig({ home: node.home, flags }), { log: silentLog })).rejects.toMatchObject(
      {
        code: 'LAST_SIGNED_MISSING',
        message: expect.stringMatching(/exported with --retire.*another machine/),
      },
    );
    writeFileSync(join(node.dir, 'password'), 'correct horse');
    expect(
      (
        await run(
          `keys new second --type consensus --keys ${join(node.home, 'keys')} --password-file password`,
        )
      ).stderr,
    ).toMatch(/moved away.*--keys.*FILE_EXISTS/);
    expect((await run('last-signed import moved.json')).stdout).toBe(
      'took over height 12 round 1 precommit\n',
    );
    expect(new Uint8Array(readFileSync(record()))).toEqual(at(12));
  });

  it("is nobody else's while a command has it: a node that is started again and again would sign meanwhile", async () => {
    const environment = { variables: {}, workingDirectory: node.dir };
    const chain = await node.openChain();
    await chain.close();
    await withKeyRecord(node.home, environment, async ({ config }) => {
      await expect(lockKey(config.validator.key)).rejects.toMatchObject({ code: 'KEY_IN_USE' });
      // As another process sees it: within one, all share a handle.
      const open = `import('level').then(({ Level }) => new Level(process.argv[1]).open())
        .then(() => console.log('open'), ({ cause }) => console.log(cause.code))`;
      const seen = execFileSync(process.execPath, ['-e', open, node.chainDir], { cwd: import.meta.dirname });
      expect(String(seen)).toBe('LEVEL_LOCKED\n');
    });
    await (await lockKey(join(node.home, 'keys', 'validator.json'))).release();
    rmSync(join(node.home, 'data', 'chain'), { recursive: true });
  });

  it('never goes back', async () => {
    writeFileSync(record(), at(30));
    expect((await run('last-signed import moved.json')).stdout).toMatch(/nothing changed/);
    expect(new Uint8Array(readFileSync(record()))).toEqual(at(30));
  });

  it('of another key, another chain, or no record at all is refused', async () => {
    const json = JSON.parse(readFileSync(join(node.dir, 'moved.json'), 'utf8'));
    const refused = async (change: object, code: string) => {
      writeFileSync(join(node.dir, 'other.json'), JSON.stringify({ ...json, ...change }));
      expect((await run('last-signed import other.json')).stderr).toMatch(
        new RegExp(`^error: .*\\(${code}\\)\n$`),
      );
    };
    await refused({ publicKey: `0x${'ab'.repeat(48)}` }, 'WRONG_KEY');
    await refused({ genesisHash: `0x${'ab'.repeat(32)}` }, 'WRONG_CHAIN');
    await refused({ kind: 'x' }, 'RECORD_INVALID');
    await refused({ lastSigned: { ...json.lastSigned, height: -1 } }, 'RECORD_INVALID');
    await refused({ lastSigned: { ...json.lastSigned, step: 4 } }, 'RECORD_INVALID');
    await refused({ attested: { '0x1': '0x2' } }, 'RECORD_INVALID');
    expect((await run('last-signed import nowhere.json')).stderr).toMatch(/FILE_MISSING/);
  });

  it('keeps attestations of both machines, and refuses those that contradict each other', async () => {
    const json = JSON.parse(readFileSync(join(node.dir, 'moved.json'), 'utf8'));
    const [subject, other, root, wrong] = ['a1', 'a2', 'b1', 'b2'].map((byte) => `0x${byte.repeat(32)}`);
    const merge = (attested: object) => {
      writeFileSync(join(node.dir, 'other.json'), JSON.stringify({ ...json, attested }));
      return run('last-signed import other.json');
    };
    expect((await merge({ [subject!]: root })).code).toBe(0);
    expect((await merge({ [other!]: root })).code).toBe(0);
    expect((await merge({ [subject!]: wrong })).stderr).toMatch(/RECORD_CONTRADICTS/);
    expect(JSON.parse((await run('last-signed show --json')).stdout)).toMatchObject({ attestations: 2 });
  });

  it('must be there for a node to start with the key', async () => {
    rmSync(record());
    const start = () => startNode(loadConfig({ home: node.home }), { log: silentLog });
    await expect(start()).rejects.toMatchObject({
      code: 'LAST_SIGNED_MISSING',
      message: expect.stringMatching(/last-signed import.*--validator-risk-slashing-without-record true/),
    });
  });
});
