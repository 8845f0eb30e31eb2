/**
 * Nodes with different pasts execute the same random blocks: one builds them, one checks them after rivals of the
 * same height, one forgets all its caches between blocks, one syncs at the end. All must call every block valid,
 * which compares state root, receipts root and gas.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import { bigintToBytes, concat, fromHex, keccak256, signHash, toHex } from '../../../state/crypto.ts';
import { interfaces } from '../../../state/modules/interfaces.ts';
import { encodeRlp, type RlpItem } from '../../../state/rlp.ts';
import type { Hex } from '../../../state/types.ts';
import { deploy, forwarder, KEEPER, regretter } from './bytecode.ts';
import {
  accountAddress,
  accountKey,
  authorization,
  GWEI,
  openTestChain,
  signedTransaction,
  type TestChain,
  temporaryDirectory,
  testGenesis,
  testValidators,
  word,
} from './support.ts';

const ACCOUNTS = 4;
/** The usual CREATE2 factory: salt, then creation code. */
const FACTORY: Hex = '0x00000000000000000000000000000000000fac70';
const FACTORY_CODE = fromHex(
  '0x60203603806020600037600035906000 34f58015601857805f5260205ff35b5f5ffd'.replace(/ /g, ''),
);
const KEEPERS: Hex[] = [
  '0x00000000000000000000000000000000000c0de1',
  '0x00000000000000000000000000000000000c0de2',
];
const FORWARDERS: Hex[] = [
  '0x0000000000000000000000000000000000f0f001',
  '0x0000000000000000000000000000000000f0f002',
];
const MODULES: Hex[] = [0x50, 0x51, 0x52, 0x53, 0x55, 0x58].map(
  (type) => `0x4f4c0000000000000000000000000000000000${type.toString(16)}` as Hex,
);
const DATANET: Hex = '0x4f4c000000000000000000000000000000000050';
/** Doors to a module from inside: its work is kept, refused or taken back. */
const DOORS: Record<Hex, Uint8Array> = {
  '0x0000000000000000000000000000000000d00001': forwarder('CALL', DATANET),
  '0x0000000000000000000000000000000000d00002': forwarder('STATICCALL', DATANET),
  '0x0000000000000000000000000000000000d00003': forwarder('DELEGATECALL', DATANET),
  '0x0000000000000000000000000000000000d00004': regretter(DATANET),
};
const CREATE_DATANET = interfaces.datanet.encodeCall('create', ['name', 'summary', 'about', ['tag']]);
/** Writes a slot and destroys itself, so that the same address can be made again. */
const SUICIDAL_INIT = fromHex('0x600160015533ff');
const WRITING_INIT = concat(fromHex('0x60015f55600260015560ff600255'), deployedAt(14, KEEPER));

/** Creation code that stands behind `offset` bytes of its own. */
function deployedAt(offset: number, runtime: Uint8Array): Uint8Array {
  const size = runtime.length.toString(16).padStart(2, '0');
  const from = (offset + 10).toString(16).padStart(2, '0');
  return concat(fromHex(`0x60${size}60${from}5f3960${size}5ff3`), runtime);
}

function create2(init: Uint8Array, salt: number): Hex {
  return toHex(keccak256(concat(fromHex('0xff'), fromHex(FACTORY), word(salt), keccak256(init))).slice(12));
}
const CHILDREN = [0, 1].flatMap((salt) => [create2(SUICIDAL_INIT, salt), create2(WRITING_INIT, salt)]);
const TARGETS: Hex[] = [
  FACTORY,
  ...KEEPERS,
  ...FORWARDERS,
  ...MODULES,
  ...(Object.keys(DOORS) as Hex[]),
  ...CHILDREN,
  ...[0, 1, 2, 3, 9].map((i) => accountAddress(i)),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 17, 256].map((n) => `0x${n.toString(16).padStart(40, '0')}` as Hex),
];

