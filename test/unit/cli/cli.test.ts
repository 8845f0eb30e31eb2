import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseGenesis, serialiseGenesis } from '../../../genesis/schema.ts';
import { formatAmount, parseAmount } from '../../../node/cli/amounts.ts';
import { attributionLines } from '../../../node/cli/attribution-view.ts';
import { createOutput, printable, shellWord } from '../../../node/cli/output.ts';
import { COMMANDS, runCommandLine } from '../../../node/cli/run.ts';
import { loadConfig } from '../../../node/config/config.ts';
import { verifyFounder } from '../../../node/keys/consensus-key.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ol-cli-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Runs one command line as the program would, without its process. */
async function run(...args: string[]) {
  let stdout = '';
  let stderr = '';
  const code = await runCommandLine(args, {
    out: createOutput({
      write: (text) => {
        stdout += text;
      },
      writeError: (text) => {
        stderr += text;
      },
      colours: false,
    }),
    variables: { OPENLEDGER_PASSWORD: 'a long password' },
    workingDirectory: dir,
    signal: new AbortController().signal,
    nowMs: () => 1_700_000_000_000,
  });
  return { code, stdout, stderr };
}

describe('the command line', () => {
  it('shows every command, and its flags, without loading the others', async () => {
    const overview = await run('--help');
    expect(overview.code).toBe(0);
    for (const name of Object.keys(COMMANDS)) {
      expect(overview.stdout).toContain(name);
      const help = await run(...name.split(' '), '--help');
      expect(help, name).toMatchObject({ code: 0, stderr: '' });
      expect(help.stdout).toContain(`Usage: openledger ${name}`);
      expect(help.stdout).toContain('--help');
    }
  });

  it.each([
    [['devnt'], "unknown command 'devnt'. Did you mean 'devnet'?"],
    [['datanet', 'craete'], "Did you mean 'create'?"],
    [['devnet', '--frsh'], "unknown flag --frsh. Did you mean 'fresh'?"],
    [['devnet', '--fresh=1'], '--fresh takes no value'],
    [['devnet', '--data'], '--data needs a value'],
    [['devnet', '--data', 'a', '--data', 'b'], '--data is given twice'],
    [['devnet', '--validators', 'four'], "'four' is not a whole number from 1 to 16"],
    [['devnet', 'now'], "unexpected argument 'now'"],
    [['genesis', 'validate'], 'FILE is missing'],
    [['datanet', 'show', 'x'], "'x' is not a whole number"],
    [['infer', '--model', '1'], '--prompt TEXT is missing'],
    [['status', '--rpc', 'localhost'], 'is not the URL of a node'],
    [['contribute', 'no.txt', '--datanet', '1'], 'no.txt: it does not exist (FILE_MISSING)'],
    [['contribute', '.', '--datanet', '1'], ': it is a folder (FILE_MISSING)'],
    [['genesis', 'hash', 'no.json'], 'cannot read no.json: it does not exist (FILE_MISSING)'],
    [['start', '--home', 'nowhere', '--rpc-port', ''], '--rpc-port needs a value'],
    // A validator's folder as a full node: the setting is emptied.
    [['start', '--home', 'nowhere', '--validator-key', ''], '(GENESIS_MISSING)'],
    [['start', '--home', 'nowhere'], "'openledger init' makes a node's folder (GENESIS_MISSING)"],
    [['datanet', 'publish', '1', '--from', 'nobody'], 'Make one with openledger keys new'],
  ])('%j is wrong usage: exit code 2', async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('    at ');
  });

  it('a node does not start without the programs that its chain computes with: one line, exit code 2', async () => {
    expect((await run('testnet', '--validators', '1', '--out', 'net')).code).toBe(0);
    const file = join(dir, 'net', 'genesis.json');
    const wrong = `0x${'12'.repeat(32)}` as const;
    const changes: [string, (params: ReturnType<typeof parseGenesis>['params']) => void][] = [
      ['RUNTIME_MISMATCH', ({ runtime }) => Object.assign(runtime, { onnxWasmSha256: wrong })],
      ['RUNTIME_MISMATCH', ({ runtime }) => Object.assign(runtime, { onnxGlueSha256: wrong })],
      ['ENCODER_MISMATCH', ({ retrieval }) => Object.assign(retrieval, { encoderHash: wrong })],
    ];
    for (const [code, change] of changes) {
      const genesis = parseGenesis(readFileSync(file, 'utf8'));
      change(genesis.params);
      writeFileSync(join(dir, 'other.json'), serialiseGenesis(genesis));
      const home = readdirSync(join(dir, 'net')).find((name) => name.startsWith('validator'))!;
      const other = join(dir, 'other.json');
      const refused = await run('start', '--home', `net/${home}`, '--genesis', other, '--data-dir', 'fresh');
      expect(refused.code).toBe(2);
      expect(refused.stderr).toMatch(new RegExp(`^error: .*${wrong}.*\\(${code}\\)\n$`));
      expect(existsSync(join(dir, 'fresh'))).toBe(false);
    }
  });

  it('prints paths so that they can be pasted into a shell', () => {
    expect(shellWord('/srv/node-1')).toBe('/srv/node-1');
    expect(shellWord("/my net/anna's")).toBe("'/my net/anna'\\''s'");
  });

  it('without a command shows the help and fails', async () => {
    expect(await run()).toMatchObject({ code: 2 });
    expect(await run('datanet')).toMatchObject({ code: 2 });
    expect((await run('keys', '--help')).code).toBe(0);
  });

  it('says in one line that no node answers: exit code 4', async () => {
    const { code, stderr } = await run('status', '--rpc', 'http://127.0.0.1:9');
    expect(code).toBe(4);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    const json = await run('status', '--rpc', 'http://127.0.0.1:9', '--json');
    expect(JSON.parse(json.stderr).error.code).toBe('NODE_UNREACHABLE');
  });
});

