/**
 * Files of the database that are not as they were written: a bit flipped, a file gone, cut off, or full of noise. A
 * node never goes on as if nothing were, and never begins another chain on top: one line says what is wrong and what
 * to do, and doing it works. What a crash can leave (a torn end of the newest log) is no damage.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretKey } from '@chainsafe/blst';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseGenesis } from '../../../genesis/schema.ts';
import type { Genesis } from '../../../genesis/types.ts';
import { createOutput } from '../../../node/cli/output.ts';
import { runCommandLine } from '../../../node/cli/run.ts';
import { prepareDevnet } from '../../../node/devnet/prepare.ts';
import { loadConsensusKey } from '../../../node/keys/consensus-key.ts';
import type { Hex } from '../../../state/types.ts';
import { openTestChain, type TestValidator } from '../state/support.ts';

const BLOCKS = 30;
const FLIPS = Number(process.env['FLIPS'] ?? 12);
let dir: string;
let home: string;
let whole: string;
let genesis: Genesis;
let validators: TestValidator[];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ol-damaged-'));
  const plan = await prepareDevnet({
    dir,
    validators: 1,
    fresh: false,
    rpcPort: undefined,
    logLevel: 'error',
    nowMs: 1_700_000_000_000,
  });
  home = plan.validators[0]!.home;
  genesis = parseGenesis(readFileSync(join(dir, 'genesis.json'), 'utf8'));
  const key = await loadConsensusKey(join(home, 'keys', 'validator.json'), () => '');
  const { address, recipient } = genesis.validators[0]!;
  validators = [
    { address: address.toLowerCase() as Hex, recipient, secret: SecretKey.fromBytes(key.secretKey) },
  ];
  whole = join(dir, 'whole');
  // Opened several times: tables and a log, as a node that was restarted has them.
  for (let round = 0; round < 3; round++) {
    const chain = await openTestChain({ genesis, validators, dir: whole });
    for (let i = 0; i < BLOCKS / 3; i++) await chain.produce([]);
    await chain.close();
  }
}, 60_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function run(line: string): Promise<{ code: number; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  const code = await runCommandLine(line.split(' '), {
    out: createOutput({
      write: (text) => {
        stdout += text;
      },
      writeError: (text) => {
        stderr += text;
      },
      colours: false,
    }),
    variables: { OPENLEDGER_HOME: home },
    workingDirectory: dir,
    signal: new AbortController().signal,
    nowMs: () => 1_700_000_000_000,
  });
  return { code, stdout, stderr };
}

const chainDir = () => join(home, 'data', 'chain');
const names = () => readdirSync(whole).filter((name) => name !== 'LOCK' && !name.startsWith('LOG'));

/** The whole database again, changed. */
function damaged(change: (folder: string) => void): void {
  rmSync(join(home, 'data'), { recursive: true, force: true });
  mkdirSync(join(home, 'data'));
  cpSync(whole, chainDir(), { recursive: true });
  change(chainDir());
}

/** Seeded, so that a failure can be repeated. */
function drawn(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Found damaged in one line, or read as far as it goes: never an error without a code, never another chain. */
async function judge(what: string): Promise<'whole' | 'damaged' | 'shorter'> {
  const { code, stdout, stderr } = await run('db verify');
  const said = `${what}: exit ${code}\n${stdout}${stderr}`;
  if (code === 0) {
    expect(stderr, said).toBe('');
    const head = Number(/read to block (\d+):/.exec(stdout)?.[1]);
    return head === BLOCKS ? 'whole' : 'shorter';
  }
  expect(code, said).toBe(1);
  if (stderr !== '') {
    expect(stderr.trimEnd().split('\n'), said).toHaveLength(1);
    expect(stderr, said).toMatch(/\(DATABASE_DAMAGED\)\n$/);
  } else expect(stdout, said).toMatch(/damaged/);
  return 'damaged';
}

/** What a start does first of all; its error is the line that the node ends with. */
async function refusedAtStart(what: string): Promise<void> {
  const opened = await openTestChain({ genesis, validators, dir: chainDir() }).then(
    async (chain) => {
      await chain.close();
      return { code: 'opened', message: '' };
    },
    (error: Error & { code?: string }) => error,
  );
  expect(`${opened.code}: ${opened.message}`, what).toMatch(/^(FAULT: )?DATABASE_DAMAGED: /);
  expect(opened.message, what).toMatch(/openledger (reset --yes|rollback)/);
  expect(opened.message, what).not.toContain('\n');
}

describe('a database', () => {
  it('that is as it was is whole', async () => {
    damaged(() => {});
    expect(await judge('untouched')).toBe('whole');
  });

  it('that lost CURRENT is not taken for a new one, and reset is the way out', async () => {
    damaged((folder) => rmSync(join(folder, 'CURRENT')));
    const tables = readdirSync(chainDir()).filter((name) => /\.(ldb|log)$/.test(name));
    await refusedAtStart('no CURRENT');
    expect(readdirSync(chainDir())).toEqual(expect.arrayContaining(tables));
    const reset = await run('reset --yes');
    expect(reset, reset.stderr).toMatchObject({ code: 0 });
    expect(existsSync(chainDir())).toBe(false);
    expect(existsSync(join(home, 'keys', 'last-signed'))).toBe(true);
  });

  it.each([
    ['an empty CURRENT', (folder: string) => writeFileSync(join(folder, 'CURRENT'), '')],
    [
      'a CURRENT that names nothing',
      (folder: string) => writeFileSync(join(folder, 'CURRENT'), 'MANIFEST-999999\n'),
    ],
    ['no MANIFEST', (folder: string) => rmSync(join(folder, names().find((n) => n.startsWith('MANIFEST'))!))],
    [
      'an empty MANIFEST',
      (folder: string) => truncateSync(join(folder, names().find((n) => n.startsWith('MANIFEST'))!), 0),
    ],
    [
      'a cut MANIFEST',
      (folder: string) => truncateSync(join(folder, names().find((n) => n.startsWith('MANIFEST'))!), 30),
    ],
    [
      'a table that is gone',
      (folder: string) => rmSync(join(folder, names().find((n) => n.endsWith('.ldb'))!)),
    ],
    [
      'a table that is empty',
      (folder: string) => truncateSync(join(folder, names().find((n) => n.endsWith('.ldb'))!), 0),
    ],
  ])('with %s is found damaged, by verify and by a start', async (what, change) => {
    damaged(change);
    expect(await judge(what)).toBe('damaged');
    damaged(change);
    await refusedAtStart(what);
    const reset = await run('reset --yes');
    expect(reset, reset.stderr).toMatchObject({ code: 0 });
  });

  it(`with a bit flipped anywhere is whole, shorter, or found damaged (${FLIPS} places)`, async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
    console.log(`seed ${seed} (SEED=${seed} repeats it)`);
    const draw = drawn(seed);
    const found = { whole: 0, damaged: 0, shorter: 0 };
    for (let i = 0; i < FLIPS; i++) {
      const name = names()[draw(names().length)]!;
      const bytes = readFileSync(join(whole, name));
      if (bytes.length === 0) continue;
      const at = draw(bytes.length);
      bytes[at]! ^= 1 << draw(8);
      damaged((folder) => writeFileSync(join(folder, name), bytes));
      found[await judge(`seed ${seed}: bit of byte ${at} of ${name}`)] += 1;
    }
    console.log(`found: ${JSON.stringify(found)}`);
    expect(found.damaged).toBeGreaterThan(0);
  });
});
