import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { asHeight } from '../../../consensus/types.ts';
import { encodeFrame } from '../../../consensus/wal/frame.ts';
import { encodeRecord } from '../../../consensus/wal/records.ts';
import { createOutput } from '../../../node/cli/output.ts';
import { runCommandLine } from '../../../node/cli/run.ts';

let home: string;
let path: string;
const wake = { kind: 'input', input: { kind: 'wake', nowMs: 5 } } as const;
const frames = [
  encodeRecord({ kind: 'height', genesisHash: `0x${'11'.repeat(32)}`, height: asHeight(4) }),
  encodeRecord(wake),
  encodeRecord(wake),
];
/** Where the second record begins. */
const length = frames[0]!.length;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ol-wal-'));
  path = join(home, 'data', 'consensus', 'consensus.wal');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, Buffer.concat(frames));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function wal(...args: string[]) {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  const code = await runCommandLine(['wal', ...args, '--home', home], {
    out: createOutput({ write, writeError: write, colours: false }),
    variables: {},
    workingDirectory: home,
    signal: new AbortController().signal,
    nowMs: () => 0,
  });
  return { code, text };
}

it('a whole log is whole, and not repaired', async () => {
  expect(await wal('check')).toMatchObject({ code: 0, text: expect.stringContaining('3 records') });
  expect(await wal('repair', '--offset', String(length))).toMatchObject({ code: 1 });
  expect(readFileSync(path)).toEqual(Buffer.concat(frames));
});

it('damage is named, cut off at the named place alone, and kept beside the log', async () => {
  const bytes = readFileSync(path);
  bytes[length + 12]! ^= 1;
  writeFileSync(path, bytes);
  expect(await wal('check')).toMatchObject({ code: 1, text: expect.stringContaining(`offset ${length}`) });
  expect(await wal('repair', '--offset', '0')).toMatchObject({
    code: 1,
    text: expect.stringContaining(`begins at ${length}`),
  });
  expect(await wal('repair', '--offset', String(length))).toMatchObject({ code: 0 });
  expect(readFileSync(path)).toEqual(Buffer.from(frames[0]!));
  const kept = readdirSync(dirname(path)).find((name) => name.includes('damaged'))!;
  expect(readFileSync(join(dirname(path), kept))).toEqual(bytes);
  expect(await wal('check')).toMatchObject({ code: 0 });
});

it('a whole record that cannot be understood is shown up to, named, and cut off like any other damage', async () => {
  const end = Buffer.concat(frames).length;
  writeFileSync(path, Buffer.concat([...frames, encodeFrame(99, new Uint8Array(3))]));
  expect(await wal('check')).toMatchObject({ code: 1, text: expect.stringContaining(`offset ${end}`) });
  const dumped = await wal('dump');
  expect(dumped.code).toBe(1);
  expect(dumped.text.split('\n').filter((line) => line.startsWith('{'))).toHaveLength(3);
  expect(await wal('repair', '--offset', String(end))).toMatchObject({ code: 0 });
  expect(readFileSync(path)).toEqual(Buffer.concat(frames));
});

it('a repair that was killed is finished by the next, and one more at that place keeps its log as well', async () => {
  const damaged = Buffer.concat(frames);
  damaged[length + 12]! ^= 1;
  writeFileSync(path, damaged);
  writeFileSync(`${path}.damaged-at-${length}`, damaged);
  expect(await wal('repair', '--offset', String(length))).toMatchObject({ code: 0 });
  const again = Buffer.concat(frames);
  again[length + 12]! ^= 2;
  writeFileSync(path, again);
  expect(await wal('repair', '--offset', String(length))).toMatchObject({ code: 0 });
  expect(readFileSync(`${path}.damaged-at-${length}`)).toEqual(damaged);
  expect(readFileSync(`${path}.damaged-at-${length}.2`)).toEqual(again);
});