interface Draft {
  from: number;
  to: Hex | null;
  value: bigint;
  data: Uint8Array;
  gasLimit: bigint;
  authorizations: { by: number; target: Hex; ahead: number }[];
  /** In the form of a native transaction, if it calls the module directly. */
  isNative?: boolean;
}
const small = fc.integer({ min: 0, max: 3 });
const keeperData: fc.Arbitrary<Uint8Array> = fc
  .tuple(small, small, small)
  .map((words) => concat(...words.map((w) => word(w))));
const factoryData: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.integer({ min: 0, max: 1 }),
    fc.constantFrom<Uint8Array[]>(SUICIDAL_INIT, WRITING_INIT, new Uint8Array(0)),
  )
  .map(([salt, init]) => concat(word(salt), init));
const random: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 200 });
const initCode: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.constant(deploy(KEEPER)),
  fc.constant(SUICIDAL_INIT),
  random,
);
/** A call of the module by one of its doors; the least gas limit runs out inside of it. */
const moduleDraft: fc.Arbitrary<Draft> = fc.record({
  from: fc.integer({ min: 0, max: ACCOUNTS - 1 }),
  to: fc.constantFrom<Hex[]>(DATANET, ...(Object.keys(DOORS) as Hex[])),
  value: fc.constantFrom(0n, 0n, 1n),
  data: fc.constant(CREATE_DATANET),
  gasLimit: fc.constantFrom(60_000n, 150_000n, 2_000_000n),
  authorizations: fc.constant<Draft['authorizations']>([]),
  isNative: fc.boolean(),
});
const draft: fc.Arbitrary<Draft> = fc.record({
  from: fc.integer({ min: 0, max: ACCOUNTS - 1 }),
  to: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<Hex[]>(...TARGETS) },
    { weight: 3, arbitrary: fc.constant(FACTORY) },
    { weight: 1, arbitrary: fc.constant(null) },
  ),
  value: fc.constantFrom<bigint[]>(0n, 0n, 1n, 10n ** 18n),
  data: fc.oneof(keeperData, factoryData, random, initCode),
  gasLimit: fc.constantFrom(60_000n, 150_000n, 600_000n, 2_000_000n),
  authorizations: fc.oneof(
    { weight: 6, arbitrary: fc.constant<Draft['authorizations']>([]) },
    {
      weight: 1,
      arbitrary: fc.array(
        fc.record({
          by: fc.integer({ min: 0, max: ACCOUNTS }),
          target: fc.constantFrom<Hex[]>(...TARGETS, `0x${'0'.repeat(40)}`),
          ahead: fc.integer({ min: 0, max: 1 }),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    },
  ),
});
const blocks = fc.array(
  fc.array(fc.oneof({ weight: 4, arbitrary: draft }, { weight: 1, arbitrary: moduleDraft }), {
    maxLength: 8,
  }),
  { minLength: 2, maxLength: 5 },
);

function genesis() {
  const code = (bytes: Uint8Array) => ({ balance: 5n, nonce: 1n, code: toHex(bytes) });
  return testGenesis({
    validators: testValidators(1),
    accounts: ACCOUNTS,
    alloc: {
      [FACTORY]: code(FACTORY_CODE),
      [KEEPERS[0] as Hex]: code(KEEPER),
      [KEEPERS[1] as Hex]: code(KEEPER),
      [FORWARDERS[0] as Hex]: code(forwarder('CALL', KEEPERS[0] as Hex)),
      ...Object.fromEntries(Object.entries(DOORS).map(([address, door]) => [address, code(door)])),
      [FORWARDERS[1] as Hex]: code(forwarder('DELEGATECALL', KEEPERS[1] as Hex)),
    } as never,
  });
}

const open: TestChain[] = [];
const directories: { remove(): void }[] = [];
afterEach(async () => {
  for (const chain of open.splice(0)) await chain.close();
  for (const directory of directories.splice(0)) directory.remove();
});

async function start(shared: ReturnType<typeof genesis>, dir?: string): Promise<TestChain> {
  const chain = await openTestChain({ genesis: shared, ...(dir === undefined ? {} : { dir }) });
  open.push(chain);
  return chain;
}

/** Signs drafts on top of the nonces of the head. */
function sign(chain: TestChain, drafts: readonly Draft[]): Uint8Array[] {
  const view = chain.chain.reader.stateAt(chain.chain.head().number);
  const nonces = new Map<number, number>();
  const nonceOf = (i: number) => nonces.get(i) ?? Number(view.account(accountAddress(i))?.nonce ?? 0n);
  return drafts.map(({ from, to, value, data, gasLimit, authorizations, isNative }) => {
    const nonce = nonceOf(from);
    nonces.set(from, nonce + 1);
    if (isNative === true && to === DATANET) return nativeCreation(from, nonce, value, gasLimit);
    const list = authorizations.map(({ by, target, ahead }) =>
      authorization(accountKey(by), target, nonceOf(by) + ahead),
    );
    return signedTransaction({
      key: accountKey(from),
      nonce,
      to: list.length > 0 ? (to ?? FACTORY) : to,
      value,
      data,
      gasLimit: gasLimit + BigInt(list.length) * 25_000n,
      ...(list.length > 0 ? { authorizationList: list } : {}),
    });
  });
}

/** The same creation as a native transaction (docs/execution.md). */
function nativeCreation(from: number, nonce: number, value: bigint, gasLimit: bigint): Uint8Array {
  const text = (value: string) => Buffer.from(value);
  const numbers = [BigInt(DEFAULT_PARAMS.chainId), BigInt(nonce), GWEI, 100n * GWEI, gasLimit, value, 1n];
  const fields = [text('name'), text('summary'), text('about'), [text('tag')]];
  const items: RlpItem[] = [...numbers.map((number) => bigintToBytes(number)), ...fields];
  const kind = Uint8Array.of(0x50);
  const { r, s, yParity } = signHash(keccak256(concat(kind, encodeRlp(items))), accountKey(from));
  return concat(kind, encodeRlp([...items, ...[BigInt(yParity), r, s].map((n) => bigintToBytes(n))]));
}

describe('nodes with different pasts', () => {
  it('A1: give the same roots and receipts for any block, whatever they have executed or forgotten before', async () => {
    const seed = Number(process.env['SEED'] ?? 20261122);
    const numRuns = Number(process.env['RUNS'] ?? 12);
    let succeeded = 0;
    let native = 0;
    await fc.assert(
      fc.asyncProperty(blocks, async (drafts) => {
        const shared = genesis();
        const place = temporaryDirectory();
        directories.push(place);
        const builder = await start(shared);
        const follower = await start(shared);
        let forgetful = await start(shared, place.dir);
        const made: { bytes: Uint8Array; hash: Hex }[] = [];
        for (const [i, list] of drafts.entries()) {
          const raws = sign(builder, list);
          // A rival of the same height, executed by both before and after what is decided.
          const rival = await builder.build([...raws].reverse(), { afterMs: 700 });
          const built = await builder.build(raws);
          succeeded += built.block.transactions.length;
          native += built.block.transactions.filter((raw) => raw[0] === 0x50).length;
          await follower.chain.check(rival.bytes);
          for (const chain of [follower, forgetful])
            expect(await chain.chain.check(built.bytes)).toMatchObject({ answer: 'valid' });
          expect(await follower.chain.check(rival.bytes)).toMatchObject({ answer: 'valid' });
          for (const chain of [builder, follower, forgetful]) await chain.commit(built.block.hash);
          made.push({ bytes: built.bytes, hash: built.block.hash });
          if (i % 2 === 0) {
            await forgetful.close();
            open.splice(open.indexOf(forgetful), 1);
            forgetful = await start(shared, place.dir);
          }
        }
        const late = await start(shared);
        for (const { bytes, hash } of made) {
          expect(await late.chain.check(bytes)).toMatchObject({ answer: 'valid' });
          await late.commit(hash);
        }
        expect(late.chain.head()).toEqual(builder.chain.head());
        for (const chain of open.splice(0)) await chain.close();
      }),
      { seed, numRuns, endOnFailure: true },
    );
    // Random blocks of which nothing runs would compare nothing.
    expect(succeeded).toBeGreaterThan(numRuns);
    expect(native).toBeGreaterThan(0);
  }, 120_000);
});
