import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../node/mempool/limits.ts';
import { address, memoryJournal, raw, town, type Wish } from './support.ts';

describe('what the pool takes', () => {
  it('refuses with the texts that wallets parse', () => {
    const { add, set, pool } = town();
    set('poor', { balance: 21_000n * 100n });
    set('used', { nonce: 5n });
    set('contract', { code: 'contract' });
    const text = (wish: Wish) => {
      const result = add(wish);
      return result.ok ? 'taken' : result.message;
    };
    expect(text({ from: 'poor', nonce: 0, value: 1 })).toMatch(
      /^insufficient funds for gas \* price \+ value: balance 2100000, tx cost 2100001, overshot 1$/,
    );
    expect(text({ from: 'used', nonce: 4 })).toBe('nonce too low: next nonce 5, tx nonce 4');
    expect(text({ from: 'a', nonce: 0, gas: 20_999 })).toBe(
      'intrinsic gas too low: gas 20999, minimum needed 21000',
    );
    expect(text({ from: 'a', nonce: 0, gas: 30_000_001 })).toMatch(/^exceeds block gas limit/);
    expect(text({ from: 'a', nonce: 0, gas: 20_000_000 })).toMatch(/^transaction gas limit too high/);
    expect(text({ from: 'a', nonce: 0, tip: 101 })).toMatch(
      /^max priority fee per gas higher than max fee per gas/,
    );
    expect(text({ from: 'a', nonce: 0, fee: 6 })).toMatch(/^transaction underpriced/);
    expect(text({ from: 'a', nonce: 0, unprotected: true })).toMatch(/^only replay-protected/);
    expect(text({ from: 'contract', nonce: 0 })).toMatch(/^sender not an eoa/);
    expect(text({ from: 'a', nonce: 0, padding: 131_072 })).toMatch(/^oversized data/);
    expect(pool.add(new Uint8Array([1, 2]), 'local')).toMatchObject({ ok: false, code: 'INVALID' });
    expect(text({ from: 'a', nonce: 0 })).toBe('taken');
    expect(text({ from: 'a', nonce: 0 })).toBe('already known');
  });

  it('counts what a sender has already promised to pay', () => {
    const { add, set } = town();
    set('a', { balance: 3n * 21_000n * 100n });
    expect([0, 1, 2].map((nonce) => add({ from: 'a', nonce }).ok)).toEqual([true, true, true]);
    expect(add({ from: 'a', nonce: 3 })).toMatchObject({ ok: false, code: 'INSUFFICIENT_FUNDS' });
  });

  it('takes a replacement only for ten per cent more on both fee fields', () => {
    const { add, order, pool } = town();
    add({ from: 'a', nonce: 0, fee: 100, tip: 10 });
    const refused = { ok: false, message: 'replacement transaction underpriced' };
    expect(add({ from: 'a', nonce: 0, fee: 110, tip: 10 })).toMatchObject(refused);
    expect(add({ from: 'a', nonce: 0, fee: 100, tip: 11 })).toMatchObject(refused);
    expect(add({ from: 'a', nonce: 0, fee: 109, tip: 11 })).toMatchObject(refused);
    expect(add({ from: 'a', nonce: 0, fee: 110, tip: 11 })).toMatchObject({ ok: true, executable: true });
    expect(order()).toEqual(['a:0']);
    expect(pool.counts()).toMatchObject({ pending: 1, queued: 0 });
  });

  it('rounds the bump down as geth does', () => {
    const { add } = town();
    add({ from: 'a', nonce: 0, fee: 105, tip: 15 });
    // 115.5 and 16.5.
    expect(add({ from: 'a', nonce: 0, fee: 114, tip: 16 }).ok).toBe(false);
    expect(add({ from: 'a', nonce: 0, fee: 115, tip: 16 }).ok).toBe(true);
  });

  it('lets a replacement in the middle keep what follows it', () => {
    const { add, order } = town();
    for (const nonce of [0, 1, 2]) add({ from: 'a', nonce });
    expect(add({ from: 'a', nonce: 1, fee: 200, tip: 5 })).toMatchObject({ ok: true, executable: true });
    expect(order()).toEqual(['a:0', 'a:1', 'a:2']);
  });

  it('allows a delegated account one transaction in flight', () => {
    const { add, set } = town();
    set('smart', { code: 'delegation' });
    expect(add({ from: 'smart', nonce: 1 })).toMatchObject({ code: 'ACCOUNT_LIMIT' });
    expect(add({ from: 'smart', nonce: 0 })).toMatchObject({ ok: true });
    expect(add({ from: 'smart', nonce: 1 })).toMatchObject({ code: 'ACCOUNT_LIMIT' });
    expect(add({ from: 'smart', nonce: 0, fee: 200, tip: 2 })).toMatchObject({ ok: true });
  });
});

