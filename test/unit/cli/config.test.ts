import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig, writeConfig } from '../../../node/config/config.ts';
import { NAMED_OPTIONS } from '../../../node/config/options.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ol-config-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const file = (json: unknown) => writeFileSync(join(home, 'config.json'), JSON.stringify(json));
const problem = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    expect((error as { code: string }).code).toBe('CONFIG_INVALID');
    return (error as Error).message;
  }
  throw new Error('was accepted');
};

describe('settings', () => {
  it('have defaults, and paths start at the home', () => {
    const config = loadConfig({ home });
    expect(config).toMatchObject({
      genesis: join(home, 'genesis.json'),
      dataDir: join(home, 'data'),
      validator: { key: '' },
      rpc: { host: '127.0.0.1', port: 8545 },
    });
  });

  it('are overridden by the file, then a program, then the environment, then flags', () => {
    file({ rpc: { port: 1, host: 'a' }, log: { level: 'warn' }, p2p: { bootstrap: ['x'] } });
    const sources = {
      home,
      values: { 'rpc.port': 2, 'rpc.enabled': false },
      environment: { OPENLEDGER_RPC_PORT: '3', OPENLEDGER_P2P_BOOTSTRAP: 'y, z', PATH: '/bin' },
    };
    expect(loadConfig(sources)).toMatchObject({
      rpc: { port: 3, host: 'a', enabled: false },
      log: { level: 'warn' },
      p2p: { bootstrap: ['y', 'z'] },
    });
    expect(loadConfig({ ...sources, flags: { 'rpc-port': '4', 'p2p-bootstrap': ['q'] } })).toMatchObject({
      rpc: { port: 4 },
      p2p: { bootstrap: ['q'] },
    });
  });

  it('name an unknown one in every source and suggest the right one', () => {
    file({ rpc: { prot: 1 } });
    expect(problem(() => loadConfig({ home }))).toMatch(
      /unknown setting 'rpc\.prot'\. Did you mean 'rpc\.port'\?/,
    );
    file({});
    expect(problem(() => loadConfig({ home, environment: { OPENLEDGER_RPC_PROT: '1' } }))).toMatch(
      /OPENLEDGER_RPC_PROT\. Did you mean 'OPENLEDGER_RPC_PORT'\?/,
    );
    expect(problem(() => writeConfig({ 'p2p.lisen': [] }))).toMatch(/Did you mean 'p2p\.listen'\?/);
  });

  it.each([
    [{ rpc: { port: 70_000 } }, 'rpc.port: expected an integer from 0 to 65535'],
    [{ rpc: { port: '8545' } }, 'rpc.port: expected an integer'],
    [{ rpc: 1 }, 'rpc must be an object'],
    [{ log: { level: 'warning' } }, "Did you mean 'warn'?"],
    [{ p2p: { listen: '/ip4' } }, 'p2p.listen: expected a list'],
    [[], 'the file must be an object'],
  ])('refuse the file %j', (json, message) => {
    file(json);
    expect(problem(() => loadConfig({ home }))).toContain(message);
  });

  it('refuse texts that are not of the kind in environment and flags', () => {
    expect(problem(() => loadConfig({ home, environment: { OPENLEDGER_RPC_PORT: '0x10' } }))).toContain(
      'RPC_PORT',
    );
    expect(problem(() => loadConfig({ home, environment: { OPENLEDGER_RPC_ENABLED: 'yes' } }))).toContain(
      'true or false',
    );
    expect(problem(() => loadConfig({ home, flags: { 'rpc-port': '-1' } }))).toContain('--rpc-port');
  });

  it('written to a file are read back', () => {
    writeFileSync(
      join(home, 'config.json'),
      writeConfig({ 'rpc.port': 9, 'p2p.persistent': ['p'], genesis: '../g.json' }),
    );
    const config = loadConfig({ home });
    expect(config).toMatchObject({
      rpc: { port: 9 },
      p2p: { persistent: ['p'] },
      genesis: join(home, '..', 'g.json'),
    });
  });

  it('have three names each, none twice', () => {
    for (const name of ['key', 'flag', 'environment'] as const) {
      const names = NAMED_OPTIONS.map((one) => one[name]);
      expect(new Set(names).size).toBe(names.length);
    }
    expect(NAMED_OPTIONS.find((one) => one.key === 'rpc.allowedHosts')).toMatchObject({
      flag: 'rpc-allowed-hosts',
      environment: 'OPENLEDGER_RPC_ALLOWED_HOSTS',
    });
  });
});

describe("the operator's guide", () => {
  // Columns may be aligned.
  const guide = readFileSync(new URL('../../../docs/operator-guide.md', import.meta.url), 'utf8').replace(
    / +/g,
    ' ',
  );

  it('lists every setting with its default and its meaning', () => {
    for (const { key, option } of NAMED_OPTIONS) {
      const value = Array.isArray(option.value) ? option.value.join(', ') : String(option.value);
      expect(guide).toContain(
        `| \`${key}\` | ${value === '' ? '(none)' : `\`${value}\``} | ${option.help} |`,
      );
    }
  });
});
