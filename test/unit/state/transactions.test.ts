import { createCustomCommon, Mainnet } from '@ethereumjs/common';
import { createTxFromRLP } from '@ethereumjs/tx';
import fc from 'fast-check';
import { toHex as viemHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, it } from 'vitest';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import {
  bigintToBytes,
  bytesToBigint,
  concat,
  fromHex,
  keccak256,
  SECP256K1_N,
  signHash,
  toHex,
} from '../../../state/crypto.ts';
import { moduleTable } from '../../../state/execution/module-table.ts';
import { LIMITS } from '../../../state/limits.ts';
import { interfaces } from '../../../state/modules/interfaces.ts';
import { decodeRlp, encodeRlp, type RlpItem, rlpList } from '../../../state/rlp.ts';
import { decodeTransaction } from '../../../state/transactions/decode.ts';
import { floorGas, intrinsicGas, minimumGasLimit } from '../../../state/transactions/intrinsic.ts';
import { encodeNative, nativeSigningHash, type UnsignedNative } from '../../../state/transactions/native.ts';
import type { Hex } from '../../../state/types.ts';
import { accountAddress, accountKey, authorization, GWEI, signedTransaction } from './support.ts';

const chainId = DEFAULT_PARAMS.chainId;
const account = privateKeyToAccount(viemHex(accountKey(0)));
const to: Hex = '0x00000000000000000000000000000000000000aa';
const code = (error: string) => expect.objectContaining({ name: 'TransactionError', code: error });
const common = createCustomCommon({ chainId, name: 'peer' }, Mainnet, { hardfork: 'osaka' });

