/**
 * A snapshot above the trusted block, with changes of the validators in between: one joins, one leaves, one becomes
 * stronger than all others together. The way up is signed by the members of each time, or it is not taken.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificate } from '../../../consensus/certificate.ts';
import { decodeCertificate, encodeCertificate } from '../../../consensus/codec.ts';
import { voteSignBytes } from '../../../consensus/sign-bytes.ts';
import { asHeight, asRound } from '../../../consensus/types.ts';
import { hasBit } from '../../../consensus/validator-set/set.ts';
import { provePossession } from '../../../node/keys/consensus-key.ts';
import { type decodeRecords, toValidatorSet } from '../../../state/block/validators.ts';
import { openDatabase } from '../../../state/db/database.ts';
import { moduleTable } from '../../../state/execution/module-table.ts';
import { stakingInterface } from '../../../state/modules/interfaces.ts';
import { decodeRlp, encodeRlp, type RlpItem } from '../../../state/rlp.ts';
import { createSnapshot, sameMembers } from '../../../state/snapshot/create.ts';
import { startRestore } from '../../../state/snapshot/restore.ts';
import type { Hex } from '../../../state/types.ts';
import {
  accountAddress,
  accountKey,
  openTestChain,
  signedTransaction,
  type TestValidator,
  temporaryDirectory,
  testGenesis,
  testValidators,
  verifier,
} from './support.ts';

const OPEN = 10n ** 18n;
const TIP = 14;
const AT = 12;
/** Operators are accounts 0 to 3, so that they can send transactions; the fifth joins later. */
const validators: TestValidator[] = testValidators(5).map((one, i) => ({
  ...one,
  address: accountAddress(i),
}));
const genesis = testGenesis({ validators: validators.slice(0, 4) });

let source: { dir: string; remove(): void };
let genesisHash: Hex;
let hashes: Hex[];
let sets: ReturnType<typeof decodeRecords>[];
let manifest: Uint8Array;
let chunks: Uint8Array[];

const staking = (from: number, name: 'unbond' | 'register' | 'bond', args: readonly unknown[], value = 0n) =>
  signedTransaction({
    key: accountKey(from),
    nonce: 0,
    to: stakingInterface.address,
    data: stakingInterface.encodeCall(name, args as never),
    gasLimit: 10_000_000n,
    value,
  });

beforeAll(async () => {
  source = temporaryDirectory();
  const chain = await openTestChain({ genesis, validators, dir: source.dir });
  const { reader } = chain.chain;
  genesisHash = reader.genesisHash;
  const joining = validators[4]!;
  const key = { secretKey: joining.secret.toBytes(), publicKey: joining.secret.toPublicKey().toBytes() };
  const happenings: Record<number, Uint8Array> = {
    2: staking(
      4,
      'register',
      [key.publicKey, provePossession(key, joining.address, genesisHash), joining.recipient],
      20n * OPEN,
    ),
    5: staking(0, 'unbond', [10n * OPEN]),
    8: staking(4 - 3, 'bond', [], 500n * OPEN),
  };
  for (let height = 1; height <= TIP; height++) {
    const sent = happenings[height];
    await chain.produce(sent === undefined ? [] : [sent]);
    if (sent !== undefined)
      expect(reader.receipts(height)![0], `the transaction of block ${height}`).toMatchObject({ status: 1 });
  }
  hashes = Array.from({ length: TIP + 1 }, (_, i) => reader.hashByNumber(i)!);
  sets = Array.from({ length: TIP + 1 }, (_, i) => [...reader.validators(i + 1)!]);
  await chain.close();
  chunks = [];
  const db = await openDatabase(source.dir);
  manifest = await createSnapshot(db, {
    number: AT,
    evidenceMaxAgeBlocks: genesis.params.consensus.evidenceMaxAgeBlocks,
    recordAccounts: moduleTable.recordAccounts,
    onChunk: (_, bytes) => chunks.push(bytes),
  });
  await db.close();
});
afterAll(() => source.remove());

async function restore(trusted: number, given: readonly Uint8Array[] = chunks): Promise<Hex> {
  const { dir, remove } = temporaryDirectory();
  const db = await openDatabase(dir);
  try {
    const restoring = startRestore(db, manifest, {
      genesisHash,
      params: genesis.params,
      trust: { height: trusted, hash: hashes[trusted]! },
      bls: verifier,
      modules: moduleTable,
    });
    for (const chunk of given) await restoring.add(chunk);
    return (await restoring.finish()).hash;
  } finally {
    await db.close();
    remove();
  }
}