describe('keys', () => {
  it('are made, listed, exported and imported', async () => {
    writeFileSync(join(dir, 'password'), 'secret\n');
    const made = await run(
      'keys',
      'new',
      'alice',
      '--keys',
      dir,
      '--password-file',
      join(dir, 'password'),
      '--json',
    );
    expect(made.code).toBe(0);
    const { address, file } = JSON.parse(made.stdout);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse((await run('keys', 'list', '--keys', dir, '--json')).stdout)).toEqual([
      { name: 'alice', address, where: file },
    ]);
    const wrong = await run('keys', 'export', 'alice', '--keys', dir);
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toContain('WRONG_PASSWORD');
    const exported = await run(
      'keys',
      'export',
      'alice',
      '--keys',
      dir,
      '--password-file',
      join(dir, 'password'),
    );
    writeFileSync(join(dir, 'raw'), exported.stdout);
    const imported = await run(
      'keys',
      'import',
      'again',
      '--keys',
      dir,
      '--key-file',
      join(dir, 'raw'),
      '--json',
    );
    expect(JSON.parse(imported.stdout).address).toBe(address);
    const twice = await run('keys', 'new', 'alice', '--keys', dir);
    expect(twice).toMatchObject({ code: 1 });
    expect(twice.stderr).toContain('never overwritten');
  });

  it('never show a wrong private key in an error', async () => {
    writeFileSync(join(dir, 'raw'), `0x${'ab'.repeat(31)}zz`);
    const { stderr } = await run('keys', 'import', 'x', '--keys', dir, '--key-file', join(dir, 'raw'));
    expect(stderr).toContain('KEY_FILE_INVALID');
    expect(stderr).not.toContain('abab');
  });
});

