import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import { bigintToBytes, concat, keccak256, SECP256K1_N, signHash } from '../../../state/crypto.ts';
import { decodeRlp, encodeRlp, type RlpItem } from '../../../state/rlp.ts';
import { parseByLibrary } from '../../../state/transactions/decode.ts';
import { parseUsual } from '../../../state/transactions/usual.ts';
import { accountKey } from './support.ts';

const chainId = BigInt(DEFAULT_PARAMS.chainId);

/** Around every bound: one byte, the shortest long form, eight bytes, twenty, thirty-two. */
const amount = fc.oneof(
  { weight: 12, arbitrary: fc.bigInt({ min: 0n, max: 300n }) },
  fc.constantFrom(
    2n ** 24n,
    2n ** 24n + 1n,
    2n ** 56n - 1n,
    2n ** 64n - 1n,
    2n ** 64n,
    2n ** 160n,
    2n ** 256n - 1n,
    2n ** 256n,
  ),
  fc.bigInt({ min: 0n, max: 2n ** 70n }),
);
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const address = fc.oneof(
  { weight: 8, arbitrary: bytes(20) },
  fc.constantFrom(new Uint8Array(0), new Uint8Array(19)),
);
const list = fc.array(fc.tuple(bytes(20), fc.array(bytes(32), { maxLength: 2 })), { maxLength: 2 });
const wish = fc.record({
  type: fc.constantFrom(0, 1, 2),
  chain: fc.oneof({ weight: 9, arbitrary: fc.constant(chainId) }, fc.bigInt({ min: 1n, max: 300n })),
  nonce: amount,
  tip: amount,
  fee: amount,
  gas: amount,
  to: address,
  value: amount,
  data: fc.uint8Array({ maxLength: 70 }),
  list,
  key: fc.nat(4),
  /** One item replaced by other bytes, after signing. */
  spoilt: fc.option(fc.tuple(fc.nat(11), fc.uint8Array({ maxLength: 33 })), { freq: 4, nil: undefined }),
  highS: fc.boolean(),
});
type Wish = typeof wish extends fc.Arbitrary<infer T> ? T : never;

function signed(w: Wish): Uint8Array {
  const n = bigintToBytes;
  const payment = [n(w.gas), w.to, n(w.value), w.data];
  const fields: RlpItem[] =
    w.type === 0
      ? [n(w.nonce), n(w.fee), ...payment]
      : w.type === 1
        ? [n(w.chain), n(w.nonce), n(w.fee), ...payment, w.list]
        : [n(w.chain), n(w.nonce), n(w.tip), n(w.fee), ...payment, w.list];
  const none = new Uint8Array(0);
  const named = w.type === 0 ? [...fields, n(w.chain), none, none] : fields;
  const prefix = w.type === 0 ? none : Uint8Array.of(w.type);
  const { r, s, yParity } = signHash(keccak256(concat(prefix, encodeRlp(named))), accountKey(w.key));
  const v = w.type === 0 ? 35n + 2n * w.chain + BigInt(yParity) : BigInt(yParity);
  const items = [...fields, n(v), n(r), n(w.highS && w.spoilt !== undefined ? SECP256K1_N - s : s)];
  if (w.spoilt !== undefined) items[w.spoilt[0] % items.length] = w.spoilt[1];
  return concat(prefix, encodeRlp(items));
}

describe('transactions of usual forms', () => {
  it('have the fields that the library reads in them, and none that it refuses is read', () => {
    let usual = 0;
    let left = 0;
    fc.assert(
      fc.property(wish, (w) => {
        const raw = signed(w);
        const items = decodeRlp(raw[0]! >= 0xc0 ? raw : raw.subarray(1));
        const ours = parseUsual(raw, items, chainId, 'osaka');
        if (ours === undefined) {
          left++;
          return;
        }
        usual++;
        expect(ours).toEqual(parseByLibrary(raw, Number(chainId), 'osaka'));
      }),
      { numRuns: 1_500 },
    );
    expect(usual).toBeGreaterThan(100);
    expect(left).toBeGreaterThan(100);
  });

  it('are read here: a transfer of each type, with either parity', () => {
    const parities = new Set<bigint>();
    for (const type of [0, 1, 2] as const)
      for (let nonce = 0n; nonce < 6n; nonce++) {
        const raw = signed({
          type,
          chain: chainId,
          nonce,
          tip: 1n,
          fee: 10n ** 11n,
          gas: 21_000n,
          to: new Uint8Array(20).fill(0xaa),
          value: 1n,
          data: new Uint8Array(0),
          list: [],
          key: 0,
          spoilt: undefined,
          highS: false,
        });
        const tx = parseUsual(raw, decodeRlp(type === 0 ? raw : raw.subarray(1)), chainId, 'osaka');
        expect(tx).toMatchObject({ type, nonce });
        if (type !== 0) parities.add(tx!.v);
      }
    expect(parities.size).toBe(2);
  });
});
