import { describe, expect, it } from 'vitest';
import { createFilters } from '../../../rpc/filters.ts';
import { createGate } from '../../../rpc/gate.ts';
import { DEFAULT_LIMITS } from '../../../rpc/limits.ts';
import { logFilter, matches } from '../../../rpc/logs.ts';
import {
  address,
  blockSelector,
  bytes,
  bytesUpTo,
  count,
  indexParam,
  list,
  object,
  optional,
  parseParams,
  quantityParam,
  safeInteger,
  slot,
} from '../../../rpc/params.ts';
import type { ChainReader, Hex } from '../../../state/types.ts';

const ADDRESS = `0x${'Ab'.repeat(20)}`;
const HASH = `0x${'12'.repeat(32)}`;

function problem(run: () => unknown): { code: number; message: string } {
  try {
    run();
  } catch (error) {
    return { code: (error as { code: number }).code, message: (error as Error).message };
  }
  throw new Error('nothing was refused');
}

describe('parameters', () => {
  it('are read by position, and addresses come out in lower case', () => {
    expect(parseParams([address, optional(quantityParam)], [ADDRESS, '0x10'])).toEqual([
      ADDRESS.toLowerCase(),
      16n,
    ]);
    expect(parseParams([address, optional(quantityParam)], [ADDRESS])).toEqual([
      ADDRESS.toLowerCase(),
      undefined,
    ]);
    expect(parseParams([], undefined)).toEqual([]);
  });

  it('are refused with -32602, the position and a reason, in geth words', () => {
    expect(problem(() => parseParams([address], []))).toEqual({
      code: -32602,
      message: 'missing value for required argument 0',
    });
    expect(problem(() => parseParams([address], [ADDRESS, 1, 2]))).toEqual({
      code: -32602,
      message: 'too many arguments, want at most 1',
    });
    expect(problem(() => parseParams([address], { who: ADDRESS })).message).toBe('non-array args');
    expect(problem(() => parseParams([optional(address), address], [null, '12'])).message).toBe(
      'invalid argument 1: hex string without 0x prefix',
    );
    expect(problem(() => parseParams([address], [HASH])).message).toBe(
      'invalid argument 0: hex string has length 64, want 40 for address',
    );
  });

  const refused: [string, Parameters<typeof parseParams>[0][number], unknown, RegExp][] = [
    ['a number as quantity', quantityParam, 16, /expected a hex string, got number/],
    ['an empty quantity', quantityParam, '0x', /hex string "0x"/],
    ['leading zeros', quantityParam, '0x01', /leading zero digits/],
    ['a quantity over 256 bits', quantityParam, `0x1${'0'.repeat(64)}`, /> 256 bits/],
    ['an index over 64 bits', indexParam, '0x10000000000000000', /> 64 bits/],
    ['a number over 53 bits', safeInteger, '0x20000000000000', /> 53 bits/],
    ['odd bytes', bytes, '0x123', /odd length/],
    ['bytes that are not hex', bytes, '0xzz', /invalid hex string/],
    ['too many bytes', bytesUpTo(1), '0x1234', /2 bytes, at most 1/],
    ['a slot of 33 bytes', slot, `0x${'00'.repeat(33)}`, /at most 32 bytes/],
    ['a negative count', count, -1, />= 0/],
    ['a fractional count', count, 1.5, />= 0/],
    ['a count as NaN', count, Number.NaN, />= 0/],
    ['a list that is none', list(address, 2), {}, /expected an array, got object/],
    ['a long list', list(address, 1), [ADDRESS, ADDRESS], /2 items, at most 1/],
    ['a bad item', list(address, 3), [ADDRESS, 5], /item 1: expected a hex string/],
    ['a block in words', blockSelector, 'newest', /without 0x prefix/],
    [
      'both ways to name a block',
      blockSelector,
      { blockNumber: '0x1', blockHash: HASH },
      /cannot specify both/,
    ],
    ['a block as array', blockSelector, [], /expected an object, got array/],
    ['a member that is missing', object('thing', { who: address }), {}, /missing member 'who'/],
    ['an inherited member', object('thing', { constructor: address }), {}, /missing member 'constructor'/],
    ['a member nobody knows', object('thing', {}, 'refuse'), { x: 1 }, /unknown member 'x'/],
  ];
  for (const [what, parameter, value, reason] of refused)
    it(`refuse ${what}`, () => {
      const { code, message } = problem(() => parseParams([parameter], [value]));
      expect(code).toBe(-32602);
      expect(message).toMatch(/^invalid argument 0: /);
      expect(message).toMatch(reason);
    });

  it('name blocks by tag, number, hash, or object (EIP-1898)', () => {
    expect(blockSelector.read('finalized')).toEqual({ by: 'tag', tag: 'finalized' });
    expect(blockSelector.read('0x1f')).toEqual({ by: 'number', number: 31 });
    expect(blockSelector.read(HASH)).toEqual({ by: 'hash', hash: HASH });
    expect(blockSelector.read({ blockHash: HASH, requireCanonical: true })).toEqual({
      by: 'hash',
      hash: HASH,
    });
    expect(blockSelector.read({ blockNumber: 'latest' })).toEqual({ by: 'tag', tag: 'latest' });
  });

  it('take a short storage key as geth does', () => {
    expect(slot.read('0x1')).toBe(`0x${'1'.padStart(64, '0')}`);
  });
});