/** The heights whose certificate lies in the snapshot: the last block that each set decided. */
function changesIn(given: readonly Uint8Array[]): number[] {
  const heights: number[] = [];
  forged(given, (height, certificate) => {
    if (certificate.length > 0) heights.push(height);
    return certificate;
  });
  return heights.reverse();
}

/** The chunks with the certificate of each header replaced. */
function forged(
  given: readonly Uint8Array[],
  change: (height: number, certificate: Uint8Array) => Uint8Array,
): Uint8Array[] {
  let height = AT;
  return given.map((chunk) =>
    encodeRlp(
      (decodeRlp(chunk) as RlpItem[][]).map((part) =>
        (part[0] as Uint8Array)[0] !== 1
          ? part
          : [
              part[0]!,
              (part[1] as Uint8Array[][]).map(([header, set, certificate]) => [
                header!,
                set!,
                change(height--, certificate!),
              ]),
            ],
      ),
    ),
  );
}

/** A certificate of a block by some of the members of a set, as they would sign it. */
function signedBy(height: number, members: readonly string[], set = sets[height - 1]!): Uint8Array {
  const vote = {
    type: 'precommit' as const,
    height: asHeight(height),
    round: asRound(0),
    blockHash: hashes[height]!,
  };
  const message = voteSignBytes(genesisHash, vote);
  const votes = validators
    .filter(({ address }) => members.includes(address))
    .map(({ address, secret }) => ({
      ...vote,
      validator: address,
      signature: secret.sign(message).toBytes(),
    }));
  return encodeCertificate(makeCertificate(toValidatorSet(set), votes, (all) => verifier.aggregate(all)));
}

describe('a snapshot above changes of the validators', () => {
  it('has the certificates of the blocks at which members change', () => {
    const members = sets.map((set) => set.length);
    expect(new Set(members)).toEqual(new Set([4, 5]));
    const changes = sets.flatMap((set, i) => (i > 0 && !sameMembers(sets[i - 1]!, set) ? [i] : []));
    expect(changes).toHaveLength(3);
    expect(changesIn(chunks)).toEqual(changes);
  });

  it.each([0, 3, 4, 7, 10, AT])('is restored from the trusted block %i', async (height) => {
    expect(await restore(height)).toBe(hashes[AT]);
  });

  it('is refused when one link of the way up is missing, though the block itself is signed', async () => {
    for (const at of changesIn(chunks)) {
      const without = forged(chunks, (height, one) => (height === at ? new Uint8Array(0) : one));
      await expect(restore(0, without), `without ${at}`).rejects.toMatchObject({ name: 'SnapshotError' });
      // From above the missing link nobody needs it.
      expect(await restore(at + 1, without)).toBe(hashes[AT]);
    }
  });

  it('is refused when a link is signed by the members after the change instead of those before', async () => {
    const [joined, left, grown] = changesIn(chunks) as [number, number, number];
    // Who had a tenth of the power before it bonded more cannot vouch for the change that makes it strong.
    const strong = accountAddress(1);
    for (const [at, by] of [
      [grown, [strong]],
      [left, [accountAddress(0)]],
      [joined, [accountAddress(0), accountAddress(1)]],
    ] as const) {
      const alone = forged(chunks, (height, one) => (height === at ? signedBy(height, by) : one));
      await expect(restore(0, alone), `${at}`).rejects.toMatchObject({ code: 'NOT_TRUSTED' });
    }
    const after = signedBy(
      grown,
      sets[grown]!.map(({ address }) => address),
      sets[grown]!,
    );
    const bits = decodeCertificate(after).bitmap;
    expect(sets[grown]!.every((_, i) => hasBit(bits, i))).toBe(true);
  });

  it('is refused when a link is the certificate of another block', async () => {
    const [joined, left] = changesIn(chunks) as [number, number];
    const all = sets[left - 1]!.map(({ address }) => address);
    const swapped = forged(chunks, (height, one) => (height === left ? signedBy(left - 1, all) : one));
    await expect(restore(0, swapped)).rejects.toMatchObject({ code: 'NOT_TRUSTED' });
    expect(joined).toBeLessThan(left);
  });
});
