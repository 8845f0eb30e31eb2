import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Hex } from '../../genesis/types.ts';
import { type RunningDevnet, rpc, runCli, startDevnet, tempDir } from '../support/devnet.ts';

let running: RunningDevnet | undefined;
let dir: string | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
  dir = undefined;
});

/** Resolves when none of these processes is left. They are not our children: nobody tells us, so we look. */
async function gone(pids: readonly number[]): Promise<void> {
  const alive = (pid: number) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };
  while (pids.some(alive)) await new Promise((resolve) => setTimeout(resolve, 50));
}

const blockZero = async (url: string) =>
  (await rpc<{ hash: Hex }>(url, 'eth_getBlockByNumber', ['0x0', false])).hash;

describe('openledger devnet', () => {
  it('says where it is, survives a validator, ends as one, and continues its chain', async () => {
    dir = tempDir();
    running = await startDevnet({ dir, validators: 4 });
    const { validators, rpcUrls } = running;
    expect(running.chainId).toBe(20_300);
    expect(rpcUrls).toHaveLength(4);
    const page = await fetch(running.page);
    expect(page.headers.get('content-type')).toContain('text/html');
    const genesis = await blockZero(rpcUrls[0]!);
    const output = running.output();
    for (const { name, address, privateKey } of running.accounts) {
      expect(output).toContain(name);
      expect(output).toContain(address);
      expect(output).toContain(privateKey);
    }

    process.kill(validators[3]!.pid, 'SIGKILL');
    await gone([validators[3]!.pid]);
    const balance = await runCli(['status', '--json', '--devnet', dir]);
    expect(balance.code).toBe(0);
    const head = JSON.parse(balance.stdout).height as number;

    expect(await running.stop({ keep: true })).toBe(0);
    expect(running.output()).toContain('validator-3 ended by SIGKILL');
    await gone(validators.map((one) => one.pid));
    expect(existsSync(join(dir, 'devnet.json'))).toBe(false);

    running = await startDevnet({ dir, validators: 4 });
    expect(await blockZero(running.rpcUrls[0]!)).toBe(genesis);
    expect(Number(await rpc(running.rpcUrls[0]!, 'eth_blockNumber'))).toBeGreaterThanOrEqual(head);
  });

  it('its nodes end when it is killed, and it starts again', async () => {
    dir = tempDir();
    running = await startDevnet({ dir, validators: 2 });
    const pids = running.validators.map((one) => one.pid);
    running.process.kill('SIGKILL');
    await gone(pids);
    // What the killed one left says that it runs; it does not.
    expect(existsSync(join(dir, 'devnet.json'))).toBe(true);
    running = await startDevnet({ dir, validators: 2 });
    const second = await runCli(['devnet', '--data', dir]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain('DEVNET_RUNNING');
  });

  it('shows why a node does not start: the data of another chain', async () => {
    dir = tempDir();
    running = await startDevnet({ dir, validators: 1 });
    await running.stop({ keep: true });
    running = undefined;
    const path = join(dir, 'genesis.json');
    const genesis = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...genesis, timestamp: genesis.timestamp - 1 }));
    const { code, stderr } = await runCli(['devnet', '--data', dir, '--validators', '1']);
    expect(code).toBe(1);
    expect(stderr).toContain('WRONG_CHAIN');
  });
});