describe('networks', () => {
  it('testnet makes homes that load, with one genesis whose founders prove their keys', async () => {
    const made = await run(
      ...['testnet', '--validators', '2', '--fullnodes', '1', '--out', 'net', '--json'],
      ...['--fund', '0x00000000000000000000000000000000000000aa=2.5'],
    );
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const { homes, addresses } = JSON.parse(made.stdout);
    expect(homes.map((home: string) => home.slice(dir.length))).toEqual([
      '/net/validator-0',
      '/net/validator-1',
      '/net/fullnode-0',
    ]);
    const genesis = parseGenesis(readFileSync(join(homes[2], 'genesis.json'), 'utf8'));
    expect(genesis.validators).toHaveLength(2);
    for (const founder of genesis.validators)
      expect(verifyFounder(founder, genesis.params.chainId)).toBe(true);
    expect(genesis.alloc['0x00000000000000000000000000000000000000aa']!.balance).toBe(parseAmount('2.5'));
    const configs = homes.map((home: string) => loadConfig({ home }));
    expect(configs[0].p2p.persistent).toEqual([addresses[1]]);
    expect(configs[2].p2p.persistent).toEqual([addresses[0], addresses[1]]);
    expect(configs[2].validator.key).toBe('');
    expect(configs[1].validator.operator).toBe(genesis.validators[1]!.address);
    const checked = await run('genesis', 'validate', join(homes[0], 'genesis.json'), '--json');
    expect(JSON.parse(checked.stdout)).toMatchObject({ valid: true, validators: 2 });
    const inited = await run(
      'init',
      '--home',
      'mine',
      '--genesis',
      join(homes[0], 'genesis.json'),
      '--peer',
      addresses[0],
    );
    expect(inited.code).toBe(0);
    expect(loadConfig({ home: join(dir, 'mine') }).p2p.bootstrap).toEqual([addresses[0]]);
    expect(await run('init', '--home', 'mine', '--genesis', join(homes[0], 'genesis.json'))).toMatchObject({
      code: 1,
    });
  });

  it("genesis validate names the founder whose proof is another chain's", async () => {
    await run('testnet', '--validators', '1', '--out', 'net');
    const path = join(dir, 'net', 'genesis.json');
    const json = JSON.parse(readFileSync(path, 'utf8'));
    json.config.chainId = 5;
    writeFileSync(path, JSON.stringify(json));
    const { code, stderr } = await run('genesis', 'validate', path);
    expect(code).toBe(2);
    expect(stderr).toContain('validators[0].proofOfPossession');
  });

  it('founders who share nothing but public entries found a chain', async () => {
    const operator = '0x00000000000000000000000000000000000000aa';
    await run('keys', 'new', 'consensus', '--type', 'consensus', '--keys', dir);
    const founder = ['genesis', 'founder', '--key', 'consensus.json', '--operator', operator];
    const entry = await run(...founder, '--bond', '5', '--chain-id', '77');
    expect(entry.code).toBe(0);
    writeFileSync(join(dir, 'founder.json'), entry.stdout);
    const create = ['genesis', 'create', 'founder.json', '--out', 'genesis.json'];
    expect(await run(...create, '--chain-id', '77', '--fund', `${operator}=3`)).toMatchObject({ code: 0 });
    const genesis = parseGenesis(readFileSync(join(dir, 'genesis.json'), 'utf8'));
    expect(genesis.validators[0]).toMatchObject({ address: operator, bond: parseAmount('5') });
    expect(genesis.timestamp).toBe(1_700_000_000);
    expect((await run('genesis', 'validate', 'genesis.json')).code).toBe(0);
    // The whole folder can go to another place: a key inside it is named from there, one outside is not.
    const keyOf = async (home: string): Promise<string> => {
      const args = ['--home', home, '--genesis', 'genesis.json', '--validator-key', 'consensus.json'];
      expect(await run('init', ...args)).toMatchObject({ code: 0 });
      return JSON.parse(readFileSync(join(dir, home, 'config.json'), 'utf8')).validator.key;
    };
    expect(await keyOf('.')).toBe('consensus.json');
    expect(await keyOf('elsewhere')).toBe(join(dir, 'consensus.json'));
    // The proof is for chain 77.
    const other = await run('genesis', 'create', 'founder.json', '--out', 'other.json', '--chain-id', '78');
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('proofOfPossession') });
  });

  it('devnet --fresh never deletes what is not a devnet', async () => {
    writeFileSync(join(dir, 'precious'), 'x');
    const { code, stderr } = await run('devnet', '--data', dir, '--fresh');
    expect(code).toBe(1);
    expect(stderr).toContain('NOT_A_DEVNET');
    expect(readFileSync(join(dir, 'precious'), 'utf8')).toBe('x');
  });
});