describe('a log filter', () => {
  const param = logFilter(DEFAULT_LIMITS);
  const log = { address: ADDRESS.toLowerCase() as Hex, topics: [HASH as Hex], data: new Uint8Array() };

  it('matches by address and by topic position, null meaning anything', () => {
    expect(matches(param.read({}), log)).toBe(true);
    expect(matches(param.read({ address: ADDRESS }), log)).toBe(true);
    expect(matches(param.read({ address: [`0x${'00'.repeat(20)}`] }), log)).toBe(false);
    expect(matches(param.read({ topics: [HASH] }), log)).toBe(true);
    expect(matches(param.read({ topics: [[HASH.replace('1', '2'), HASH]] }), log)).toBe(true);
    expect(matches(param.read({ topics: [null] }), log)).toBe(true);
    expect(matches(param.read({ topics: [null, HASH] }), log)).toBe(false);
  });

  it('refuses a block hash together with a range, and a fifth topic', () => {
    expect(problem(() => param.read({ blockHash: HASH, fromBlock: '0x1' })).message).toMatch(
      /cannot specify both/,
    );
    expect(problem(() => param.read({ topics: [null, null, null, null, null] })).message).toMatch(
      /exceed max topics/,
    );
    expect(problem(() => param.read({ topics: 'all' })).message).toMatch(/expected an array/);
  });
});

describe('filters', () => {
  const reader = { head: () => ({ number: 7 }) } as unknown as ChainReader;

  it('are bounded in number, and end when nobody polls them', () => {
    let now = 0;
    let id = 0;
    const filters = createFilters(
      reader,
      { ...DEFAULT_LIMITS, maxFilters: 2, filterTimeoutMs: 100 },
      () => now,
      () => `0x${++id}` as Hex,
    );
    const first = filters.addBlocks();
    filters.addPending();
    expect(problem(() => filters.addBlocks())).toEqual({
      code: -32005,
      message: 'limit exceeded: filters (limit 2)',
    });
    now = 90;
    filters.get(first);
    now = 150;
    filters.addBlocks();
    expect(filters.get(first)).toMatchObject({ kind: 'blocks', next: 8 });
    expect(problem(() => filters.get('0x2')).message).toBe('filter not found');
  });

  it('drop the oldest pending hashes beyond their bound', () => {
    const filters = createFilters(
      reader,
      { ...DEFAULT_LIMITS, maxFilterHashes: 2 },
      () => 0,
      () => '0x1',
    );
    filters.addPending();
    filters.announce(['0xa', '0xb']);
    filters.announce(['0xc']);
    expect(filters.get('0x1')).toMatchObject({ hashes: ['0xb', '0xc'] });
  });
});

describe('the gate before heavy calls', () => {
  it('runs a bounded number at once, lets a bounded number wait, and refuses the rest at once', async () => {
    const gate = createGate('calls', 2, 1);
    let running = 0;
    let most = 0;
    const release: (() => void)[] = [];
    const job = () =>
      gate.run(async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => release.push(resolve));
        running -= 1;
      });
    const jobs = [job(), job(), job()];
    await expect(job()).rejects.toMatchObject({
      code: -32005,
      message: 'limit exceeded: calls waiting (limit 1)',
    });
    while (release.length < 2) await Promise.resolve();
    release.shift()?.();
    while (release.length < 2) await Promise.resolve();
    for (const open of release) open();
    await Promise.all(jobs);
    expect(most).toBe(2);
    await expect(gate.run(() => 'free again')).resolves.toBe('free again');
  });
});