describe('the next nonce', () => {
  it('counts what is executable, not what waits behind a gap', () => {
    const { add, pool, set } = town();
    const next = () => pool.pendingNonce(address('a'));
    set('a', { nonce: 3n });
    expect(next()).toBeUndefined();
    add({ from: 'a', nonce: 3 });
    add({ from: 'a', nonce: 4 });
    add({ from: 'a', nonce: 6 });
    expect(next()).toBe(5n);
    add({ from: 'a', nonce: 5 });
    expect(next()).toBe(7n);
  });
});

describe('order', () => {
  it('proposes the best price first and each sender in nonce order', () => {
    const { add, order } = town();
    add({ from: 'a', nonce: 0, tip: 1 });
    add({ from: 'a', nonce: 1, tip: 90 });
    add({ from: 'b', nonce: 0, tip: 5 });
    add({ from: 'c', nonce: 0, tip: 5 });
    expect(order()).toEqual(['b:0', 'c:0', 'a:0', 'a:1']);
  });

  it('leaves out what cannot pay the base fee, and all that follows it', () => {
    const { add, order, pool, chain } = town();
    add({ from: 'a', nonce: 0, fee: 20 });
    add({ from: 'a', nonce: 1, fee: 100 });
    add({ from: 'b', nonce: 0, fee: 50 });
    expect(order(30n)).toEqual(['b:0']);
    chain.baseFee = 60n;
    expect(pool.hasIncludable()).toBe(false);
  });

  it('waits for the missing nonce and then runs through', () => {
    const { add, order, pool, executable, broadcast } = town();
    add({ from: 'a', nonce: 2 });
    add({ from: 'a', nonce: 1 });
    expect(order()).toEqual([]);
    expect(pool.counts()).toMatchObject({ pending: 0, queued: 2 });
    expect(pool.hasIncludable()).toBe(false);
    add({ from: 'a', nonce: 0 });
    expect(order()).toEqual(['a:0', 'a:1', 'a:2']);
    expect(executable).toEqual(['a:0', 'a:1', 'a:2']);
    expect(broadcast).toEqual(['a:0', 'a:1', 'a:2']);
    expect(pool.pendingNonce(`0x${'61'.padEnd(40, '0')}`)).toBe(3n);
  });

  it('lets what fitted nowhere rest for a while', () => {
    const { add, order, pool, block } = town();
    add({ from: 'a', nonce: 0 });
    const hash = pool.content().pending[0]?.hash as `0x${string}`;
    pool.onBuilt({ dropped: [], passedOver: [hash] });
    expect(order()).toEqual([]);
    for (let i = 0; i < 3; i++) block();
    expect(order()).toEqual(['a:0']);
  });
});

