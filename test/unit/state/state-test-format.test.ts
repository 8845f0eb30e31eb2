/** State tests as files: what forms of them are read, and what is said of those that are wrong. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jsonFiles, projectRoot, testFiles } from '../../conformance/state/fixtures.ts';
import { FormatError, readStateTest } from '../../conformance/state/format.ts';
import { runFiles } from '../../conformance/state/run-files.ts';
import { temporaryDirectory } from './support.ts';

const OWN = join(projectRoot(), 'test/conformance/state/own');
type Json = Record<string, never>;

/** The first test of one of our own files, to be changed. */
function sample(file = 'refused.json'): Record<string, Json> {
  const [first] = jsonFiles(join(OWN, file));
  return Object.values(JSON.parse(first!.text()) as Record<string, Record<string, Json>>)[0]!;
}

let place: ReturnType<typeof temporaryDirectory>;
beforeEach(() => {
  place = temporaryDirectory();
});
afterEach(() => place.remove());
const put = (name: string, text: string) => {
  const path = join(place.dir, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
};

describe('files of state tests', () => {
  it('may hold several tests, forks that are skipped aloud, parts to be signed, and lie in folders', async () => {
    const report = await runFiles(testFiles(OWN));
    expect(report.failed).toEqual([]);
    expect(report.passed).toBe(64);
    expect(report.files).toBe(6);
    expect(Object.fromEntries(report.skipped)).toEqual({
      'fork London: the engine runs Cancun, Prague, Osaka': 1,
      'fork Shanghai: the engine runs Cancun, Prague, Osaka': 1,
      'fork Amsterdam: the engine runs Cancun, Prague, Osaka': 1,
      'fork BPO1: the engine runs Cancun, Prague, Osaka': 1,
      'fork CancunToPragueAtTime15k: the engine runs Cancun, Prague, Osaka': 1,
      'blob transaction: this chain has none': 6,
      'neither a signed transaction nor a key to sign it with': 3,
    });
  });

  it('that cannot be read fail with their name and the reason, and those beside them are run', async () => {
    put('a-good.json', JSON.stringify({ good: sample() }));
    put('b-cut.json', '{ "cut": ');
    put('c-list.json', '[]');
    put('d-empty.json', '{}');
    put('e-half.json', JSON.stringify({ good: sample(), half: { env: {}, pre: {} } }));
    put('f-blocks.json', JSON.stringify({ chain: { pre: {}, blocks: [] } }));
    put('.meta/index.json', '{ "root_hash": "0x00" }');
    const report = await runFiles(testFiles(place.dir));
    expect(report.passed).toBe(6);
    expect(report.failed.map(({ name, why }) => `${name}: ${why}`)).toEqual([
      expect.stringMatching(/^b-cut.json: .*JSON/),
      'c-list.json: the file is no object',
      'd-empty.json: there is no test in it',
      'e-half.json half: it has no "post", so it is no state test',
    ]);
    expect([...report.skipped.keys()]).toEqual(['a blockchain test, not a state test']);
  });

  it.each<[string, (test: Record<string, Json>) => void, RegExp]>([
    [
      'a number',
      (test) => Object.assign(test['env']!, { currentNumber: 'one' }),
      /^env.currentNumber is no number: "one"/,
    ],
    [
      'an address',
      (test) => Object.assign(test['env']!, { currentCoinbase: '0x12' }),
      /^env.currentCoinbase has 1 bytes, not 20/,
    ],
    ['an account', (test) => Object.assign(test['pre']!, { '0x12': {} }), /0x12 has 1 bytes/],
    [
      'a balance',
      (test) => Object.assign(Object.values(test['pre']!)[0]!, { balance: -1 }),
      /^pre\..*balance is no number/,
    ],
    ['code', (test) => Object.assign(Object.values(test['pre']!)[0]!, { code: '0x123' }), /code is no hex/],
    [
      'a root',
      (test) => Object.assign(test['post']!['Osaka']![0]!, { hash: '0x' }),
      /^post.Osaka\[0\].hash has 0 bytes/,
    ],
    ['the list of a fork', (test) => Object.assign(test['post']!, { Osaka: {} }), /^post.Osaka is no list/],
    [
      'the chain',
      (test) => Object.assign(test, { config: { chainid: 'x' } }),
      /^config.chainid is no number/,
    ],
    [
      'an index',
      (test) =>
        Object.assign(test['post']!['Osaka']![0]!, { txbytes: null, indexes: { data: 3, gas: 0, value: 0 } }),
      /^transaction.data has no item 3/,
    ],
  ])('name the place of what is wrong: %s', (_, spoil, message) => {
    const test = sample();
    expect(() => readStateTest(test)).not.toThrow();
    spoil(test);
    expect(() => readStateTest(test)).toThrow(FormatError);
    expect(() => readStateTest(test)).toThrow(message);
  });

  it('come out of archives, with the long names of pax and of GNU', () => {
    const long = `${'folder/'.repeat(30)}test.json`;
    const record = ` path=${long}\n`;
    const size = record.length + 3;
    const archive = Buffer.concat([
      entry('pax_global_header', 'g', '13 comment=x\n'),
      entry('tests/', '5', ''),
      entry('tests/a.json', '0', '{"a":1}'),
      entry('PaxHeaders/x', 'x', `${size}${record}`),
      entry('short.json', '0', '{"b":2}'),
      entry('././@LongLink', 'L', `${long}.json\0`),
      entry('cut', '0', '{"c":3}'),
      Buffer.alloc(1024),
    ]);
    const path = join(place.dir, 'tests.tar.gz');
    writeFileSync(path, gzipSync(archive));
    expect(jsonFiles(path).map(({ name, text }) => [name, text()])).toEqual([
      [long, '{"b":2}'],
      [`${long}.json`, '{"c":3}'],
      ['tests/a.json', '{"a":1}'],
    ]);
    writeFileSync(path, gzipSync(archive.subarray(0, 512 * 5)));
    expect(() => jsonFiles(path)).not.toThrow();
    writeFileSync(path, gzipSync(archive.subarray(0, 512 * 3 + 515)));
    expect(() => jsonFiles(path)).toThrow(/archive ends/);
  });
});

/** A file of a tar archive. */
function entry(name: string, kind: string, text: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0, 'latin1');
  header.write(text.length.toString(8).padStart(11, '0'), 124, 'latin1');
  header.write(kind, 156, 'latin1');
  header.write('ustar\u000000', 257, 'latin1');
  const body = Buffer.alloc(Math.ceil(text.length / 512) * 512);
  body.write(text, 0, 'latin1');
  return Buffer.concat([header, body]);
}
