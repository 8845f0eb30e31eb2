/**
 * The exchanges of execution-apis through the dispatcher. They stand beside the checkout, if at all; a part of them
 * runs here, and all by `npm run conformance:rpc`. How answers are judged is tested without them.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { difference, type Json, shapeDifference } from '../../conformance/rpc/compare.ts';
import {
  defaultDirectory,
  exchangeFiles,
  importDirectory,
  readExchangeFile,
} from '../../conformance/rpc/exchange.ts';
import { runFiles } from '../../conformance/rpc/run-files.ts';

describe('an answer', () => {
  it('is the expected one when all members are equal, whatever their order', () => {
    expect(difference({ a: [1, { b: '0x1' }], c: null }, { c: null, a: [1, { b: '0x1' }] })).toBeUndefined();
    expect(difference({ a: 1 }, { a: 1, b: 2 })).toBe('answer.b is missing, expected 2');
    expect(difference({ a: 1, b: 2 }, { a: 1 })).toBe('answer.b is 2, expected nothing');
    expect(difference({ a: [1, 2] }, { a: [1] })).toMatch(/a has 2 items/);
    expect(difference({ a: '0x1' }, { a: '0x01' })).toMatch(/answer\.a is "0x1"/);
  });

  it('may say an error in its own words, but not without a message or with another code', () => {
    const error = (code: number, message?: string): Json => ({
      error: message === undefined ? { code } : { code, message },
    });
    expect(difference(error(-32000, 'mine'), error(-32000, 'theirs'))).toBeUndefined();
    expect(difference(error(-32000), error(-32000, 'theirs'))).toMatch(/message is missing/);
    expect(difference(error(-32602, 'mine'), error(-32000, 'theirs'))).toMatch(/code/);
    // Inside a result the text counts.
    expect(difference({ result: error(3, 'mine') }, { result: error(3, 'theirs') })).toMatch(/message/);
  });

  it('has the expected shape when members, kinds and encodings are those', () => {
    const want = { hash: `0x${'11'.repeat(32)}`, gas: '0x5208', list: [{ n: 1 }], map: { '0xab': ['0x1'] } };
    const good = { hash: `0x${'22'.repeat(32)}`, gas: '0x1', list: [{ n: 7 }, { n: 8 }], map: {}, more: 1 };
    expect(shapeDifference(good, want)).toBeUndefined();
    expect(shapeDifference({ ...good, hash: '0x22' }, want)).toMatch(/hash is "0x22", expected 32 bytes/);
    expect(shapeDifference({ ...good, gas: 21_000 }, want)).toMatch(/gas is 21000, expected hex/);
    expect(shapeDifference({ ...good, list: [] }, want)).toMatch(/list is empty/);
    expect(shapeDifference({ ...good, list: [{ n: 1 }, {}] }, want)).toMatch(/list\[1\]\.n is missing/);
    expect(shapeDifference({ ...good, map: { '0xcd': [1] } }, want)).toMatch(/map\.0xcd\[0\] is 1/);
  });
});

describe('a file of exchanges', () => {
  it('is requests and answers in turn, with comments', () => {
    const text =
      '// what\n// speconly: form only\n>> {"id":1}\n<< {"result":null}\n\n>> {"id":2}\n<< {"result":1}\n';
    const file = readExchangeFile('eth_x/case', text);
    expect(file).toMatchObject({ name: 'eth_x/case', specOnly: true });
    expect(file.exchanges).toEqual([
      { request: '{"id":1}', response: { result: null } },
      { request: '{"id":2}', response: { result: 1 } },
    ]);
  });

  it('is refused when it is anything else', () => {
    for (const text of ['', '>> {}\n', '<< {}\n', '>> {}\n>> {}\n<< {}\n', 'hello\n'])
      expect(() => readExchangeFile('bad', text), text).toThrow(/^bad: /);
  });
});

describe('a directory of exchanges', () => {
  it('says what is missing or wrong in it, and keeps the files that can be read', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'openledger-exchanges-'));
    const put = (name: string, text: string) => writeFileSync(join(dir, name), text);
    try {
      expect(() => exchangeFiles(dir)).toThrow(/^no .io files/);
      put('note.txt', 'something else');
      put('a-good.io', '>>{"id":1}\r\n<<{"result":null}\r\n');
      put('b-cut.io', '>> {"id":1}\n<< {"result":\n');
      expect(exchangeFiles(dir)).toEqual([
        { name: 'a-good', specOnly: false, exchanges: [{ request: '{"id":1}', response: { result: null } }] },
        { name: 'b-cut', problem: expect.stringMatching(/^b-cut: an answer that is no JSON/) },
      ]);
      expect(() => exchangeFiles(join(dir, 'note.txt'))).toThrow(/is no directory/);
      await expect(importDirectory(dir)).rejects.toThrow(/has no genesis.json/);
      put('genesis.json', '{}');
      await expect(importDirectory(dir)).rejects.toThrow(/has no chain.rlp/);
      put('chain.rlp', 'no chain');
      await expect(importDirectory(dir)).rejects.toThrow(/^genesis.json has no "config"/);
      put('genesis.json', '{');
      await expect(importDirectory(dir)).rejects.toThrow(/^genesis.json: /);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

const directory = defaultDirectory();
const absent = !existsSync(directory);
if (absent) console.log(`skipped: the exchanges of execution-apis, which would stand at ${directory}`);
/** Every n-th file: the whole collection has its own command. */
const SHARD = 3;

describe.skipIf(absent)(
  'the exchanges of execution-apis (beside the checkout, skipped where they are absent)',
  () => {
    it('are answered as expected, over a chain of 54 imported blocks', { timeout: 120_000 }, async () => {
      const chain = await importDirectory(directory);
      expect(chain.reader.head().number).toBe(54);
      const files = exchangeFiles(directory).filter((_, index) => index % SHARD === 0);
      const report = await runFiles(chain, files);
      expect(report.failed).toEqual([]);
      expect(report.passed.length).toBeGreaterThan(files.length / 2);
      for (const { name, reason } of report.skipped) expect(reason, name).toMatch(/blob|Engine API/);
    });
  },
);
