import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseGenesis } from '../../../genesis/schema.ts';
import { loadConfig } from '../../../node/config/config.ts';
import { developmentAccounts } from '../../../node/devnet/accounts.ts';
import { freePorts, isFree } from '../../../node/devnet/ports.ts';
import { DEVNET_FILE, MANIFEST_FILE, prepareDevnet, runningDevnet } from '../../../node/devnet/prepare.ts';
import { loadConsensusKey, verifyFounder } from '../../../node/keys/consensus-key.ts';
import { toHex } from '../../../node/keys/hex.ts';

let dir: string;
beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'ol-devnet-')), 'net');
});
afterEach(() => rmSync(join(dir, '..'), { recursive: true, force: true }));

const prepare = (options: Partial<Parameters<typeof prepareDevnet>[0]> = {}) =>
  prepareDevnet({
    dir,
    validators: 2,
    fresh: false,
    rpcPort: undefined,
    logLevel: 'info',
    nowMs: 1_700_000_000_000,
    ...options,
  });
const genesisText = () => readFileSync(join(dir, 'genesis.json'), 'utf8');

describe('the folder of a devnet', () => {
  it('holds homes that load, peers that know each other, keys that the genesis names', async () => {
    const plan = await prepare();
    expect(plan).toMatchObject({ continued: false, chainId: 20_300 });
    const genesis = parseGenesis(genesisText());
    for (const { index, home, address, p2pPort } of plan.validators) {
      const config = loadConfig({ home });
      expect(config.genesis).toBe(join(dir, 'genesis.json'));
      expect(config.p2p.listen).toEqual([`/ip4/127.0.0.1/tcp/${p2pPort}`]);
      expect(config.p2p.persistent).toHaveLength(1);
      expect(config.p2p.persistent[0]).toContain(`/tcp/${plan.validators[1 - index]!.p2pPort}/p2p/12D3Koo`);
      const key = await loadConsensusKey(config.validator.key, () => '');
      const founder = genesis.validators[index]!;
      expect(founder.blsPublicKey).toBe(toHex(key.publicKey));
      expect(founder.address).toBe(address.toLowerCase());
      expect(config.validator.operator).toBe(founder.address);
      expect(verifyFounder(founder, genesis.params.chainId)).toBe(true);
    }
    for (const { address, balance } of developmentAccounts())
      expect(genesis.alloc[address.toLowerCase() as `0x${string}`]!.balance).toBe(balance);
  });

  it('continues its chain, and begins anew when told to', async () => {
    await prepare();
    const before = genesisText();
    expect((await prepare()).continued).toBe(true);
    expect(genesisText()).toBe(before);
    expect((await prepare({ fresh: true, validators: 1 })).continued).toBe(false);
    expect(genesisText()).not.toBe(before);
    expect(existsSync(join(dir, 'validator-1'))).toBe(false);
  });

  it('is not continued with another number of validators', async () => {
    await prepare();
    await expect(prepare({ validators: 3 })).rejects.toMatchObject({
      code: 'DEVNET_DIFFERS',
      message: expect.stringContaining('--validators 2'),
    });
  });

  it('that was left unfinished is made again', async () => {
    await prepare();
    writeFileSync(join(dir, MANIFEST_FILE), '{"kind":"openledger-devnet","chainId":20300,"validators":0}');
    expect((await prepare()).continued).toBe(false);
  });

  it('of something else is left alone', async () => {
    await prepare();
    rmSync(join(dir, MANIFEST_FILE));
    for (const fresh of [true, false])
      await expect(prepare({ fresh })).rejects.toMatchObject({ code: 'NOT_A_DEVNET' });
    expect(existsSync(join(dir, 'genesis.json'))).toBe(true);
  });

  it('whose network runs is refused, also with --fresh; the file of a dead one is ignored', async () => {
    await prepare();
    const file = (pid: number) =>
      writeFileSync(
        join(dir, DEVNET_FILE),
        JSON.stringify({ pid, rpcUrls: ['http://127.0.0.1:1'], accounts: [] }),
      );
    file(process.pid);
    expect(runningDevnet(dir)?.rpcUrl).toBe('http://127.0.0.1:1');
    await expect(prepare({ fresh: true })).rejects.toMatchObject({ code: 'DEVNET_RUNNING' });
    // Above the largest process id of Linux.
    file(2 ** 22 + 1);
    expect(runningDevnet(dir)).toBeUndefined();
    expect((await prepare()).continued).toBe(true);
  });

  it('names the port that another program uses', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    try {
      expect(await isFree(port)).toBe(false);
      await expect(prepare({ rpcPort: port })).rejects.toMatchObject({
        code: 'PORT_IN_USE',
        message: expect.stringContaining(String(port)),
      });
    } finally {
      server.close();
    }
  });
});

describe('free ports', () => {
  it('are different from each other', async () => {
    const ports = await freePorts(8);
    expect(new Set(ports).size).toBe(8);
  });

  it('are none that the system gives to outgoing connections, which would take that of a node that is down', async () => {
    for (const port of await freePorts(8)) {
      expect(port).toBeGreaterThanOrEqual(20_000);
      expect(port).toBeLessThan(32_768);
      expect(await isFree(port)).toBe(true);
    }
  });
});