describe('amounts', () => {
  it('are read exactly and written exactly', () => {
    expect(parseAmount('1.5')).toBe(1_500_000_000_000_000_000n);
    expect(parseAmount('20gwei')).toBe(20_000_000_000n);
    expect(parseAmount('7 wei')).toBe(7n);
    expect(formatAmount(1_500_000_000_000_000_000n)).toBe('1.5 OPEN');
    expect(formatAmount(1n)).toBe('0.000000000000000001 OPEN');
    for (const wrong of ['', '1,5', '-1', '1.5wei', '1 ether', '0x10'])
      expect(() => parseAmount(wrong), wrong).toThrow('is not an amount');
  });
});

describe('what comes from the chain', () => {
  it('cannot move the cursor or recolour the terminal', () => {
    expect(printable('a\x1b[31mb\u202ec\u009bd\te')).toBe('a [31mb c d e');
  });

  it('an answer shows who is credited, by mark and by share, and says what that means', () => {
    const alice = '0x00000000000000000000000000000000000a11ce' as const;
    const bob = '0x0000000000000000000000000000000000000b0b' as const;
    const out = createOutput({ write: () => {}, writeError: () => {}, colours: false });
    const lines = attributionLines(
      {
        prompt: 'why?',
        output: 'naïve words and those of bob',
        attribution: {
          engine: 'token',
          citations: null,
          credits: [
            { contributor: alice, parts: 600_000_000, amount: '0xde0b6b3a7640000' },
            { contributor: bob, parts: 150_000_000, amount: null },
          ],
          uncovered: 250_000_000,
          note: 'what it means',
          spans: [
            // Byte positions: ï takes two.
            { contributor: bob, startByte: 26, endByte: 29 },
            { contributor: alice, startByte: 0, endByte: 12 },
          ],
        },
      },
      out,
    );
    expect(lines[2]).toBe('[a naïve words] and those of [b bob]');
    expect(lines.join('\n')).toMatch(
      /60\.00 %\s+1 OPEN[\s\S]*15\.00 %[\s\S]*nobody \(uncovered\)\s+25\.00 %/,
    );
    expect(lines.at(-1)).toBe('what it means');
  });

  it('an answer by retrieval shows what the prompt found, by the same marks', () => {
    const alice = '0x00000000000000000000000000000000000a11ce' as const;
    const out = createOutput({ write: () => {}, writeError: () => {}, colours: false });
    const shown = (citations: readonly { contributor: typeof alice }[]) =>
      attributionLines(
        {
          prompt: 'why?',
          output: 'because',
          attribution: {
            engine: 'retrieval',
            credits: [{ contributor: alice, parts: 100_000_000, amount: null }],
            uncovered: 900_000_000,
            note: 'what it means',
            spans: null,
            citations: citations.map((citation) => ({
              ...citation,
              contributionId: `0x${'12'.repeat(32)}` as const,
              dataNetId: 1,
              recordIndex: 3,
              score: 90_000,
              excerpt: 'a\nrecord \x1b[31mwith a beginning that is much longer than a line has room for',
            })),
          },
        },
        out,
      ).join('\n');
    expect(shown([{ contributor: alice }])).toMatch(
      /because\n\n +cited record[\s\S]*\na +0x12121212…121212 #3 +90000 +a record {1,2}\[31mwith a beginning that is much/,
    );
    expect(shown([])).toContain('The prompt finds no record.');
  });
});
