import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** The address of some peer. */
const peer = (port: number) => `/ip4/127.0.0.1/tcp/${port}`;

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
    file({ rpc: { port: 1, host: 'a' }, log: { level: 'warn' }, p2p: { bootstrap: [peer(1)] } });
    const sources = {
      home,
      values: { 'rpc.port': 2, 'rpc.enabled': false },
      environment: {
        OPENLEDGER_RPC_PORT: '3',
        OPENLEDGER_P2P_BOOTSTRAP: `${peer(2)}, ${peer(3)}`,
        PATH: '/bin',
      },
    };
    expect(loadConfig(sources)).toMatchObject({
      rpc: { port: 3, host: 'a', enabled: false },
      log: { level: 'warn' },
      p2p: { bootstrap: [peer(2), peer(3)] },
    });
    expect(loadConfig({ ...sources, flags: { 'rpc-port': '4', 'p2p-bootstrap': [peer(4)] } })).toMatchObject({
      rpc: { port: 4 },
      p2p: { bootstrap: [peer(4)] },
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

  it('in a file that cannot be read are not said to be wrong', () => {
    mkdirSync(join(home, 'config.json'));
    expect(problem(() => loadConfig({ home }))).toBe(
      `cannot read ${join(home, 'config.json')}: it is a folder`,
    );
  });

  it('leave alone each variable that a command reads by itself, and the guide names it', () => {
    const commands = new URL('../../../node/cli', import.meta.url).pathname;
    const names = readdirSync(commands, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .flatMap((name) => [...readFileSync(join(commands, name), 'utf8').matchAll(/variables\['(\w+)'\]/g)])
      .map((match) => match[1]!);
    expect(new Set(names).size).toBeGreaterThan(3);
    const guide = readFileSync(new URL('../../../docs/operator-guide.md', import.meta.url), 'utf8');
    for (const name of names) {
      expect(() => loadConfig({ home, environment: { [name]: '1' } }), name).not.toThrow();
      expect(guide).toContain(`\`${name}\``);
    }
  });

  it.each([
    [{ rpc: { port: 70_000 } }, 'rpc.port: expected an integer from 0 to 65535'],
    [{ rpc: { port: '8545' } }, 'rpc.port: expected an integer'],
    [{ rpc: 1 }, 'rpc must be an object'],
    [{ log: { level: 'warning' } }, "Did you mean 'warn'?"],
    [{ p2p: { listen: '/ip4' } }, 'p2p.listen: expected a list'],
    [[], 'the file must be an object'],
    [{ p2p: { persistent: ['hello'] } }, 'p2p.persistent: expected the address of a peer like'],
    [{ p2p: { persistent: ['/ip4/1.2.3.4'] } }, 'expected the address of a peer'],
    [{ p2p: { persistent: ['/ip4/1.2.3.4/tcp/0'] } }, 'expected the address of a peer'],
    [{ p2p: { persistent: ['/ip4/1.2.3.400/tcp/1'] } }, 'expected the address of a peer'],
    [{ p2p: { persistent: ['/ip4/1.2.3.4/udp/1/quic-v1'] } }, 'expected the address of a peer'],
    [{ p2p: { bootstrap: ['/ip4/1.2.3.4/tcp/1/p2p/xyz'] } }, 'p2p.bootstrap: expected the address'],
    [{ p2p: { bootstrap: [''] } }, 'p2p.bootstrap: expected the address'],
    [{ p2p: { listen: ['/dns4/localhost/tcp/1'] } }, 'p2p.listen: expected an address like'],
    [{ p2p: { listen: ['/ip4/0.0.0.0/tcp/70000'] } }, 'p2p.listen: expected an address like'],
    [{ p2p: { announce: ['/dns4/x'] } }, 'p2p.announce: expected an address like'],
    [{ validator: { operator: '0x12' } }, 'validator.operator: expected an address of 0x and 40'],
    [{ trustHeight: 5, trustHash: '0x12' }, 'trustHash: expected the hash of a block'],
    [{ trustHeight: 5 }, 'give both or neither'],
    [{ trustHash: `0x${'12'.repeat(32)}` }, 'give both or neither'],
  ])('refuse the file %j', (json, message) => {
    file(json);
    expect(problem(() => loadConfig({ home }))).toContain(message);
  });

  it('take addresses of every kind that can be listened on, told and dialed', () => {
    const id = '12D3KooWGTKeSYQvCDMq1Bk8bHEnw714JcUQLDY1PMgiZtEFgHHE';
    const p2p = {
      listen: ['/ip4/0.0.0.0/tcp/0', '/ip6/::/tcp/30333'],
      announce: ['/dns4/node.example/tcp/1', '/ip6/2001:db8::1/tcp/65535'],
      bootstrap: [`/dns/seed-1.example/tcp/1/p2p/${id}`, '/ip4/127.0.0.1/tcp/1'],
      persistent: [`/dns6/x/tcp/1/p2p/${id}`],
    };
    file({ p2p });
    expect(loadConfig({ home }).p2p).toEqual(p2p);
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
      writeConfig({ 'rpc.port': 9, 'p2p.persistent': [peer(5)], genesis: '../g.json' }),
    );
    const config = loadConfig({ home });
    expect(config).toMatchObject({
      rpc: { port: 9 },
      p2p: { persistent: [peer(5)] },
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