describe('Ethereum transactions', () => {
  const fees = { maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI };
  const accessList = [{ address: to, storageKeys: [toHex(keccak256(Uint8Array.of(1)))] }] as const;

  it('of each type signed by viem keep their fields, hash and sender, and cost what a stock node says', async () => {
    const delegation = await account.signAuthorization({ chainId, address: to, nonce: 3 });
    const signed: Hex[] = [
      await account.signTransaction({
        type: 'legacy',
        chainId,
        nonce: 1,
        gas: 50_000n,
        gasPrice: 5n,
        to,
        value: 9n,
        data: '0x00ff',
      }),
      await account.signTransaction({ type: 'legacy', nonce: 1, gas: 50_000n, gasPrice: 5n, to }),
      await account.signTransaction({
        type: 'eip2930',
        chainId,
        nonce: 2,
        gas: 60_000n,
        gasPrice: 5n,
        to,
        accessList,
      }),
      await account.signTransaction({
        type: 'eip1559',
        chainId,
        nonce: 3,
        gas: 60_000n,
        ...fees,
        to,
        data: '0x010200',
      }),
      await account.signTransaction({
        type: 'eip1559',
        chainId,
        nonce: 3,
        gas: 90_000n,
        ...fees,
        data: '0x6001600055',
      }),
      await account.signTransaction({
        type: 'eip7702',
        chainId,
        nonce: 4,
        gas: 90_000n,
        ...fees,
        to,
        authorizationList: [delegation],
      }),
    ];
    for (const hex of signed) {
      const raw = fromHex(hex);
      const tx = decodeTransaction(raw, chainId);
      const peer = createTxFromRLP(raw, { common });
      expect(tx.hash).toBe(toHex(keccak256(raw)));
      expect(tx.from).toBe(account.address.toLowerCase());
      expect({ ...tx, type: tx.type }).toMatchObject({
        type: peer.type,
        nonce: peer.nonce,
        value: peer.value,
        gasLimit: peer.gasLimit,
        data: peer.data,
        to: peer.to === undefined ? null : toHex(peer.to.bytes),
      });
      expect(intrinsicGas(tx)).toBe(peer.getIntrinsicGas());
      expect(minimumGasLimit(tx)).toBe(peer.getMinimumGasLimit());
    }
    expect(decodeTransaction(fromHex(signed[0]!), chainId).chainId).toBe(BigInt(chainId));
    expect(decodeTransaction(fromHex(signed[1]!), chainId).chainId).toBeNull();
    expect(decodeTransaction(fromHex(signed[5]!), chainId).authorizationList).toMatchObject([
      { chainId: BigInt(chainId), address: to, nonce: 3n },
    ]);
  });

  it('are refused with a code each', async () => {
    const other = await account.signTransaction({
      type: 'eip1559',
      chainId: 1,
      nonce: 0,
      gas: 21_000n,
      ...fees,
      to,
    });
    const otherLegacy = await account.signTransaction({
      type: 'legacy',
      chainId: 1,
      nonce: 0,
      gas: 21_000n,
      gasPrice: 1n,
      to,
    });
    const good = signedTransaction({ key: accountKey(0), nonce: 0, to });
    const sign = (wish: Partial<Parameters<typeof signedTransaction>[0]>) =>
      signedTransaction({ key: accountKey(0), nonce: 0, to, ...wish });
    const items = rlpList(decodeRlp(good.subarray(1)));
    const s = bytesToBigint(items[11] as Uint8Array);
    const highS = concat(
      Uint8Array.of(2),
      encodeRlp([
        ...items.slice(0, 9),
        bigintToBytes(1n - bytesToBigint(items[9] as Uint8Array)),
        items[10]!,
        bigintToBytes(SECP256K1_N - s),
      ]),
    );
    for (const [text, raw] of [
      [/^invalid sender: invalid chain id for signer: have 1 want /, fromHex(other)],
      [/^invalid sender: invalid chain id for signer: have 1 want /, fromHex(otherLegacy)],
      [
        /^max priority fee per gas higher than max fee per gas$/,
        sign({ maxFeePerGas: 1n, maxPriorityFeePerGas: 2n }),
      ],
    ] as const)
      expect(() => decodeTransaction(raw, chainId)).toThrow(text);
    const cases: [string, Uint8Array][] = [
      ['WRONG_CHAIN_ID', fromHex(other)],
      ['WRONG_CHAIN_ID', fromHex(otherLegacy)],
      ['MALFORMED', new Uint8Array(0)],
      ['MALFORMED', good.slice(0, -1)],
      ['MALFORMED', concat(good, Uint8Array.of(0))],
      ['BAD_SIGNATURE', highS],
      ['UNSUPPORTED_TYPE', concat(Uint8Array.of(3), good.subarray(1))],
      ['UNSUPPORTED_TYPE', concat(Uint8Array.of(0x7d), good.subarray(1))],
      ['UNSUPPORTED_TYPE', concat(Uint8Array.of(0x7e), good.subarray(1))],
      ['UNSUPPORTED_TYPE', concat(Uint8Array.of(0x54), good.subarray(1))],
      ['TOO_LARGE', new Uint8Array(LIMITS.maxTransactionBytes + 1)],
      ['TIP_ABOVE_FEE', sign({ maxFeePerGas: 1n, maxPriorityFeePerGas: 2n })],
      ['INTRINSIC_GAS', sign({ gasLimit: 20_999n })],
      // EIP-7623: 100 non-zero bytes cost 1,600 as data but 4,000 as a floor.
      ['INTRINSIC_GAS', sign({ gasLimit: 24_999n, data: new Uint8Array(100).fill(1) })],
      ['GAS_ABOVE_CAP', sign({ gasLimit: LIMITS.transactionGasCap + 1n })],
      ['INITCODE_TOO_LARGE', sign({ to: null, data: new Uint8Array(49_153), gasLimit: 5_000_000n })],
      [
        'MALFORMED',
        signedTransaction({
          key: accountKey(0),
          nonce: 0,
          to: null,
          authorizationList: [authorization(accountKey(1), to, 0)],
          gasLimit: 100_000n,
        }),
      ],
      ['MALFORMED', sign({ authorizationList: [], gasLimit: 100_000n })],
    ];
    for (const [error, raw] of cases)
      expect(() => decodeTransaction(raw, chainId), error).toThrow(code(error));
    expect(
      decodeTransaction(sign({ gasLimit: 25_000n, data: new Uint8Array(100).fill(1) }), chainId).gasLimit,
    ).toBe(25_000n);
  });

  it('have one encoding: no changed byte gives another valid form of the same transaction', () => {
    const raw = signedTransaction({
      key: accountKey(0),
      nonce: 5,
      to,
      value: 7n,
      gasLimit: 30_000n,
      data: Uint8Array.of(1, 2, 3),
    });
    const original = decodeTransaction(raw, chainId);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: raw.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        (at, flip) => {
          const changed = raw.slice();
          changed[at]! ^= flip;
          try {
            const tx = decodeTransaction(changed, chainId);
            // Another transaction: then of another sender, since the signature covers everything else.
            expect(tx.from === original.from && tx.hash === original.hash).toBe(false);
            expect(tx.from).not.toBe(original.from);
          } catch (error) {
            expect(error).toMatchObject({ name: 'TransactionError' });
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('with more parts than any has are refused, and the one with most is read', () => {
    const crowd = (count: number) =>
      signedTransaction({
        key: accountKey(0),
        nonce: 0,
        to,
        gasLimit: LIMITS.transactionGasCap,
        accessList: Array(count).fill({ address: to, storageKeys: [] }),
      });
    const most = Math.floor(LIMITS.maxTransactionBytes / 23) - 6;
    expect(decodeTransaction(crowd(most), chainId).accessList).toHaveLength(most);
    const bytes: RlpItem = Array(100_000).fill(Uint8Array.of(1));
    for (const type of [0x02, 0x50])
      expect(() => decodeTransaction(concat(Uint8Array.of(type), encodeRlp([bytes])), chainId)).toThrow(
        'too many items',
      );
  });

  it('answers any bytes with a transaction or a TransactionError', () => {
    const first = fc.constantFrom(0, 1, 2, 3, 4, 0x50, 0x51, 0x55, 0x58, 0x7d, 0xc0, 0xf8, 0xf9);
    fc.assert(
      fc.property(first, fc.uint8Array({ maxLength: 300 }), (type, rest) => {
        try {
          decodeTransaction(concat(Uint8Array.of(type), rest), chainId);
        } catch (error) {
          expect(error).toMatchObject({ name: 'TransactionError' });
          expect((error as Error).message).not.toMatch(/Cannot|undefined|=>|\n/);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('native transactions', () => {
  const unsigned: UnsignedNative = {
    type: 0x50,
    chainId: BigInt(chainId),
    nonce: 1n,
    maxPriorityFeePerGas: 1n,
    maxFeePerGas: 100n,
    gasLimit: 500_000n,
    value: 0n,
    op: 1,
    fields: [],
  };
  const { op, fields } = interfaces.datanet.nativeCall('create', ['name', 'summary', 'description', ['tag']]);

  it('round-trip through their envelope, and become a call of their module', () => {
    const raw = encodeNative({ ...unsigned, op, fields }, accountKey(0));
    const tx = decodeTransaction(raw, chainId);
    expect(tx).toMatchObject({
      type: 0x50,
      from: accountAddress(0),
      to: interfaces.datanet.address,
      nonce: 1n,
      maxPriorityFeePerGas: 1n,
      maxFeePerGas: 100n,
      native: { op },
    });
    expect(tx.native!.fields).toEqual(fields);
    expect(tx.data).toEqual(moduleTable.ofType(0x50)!.encodeNative(op, fields));
    const payload = encodeRlp(fields as RlpItem);
    const zeros = payload.filter((byte) => byte === 0).length;
    expect(intrinsicGas(tx)).toBe(BigInt(21_000 + 4 * zeros + 16 * (payload.length - zeros)));
    expect(floorGas(tx)).toBe(0n);
  });

  it('are refused when signed for another chain, by a high s, cut short, or with fields that do not fit', () => {
    const whole = { ...unsigned, op, fields };
    const raw = encodeNative(whole, accountKey(0));
    const items = rlpList(decodeRlp(raw.subarray(1)));
    const { r, s, yParity } = signHash(nativeSigningHash(whole), accountKey(0));
    const withSignature = (y: bigint, rr: bigint, ss: bigint) =>
      concat(
        Uint8Array.of(0x50),
        encodeRlp([...items.slice(0, -3), bigintToBytes(y), bigintToBytes(rr), bigintToBytes(ss)]),
      );
    expect(decodeTransaction(withSignature(BigInt(yParity), r, s), chainId).hash).toBe(
      decodeTransaction(raw, chainId).hash,
    );
    const cases: [string, Uint8Array][] = [
      ['WRONG_CHAIN_ID', encodeNative({ ...whole, chainId: 1n }, accountKey(0))],
      ['BAD_SIGNATURE', withSignature(1n - BigInt(yParity), r, SECP256K1_N - s)],
      ['BAD_SIGNATURE', withSignature(2n, r, s)],
      ['BAD_SIGNATURE', withSignature(BigInt(yParity), 0n, s)],
      ['MALFORMED', concat(Uint8Array.of(0x50), encodeRlp(items.slice(0, 5)))],
      ['MALFORMED', concat(raw, Uint8Array.of(1))],
      ['MALFORMED', Uint8Array.of(0x50)],
      ['MALFORMED_OPERATION', encodeNative({ ...whole, fields: [] }, accountKey(0))],
      ['MALFORMED_OPERATION', encodeNative({ ...whole, op: 9_999 }, accountKey(0))],
      ['INTRINSIC_GAS', encodeNative({ ...whole, gasLimit: 21_000n }, accountKey(0))],
      ['TIP_ABOVE_FEE', encodeNative({ ...whole, maxPriorityFeePerGas: 101n }, accountKey(0))],
    ];
    for (const [error, bytes] of cases)
      expect(() => decodeTransaction(bytes, chainId), error).toThrow(code(error));
  });
});