describe('the head moves', () => {
  it('forgets what was included, also by another node under another hash', () => {
    const { add, order, block, pool } = town();
    for (const nonce of [0, 1, 2]) add({ from: 'a', nonce });
    block({ from: 'a', nonce: 0 }, { from: 'a', nonce: 1, salt: 9 });
    expect(order()).toEqual(['a:2']);
    expect(pool.counts()).toMatchObject({ pending: 1, queued: 0 });
    block({ from: 'a', nonce: 2 });
    expect(pool.counts()).toMatchObject({ pending: 0, queued: 0, held: 0, bytes: 0, rechecked: 4 });
  });

  it('moves to the queue what can no longer be paid, and back', () => {
    const { add, order, set, block, pool } = town();
    for (const nonce of [0, 1]) add({ from: 'a', nonce });
    set('a', { balance: 21_000n * 100n });
    block();
    expect(order()).toEqual(['a:0']);
    expect(pool.counts()).toMatchObject({ pending: 1, queued: 1 });
    set('a', { balance: 10n ** 18n });
    block();
    expect(order()).toEqual(['a:0', 'a:1']);
  });

  it('tells each transaction once, however often it is promoted', () => {
    const { add, set, block, executable } = town();
    add({ from: 'a', nonce: 0 });
    set('a', { balance: 0n });
    block();
    set('a', { balance: 10n ** 18n });
    block();
    expect(executable).toEqual(['a:0']);
  });
});

describe('what waits for bytes or for an attribution', () => {
  it('B1: is held back with all that follows it until the gate opens', () => {
    let open = false;
    const { add, order, pool } = town({
      gate: (tx) => (tx.nonce === 1n && !open ? { state: 'held', reason: 'artifact' } : { state: 'ready' }),
    });
    for (const nonce of [0, 1, 2]) add({ from: 'a', nonce });
    expect(order()).toEqual(['a:0']);
    expect(pool.counts()).toMatchObject({ pending: 3, held: 1 });
    open = true;
    pool.recheck();
    expect(order()).toEqual(['a:0', 'a:1', 'a:2']);
  });

  it('B6: is not even asked while its nonce has not come', () => {
    const asked: bigint[] = [];
    const { add } = town({
      gate: (tx) => {
        asked.push(tx.nonce);
        return { state: 'ready' };
      },
    });
    add({ from: 'operator', nonce: 1 });
    expect(asked).toEqual([]);
    add({ from: 'operator', nonce: 0 });
    expect(asked).toEqual([0n, 1n]);
  });

  it('is forgotten after its lifetime, what can be included is not', () => {
    const { add, pool, clock, order } = town({
      gate: (tx) => (tx.value === 9n ? { state: 'held', reason: 'artifact' } : { state: 'ready' }),
    });
    add({ from: 'a', nonce: 0 });
    add({ from: 'b', nonce: 0, value: 9 });
    add({ from: 'c', nonce: 4 });
    clock.ms += 3 * 3_600_000 + 1;
    pool.expire();
    expect(order()).toEqual(['a:0']);
    expect(pool.counts()).toMatchObject({ pending: 1, queued: 0, held: 0 });
  });
});

