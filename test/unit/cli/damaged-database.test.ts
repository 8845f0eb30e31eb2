/**
 * Files of the database that are not as they were written: a bit flipped, a file gone, cut off, or full of noise. A
 * node never goes on as if nothing were, and never begins another chain on top: one line says what is wrong and what
 * to do, and doing it works. What a crash can leave (a torn end of the newest log) is no damage.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareStoppedNode, type StoppedNode } from './support.ts';

const BLOCKS = 30;
const FLIPS = Number(process.env['FLIPS'] ?? 12);
let node: StoppedNode;
let whole: string;

beforeAll(async () => {
  node = await prepareStoppedNode();
  whole = join(node.dir, 'whole');
  // Opened several times: tables and a log, as a node that was restarted has them.
  for (let round = 0; round < 3; round++) {
    const chain = await node.openChain(whole);
    for (let i = 0; i < BLOCKS / 3; i++) await chain.produce([]);
    await chain.close();
  }
}, 60_000);
afterAll(() => node.remove());

const names = () => readdirSync(whole).filter((name) => name !== 'LOCK' && !name.startsWith('LOG'));

/** The whole database again, changed. */
function damaged(change: (folder: string) => void): void {
  rmSync(join(node.home, 'data'), { recursive: true, force: true });
  mkdirSync(join(node.home, 'data'));
  cpSync(whole, node.chainDir, { recursive: true });
  change(node.chainDir);
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
  const { code, stdout, stderr } = await node.run('db verify');
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
  const opened = await node.openChain().then(
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
    const tables = readdirSync(node.chainDir).filter((name) => /\.(ldb|log)$/.test(name));
    await refusedAtStart('no CURRENT');
    expect(readdirSync(node.chainDir)).toEqual(expect.arrayContaining(tables));
    const reset = await node.run('reset --yes');
    expect(reset, reset.stderr).toMatchObject({ code: 0 });
    expect(existsSync(node.chainDir)).toBe(false);
    expect(existsSync(join(node.home, 'keys', 'last-signed'))).toBe(true);
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
    const reset = await node.run('reset --yes');
    expect(reset, reset.stderr).toMatchObject({ code: 0 });
  });

  it('that lost its beginning to a damaged log is not begun anew between the values that are left', async () => {
    // LevelDB leaves out a record of its log whose checksum is wrong, and reads on.
    rmSync(join(node.home, 'data'), { recursive: true, force: true });
    mkdirSync(join(node.home, 'data'));
    const chain = await node.openChain();
    for (let i = 0; i < BLOCKS; i++) await chain.produce([]);
    await chain.close();
    const log = join(node.chainDir, readdirSync(node.chainDir).find((name) => name.endsWith('.log'))!);
    const bytes = readFileSync(log);
    bytes[6_000]! ^= 1;
    writeFileSync(log, bytes);
    await refusedAtStart('a log without its first record');
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