describe('limits', () => {
  it("are go-ethereum's numbers", () => {
    expect(LIMITS).toMatchObject({
      ...{ accountSlots: 16, globalSlots: 5_120, accountQueue: 64, globalQueue: 1_024 },
      ...{ slotBytes: 32_768, maxTransactionBytes: 131_072, priceBumpPercent: 10n, lifetimeMs: 10_800_000 },
    });
  });

  it('128 KiB a transaction, not a byte more', () => {
    const { add } = town();
    const most = 131_072 - raw({ from: 'a', nonce: 0, padding: 100_000 }).length + 100_000;
    expect(add({ from: 'a', nonce: 0, padding: most })).toMatchObject({ ok: true });
    expect(add({ from: 'a', nonce: 1, padding: most + 1 })).toMatchObject({
      code: 'OVERSIZED',
      message: 'oversized data: transaction size 131073, limit 131072',
    });
  });

  it('64 queued transactions a sender', () => {
    const { add } = town();
    for (let i = 0; i < 64; i++) expect(add({ from: 'a', nonce: i + 1 }).ok).toBe(true);
    expect(add({ from: 'a', nonce: 65 })).toMatchObject({ code: 'ACCOUNT_LIMIT' });
    expect(add({ from: 'a', nonce: 0 })).toMatchObject({ ok: true });
  });

  it('a crowded pool cuts long lists down to 16, then the cheapest', () => {
    const { add, pool } = town({ limits: { globalSlots: 40 } });
    for (let nonce = 0; nonce < 40; nonce++) add({ from: 'spammer', nonce }, 'remote');
    for (let i = 0; i < 24; i++) add({ from: `s${i}`, nonce: 0, tip: 10 + i }, 'remote');
    expect(pool.counts().pending).toBe(40);
    // The spammer is down to its 16; the next newcomer must outbid someone.
    expect(add({ from: 'cheap', nonce: 0, tip: 1 }, 'remote')).toMatchObject({
      code: 'UNDERPRICED',
      message: 'transaction underpriced',
    });
    expect(add({ from: 'rich', nonce: 0, tip: 50 }, 'remote')).toMatchObject({ ok: true });
    expect(pool.counts().pending).toBeLessThanOrEqual(40);
    expect(pool.pendingNonce(`0x${Buffer.from('rich').toString('hex').padEnd(40, '0')}`)).toBe(1n);
  });

  it('says that the pool is full when all of it is our own', () => {
    const { add } = town({ limits: { globalSlots: 3 } });
    for (let nonce = 0; nonce < 3; nonce++) expect(add({ from: 'a', nonce }).ok).toBe(true);
    expect(add({ from: 'b', nonce: 0 })).toMatchObject({ code: 'POOL_FULL' });
    expect(add({ from: 'b', nonce: 0 }, 'remote')).toMatchObject({ code: 'UNDERPRICED' });
  });

  it('our own users keep half of a crowded pool, and more only while nobody pays more', () => {
    const { add, pool } = town({ limits: { globalSlots: 8, accountSlots: 1 } });
    const ours = () => pool.content().pending.filter(({ from }) => from.startsWith('0x6f')).length;
    for (let i = 0; i < 8; i++) expect(add({ from: `o${i}`, nonce: 0 }).ok).toBe(true);
    for (let i = 0; i < 20; i++) add({ from: `rich${i}`, nonce: 0, tip: 50 + i }, 'remote');
    expect(ours()).toBe(4);
    expect(pool.counts().pending).toBeGreaterThan(4);
  });

  it('1,024 queued transactions of all senders', () => {
    const { add, pool } = town({ limits: { globalQueue: 4 } });
    for (let i = 0; i < 4; i++) add({ from: `q${i}`, nonce: 3 }, 'remote');
    expect(add({ from: 'late', nonce: 3 })).toMatchObject({ ok: true });
    expect(pool.counts().queued).toBe(4);
  });

  it('large transactions take several slots', () => {
    const { add } = town({ limits: { globalSlots: 4 } });
    expect(add({ from: 'a', nonce: 0, padding: 3 * 32 * 1024 })).toMatchObject({ ok: true });
    expect(add({ from: 'b', nonce: 0 })).toMatchObject({ code: 'POOL_FULL' });
  });
});

describe('restart', () => {
  it('brings back what this node acknowledged and what is still of use', () => {
    const journal = memoryJournal();
    const first = town({ journal });
    first.add({ from: 'a', nonce: 0 });
    first.add({ from: 'a', nonce: 1 });
    first.add({ from: 'b', nonce: 0 }, 'remote');
    expect(journal.records).toEqual([raw({ from: 'a', nonce: 0 }), raw({ from: 'a', nonce: 1 })]);

    const second = town({ journal });
    second.set('a', { nonce: 1n });
    expect(second.pool.restore()).toBe(1);
    expect(second.order()).toEqual(['a:1']);
    expect(second.broadcast).toEqual(['a:1']);
    expect(journal.records).toEqual([raw({ from: 'a', nonce: 1 })]);
  });

  it('sends again what peers may have missed, at most every two seconds', () => {
    const { add, pool, clock, broadcast, block } = town();
    add({ from: 'a', nonce: 0 });
    add({ from: 'b', nonce: 0 }, 'remote');
    pool.rebroadcast();
    expect(broadcast).toEqual(['a:0']);
    clock.ms += 2_000;
    pool.rebroadcast();
    pool.rebroadcast();
    expect(broadcast).toEqual(['a:0', 'a:0']);
    block({ from: 'a', nonce: 0 });
    clock.ms += 2_000;
    pool.rebroadcast();
    expect(broadcast).toEqual(['a:0', 'a:0']);
  });
});
