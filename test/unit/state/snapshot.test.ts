/** A snapshot gives the very chain again, and nothing else: whatever is changed, left out or forged is refused. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeNode, type ReadNode, type TrieNode, toNibbles } from '../../../state/accounts/nodes.ts';
import { updateTrie } from '../../../state/accounts/trie.ts';
import { openChain } from '../../../state/chain.ts';
import { concat, equalBytes, fromHex, keccak256, toHex } from '../../../state/crypto.ts';
import { type DatabaseFiles, openDatabase } from '../../../state/db/database.ts';
import { COLUMN, numberKey } from '../../../state/db/keys.ts';
import { moduleTable } from '../../../state/execution/module-table.ts';
import { verifyDatabase } from '../../../state/maintenance/verify.ts';
import { decodeRlp, encodeRlp, type RlpItem } from '../../../state/rlp.ts';
import { createSnapshot } from '../../../state/snapshot/create.ts';
import { SnapshotError } from '../../../state/snapshot/format.ts';
import { startRestore, type Trust } from '../../../state/snapshot/restore.ts';
import type { Hex } from '../../../state/types.ts';
import { KEEPER } from './bytecode.ts';
import {
  accountAddress,
  accountKey,
  noPorts,
  openTestChain,
  signedTransaction,
  temporaryDirectory,
  testGenesis,
  testValidators,
  verifier,
  word,
} from './support.ts';

const KEEPER_AT: Hex = '0x00000000000000000000000000000000000d0001';
const BIG_AT: Hex = '0x00000000000000000000000000000000000d0002';
/** So much storage in one account that its trie has to be cut into several chunks. */
const BIG_SLOTS = 400;
const CHUNK_BYTES = 8 * 1024;
const storage = Object.fromEntries(
  Array.from({ length: BIG_SLOTS }, (_, i) => [toHex(word(i + 1)), toHex(keccak256(word(i)))]),
);
const validators = testValidators(4);
const genesis = testGenesis({
  validators,
  alloc: {
    [KEEPER_AT]: { balance: 0n, nonce: 1n, code: toHex(KEEPER) },
    [BIG_AT]: { balance: 1n, nonce: 1n, code: toHex(KEEPER), storage },
  },
});
const seed = Number(process.env['FC_SEED'] ?? 20_261_126);
/** Of one validator: as much as eight bytes hold. */
const POWER = new Uint8Array(8).fill(255);
const TIP = 12;
const AT = 9;

let source: { dir: string; remove(): void };
let genesisHash: Hex;
let hashes: Hex[];
let blocks: { bytes: Uint8Array; certificate: Uint8Array }[];
let manifest: Uint8Array;
let chunks: Uint8Array[];

const keep = (nonce: number, slot: number, value: number) =>
  signedTransaction({
    key: accountKey(0),
    nonce,
    to: KEEPER_AT,
    data: concat(word(slot), word(value), word(0)),
    gasLimit: 200_000n,
  });

beforeAll(async () => {
  source = temporaryDirectory();
  const chain = await openTestChain({ genesis, validators, dir: source.dir });
  for (let i = 0; i < TIP; i++) await chain.produce([keep(2 * i, i % 4, i), keep(2 * i + 1, 50 + i, i + 1)]);
  const { reader } = chain.chain;
  genesisHash = reader.genesisHash;
  hashes = Array.from({ length: TIP + 1 }, (_, i) => reader.hashByNumber(i)!);
  blocks = Array.from({ length: TIP }, (_, i) => ({
    bytes: reader.blockBytes(i + 1)!.slice(),
    certificate: reader.certificate(i + 1)!.slice(),
  }));
  await chain.close();
  chunks = [];
  manifest = await withDatabase(source.dir, (db) =>
    createSnapshot(db, {
      number: AT,
      evidenceMaxAgeBlocks: genesis.params.consensus.evidenceMaxAgeBlocks,
      recordAccounts: moduleTable.recordAccounts,
      chunkBytes: CHUNK_BYTES,
      onChunk: (index, bytes) => {
        expect(index).toBe(chunks.length);
        chunks.push(bytes);
      },
    }),
  );
});
afterAll(() => source.remove());

async function withDatabase<T>(dir: string, work: (db: DatabaseFiles) => Promise<T>): Promise<T> {
  const db = await openDatabase(dir);
  try {
    return await work(db);
  } finally {
    await db.close();
  }
}

/** Restores into a new folder and hands it over; it is removed afterwards. */
async function restore<T>(
  trust: Trust,
  then: (dir: string) => Promise<T>,
  given: { manifest?: Uint8Array; chunks?: readonly Uint8Array[] } = {},
): Promise<T> {
  const { dir, remove } = temporaryDirectory();
  try {
    await withDatabase(dir, async (db) => {
      const options = { genesisHash, params: genesis.params, trust, bls: verifier, modules: moduleTable };
      const restoring = startRestore(db, given.manifest ?? manifest, options);
      for (const chunk of given.chunks ?? chunks) await restoring.add(chunk);
      await restoring.finish();
    });
    return await then(dir);
  } finally {
    remove();
  }
}
const nothing = async (): Promise<void> => {};
const trustAt = (height: number): Trust => ({ height, hash: hashes[height]! });

const withField = (at: number, value: Uint8Array): Uint8Array =>
  encodeRlp((decodeRlp(manifest) as RlpItem[]).map((field, i) => (i === at ? value : field)));

describe('a snapshot', () => {
  it('is cut into chunks of bounded size, below the nodes that hold them together', () => {
    expect(chunks.length).toBeGreaterThan(2);
    for (const chunk of chunks) expect(chunk.length).toBeLessThan(2 * CHUNK_BYTES);
    const kinds = chunks.flatMap((chunk) =>
      (decodeRlp(chunk) as RlpItem[][]).map((part) => (part[0] as Uint8Array)[0]),
    );
    expect(new Set(kinds)).toEqual(new Set([1, 2, 3, 4]));
  });

  it.each([0, 4, AT])(
    'gives the chain again, whole, from the trusted block %i, and it goes on',
    async (height) => {
      await restore(trustAt(height), async (dir) => {
        const report = await withDatabase(dir, (db) =>
          verifyDatabase(db, { genesisHash, recordAccounts: moduleTable.recordAccounts, bls: verifier }),
        );
        expect(report).toMatchObject({ problems: [], head: AT, headers: AT + 1, bodies: 1 });
        expect(report.slots).toBeGreaterThan(BIG_SLOTS);
        const chain = await openChain({ dir, genesis, ports: noPorts, bls: verifier });
        for (const { bytes, certificate } of blocks.slice(AT)) {
          const answer = await chain.check(bytes);
          if (answer.answer !== 'valid') throw new Error(JSON.stringify(answer));
          await chain.commit(answer.block.hash, certificate);
        }
        expect(chain.head()).toMatchObject({ number: TIP, hash: hashes[TIP] });
        // Evidence against any block of the window can be judged.
        for (let number = 1; number <= TIP; number++) expect(chain.reader.validators(number)).toHaveLength(4);
        expect(() => chain.reader.receipts(3)).toThrow(/no longer kept/);
        await chain.close();
      });
    },
  );

  it('is refused when it does not hang on the trusted block', async () => {
    await expect(restore({ height: 4, hash: hashes[5]! }, nothing)).rejects.toMatchObject({
      code: 'NOT_TRUSTED',
    });
    await expect(restore(trustAt(TIP), nothing)).rejects.toMatchObject({ code: 'NOT_TRUSTED' });
    await expect(restore({ height: 4, hash: `0x${'00'.repeat(32)}` }, nothing)).rejects.toBeInstanceOf(
      SnapshotError,
    );
  });

  it('is refused when the votes for its block are not those of the validators', async () => {
    const fields = decodeRlp(manifest) as Uint8Array[];
    const forged = await withDatabase(source.dir, async (db) =>
      db.get(numberKey(COLUMN.certificate, AT - 1))!.slice(),
    );
    const replaced = encodeRlp(fields.map((field, i) => (i === 3 ? forged : field)));
    await expect(restore(trustAt(0), nothing, { manifest: replaced })).rejects.toMatchObject({
      code: 'NOT_TRUSTED',
    });
    const signature = fields[3]!.slice();
    signature[signature.length - 1]! ^= 1;
    const broken = encodeRlp(fields.map((field, i) => (i === 3 ? signature : field)));
    await expect(restore(trustAt(0), nothing, { manifest: broken })).rejects.toBeInstanceOf(SnapshotError);
  });

  it('is refused without a chunk, with one twice, in another order, or with more than there are', async () => {
    const last = chunks.length - 1;
    const cases = [
      chunks.slice(0, last),
      chunks.slice(1),
      [...chunks.slice(0, last), chunks[last - 1]!],
      [chunks[1]!, chunks[0]!, ...chunks.slice(2)],
      [...chunks, chunks[last]!],
    ];
    for (const [i, given] of cases.entries())
      await expect(restore(trustAt(0), nothing, { chunks: given }), `case ${i}`).rejects.toBeInstanceOf(
        SnapshotError,
      );
  });

  it('is refused when a record comes without its body, or an account without its code', async () => {
    const without = (kind: number, field: number) =>
      chunks.map((chunk) =>
        encodeRlp(
          (decodeRlp(chunk) as RlpItem[][]).map((part) =>
            (part[0] as Uint8Array)[0] !== kind
              ? part
              : part.map((item, i) =>
                  i === part.length - 1
                    ? (item as Uint8Array[][]).map((leaf) =>
                        leaf.map((one, at) => (at === field ? new Uint8Array(0) : one)),
                      )
                    : item,
                ),
          ),
        ),
      );
    await expect(restore(trustAt(0), nothing, { chunks: without(4, 2) })).rejects.toThrow(/without its body/);
    await expect(restore(trustAt(0), nothing, { chunks: without(3, 2) })).rejects.toThrow(
      /code .* is missing/,
    );
  });

  it('is refused when an account comes as a node of the trie, so that its value would be nowhere', async () => {
    const victim = fromHex(accountAddress(0), 20);
    const hidden = toNibbles(keccak256(victim));
    /** Inner nodes one by one, each account by itself, the victim as a leaf that looks like a node. */
    const pulledApart = (prefix: Uint8Array, items: Uint8Array[][]): RlpItem[] => {
      const leaves = items.map(([address, value]) => ({
        key: toNibbles(keccak256(address!)).slice(prefix.length),
        value: value!,
      }));
      const parts: RlpItem[] = [];
      const walk = (node: TrieNode, path: Uint8Array): void => {
        const read = node as ReadNode;
        const single = [Uint8Array.of(2), new Uint8Array(0), path, encodeNode(read)];
        if (read.kind === 'leaf') {
          const whole = concat(path, read.path);
          const item = items.find(([address]) => equalBytes(toNibbles(keccak256(address!)), whole))!;
          parts.push(equalBytes(whole, hidden) ? single : [Uint8Array.of(3), path, [item]]);
          return;
        }
        parts.push(single);
        if (read.kind === 'extension') walk(read.child, concat(path, read.path));
        else
          for (const [i, child] of read.children.entries())
            if (child !== null) walk(child, concat(path, Uint8Array.of(i)));
      };
      walk(updateTrie(null, leaves, () => undefined)!, prefix);
      return parts;
    };
    const forged = chunks.map((chunk) =>
      encodeRlp(
        (decodeRlp(chunk) as RlpItem[][]).flatMap((part): RlpItem[] => {
          const kind = (part[0] as Uint8Array)[0];
          if (kind === 3) return pulledApart(part[1] as Uint8Array, part[2] as Uint8Array[][]);
          return [part];
        }),
      ),
    );
    await expect(restore(trustAt(0), nothing, { chunks: forged })).rejects.toMatchObject({
      code: 'WRONG_CHUNK',
      message: expect.stringMatching(/as an inner node/),
    });
  });

  it('is refused when the block has another time, other votes or another reveal than its header says', async () => {
    const block = decodeRlp(blocks[AT - 1]!.bytes) as RlpItem[];
    for (const [field, value] of [
      [1, [Uint8Array.of(1)]],
      [5, concat(block[5] as Uint8Array, Uint8Array.of(1))],
      [6, (block[6] as Uint8Array).map((byte) => byte ^ 1)],
      [7, new Uint8Array(0)],
    ] as const) {
      const other = encodeRlp(block.map((item, i) => (i === field ? (value as RlpItem) : item)));
      await expect(
        restore(trustAt(0), nothing, { manifest: withField(5, other) }),
        `field ${field}`,
      ).rejects.toBeInstanceOf(SnapshotError);
    }
  });

  it('is refused before a list of a million bytes becomes a million items in memory', async () => {
    const rubbish = encodeRlp(Array.from({ length: 1 << 20 }, () => Uint8Array.of(1)));
    const refused = (given: Parameters<typeof restore>[2]) =>
      expect(restore(trustAt(0), nothing, given)).rejects.toMatchObject({
        code: 'MALFORMED',
        message: 'too many items',
      });
    await refused({ manifest: rubbish });
    await refused({ chunks: [rubbish] });
    // A block of nobody's, whose parent is the rubbish.
    const block = decodeRlp(blocks[AT - 1]!.bytes) as RlpItem[];
    const header = (block[0] as RlpItem[]).map((item, i) => (i === 0 ? keccak256(rubbish) : item));
    const fields = decodeRlp(manifest) as RlpItem[];
    const chunk = decodeRlp(chunks[0]!) as RlpItem[][][];
    const set = (chunk[0]![1]![0] as unknown as RlpItem[])[1]!;
    await refused({
      manifest: encodeRlp(
        fields.map((field, i) =>
          i === 2 ? encodeRlp(header) : i === 5 ? encodeRlp([header, ...block.slice(1)]) : field,
        ),
      ),
      chunks: [
        encodeRlp([
          [
            Uint8Array.of(1),
            [
              [encodeRlp(header), set, new Uint8Array(0)],
              [rubbish, set, new Uint8Array(0)],
            ],
          ],
        ]),
      ],
    });
  });

  it('does not gather the sets of a chain that nobody signed', async () => {
    setFlagsFromString('--expose_gc');
    const collect = runInNewContext('gc') as () => void;
    const count = 120;
    const number = 10_000;
    const members = Array.from({ length: 1_024 }, (_, i) => {
      const name = keccak256(word(i));
      return [i, name.slice(0, 20), concat(name, name.slice(0, 16))] as const;
    }).sort(([, a], [, b]) => Buffer.compare(a, b));
    const block = decodeRlp(blocks[AT - 1]!.bytes) as RlpItem[];
    const items: RlpItem[] = [];
    let header: RlpItem[] = [];
    for (let at = number - count + 1; at <= number; at++) {
      const power = concat(Uint8Array.of(1), word(at).slice(29));
      const set = encodeRlp(
        members.map(([, address, key]) => [address, key, power, address, new Uint8Array(0)] as RlpItem[]),
      );
      const parent = header.length === 0 ? null : keccak256(encodeRlp(header));
      // The reveal has to fit, like everything else that a hash can tell.
      const randao =
        at === number ? keccak256(concat(header[13] as Uint8Array, block[6] as Uint8Array)) : null;
      header = (block[0] as RlpItem[]).map((item, i) =>
        i === 13 && randao !== null
          ? randao
          : i === 0 && parent !== null
            ? parent
            : i === 8
              ? word(at).slice(30)
              : i === 12
                ? keccak256(set)
                : item,
      );
      items.unshift([encodeRlp(header), set, new Uint8Array(0)]);
    }
    const voters = (items[1] as Uint8Array[])[1]!;
    const forged = encodeRlp(
      (decodeRlp(manifest) as RlpItem[]).map((field, i) =>
        i === 1
          ? word(number).slice(30)
          : i === 2
            ? encodeRlp(header)
            : i === 4
              ? voters
              : i === 5
                ? encodeRlp([header, ...block.slice(1)])
                : field,
      ),
    );
    const { dir, remove } = temporaryDirectory();
    try {
      await withDatabase(dir, async (db) => {
        const options = {
          genesisHash,
          params: genesis.params,
          trust: trustAt(4),
          bls: verifier,
          modules: moduleTable,
        };
        const restoring = startRestore(db, forged, options);
        collect();
        const before = process.memoryUsage().heapUsed;
        for (let at = 0; at < count; at += 20)
          await restoring.add(encodeRlp([[Uint8Array.of(1), items.slice(at, at + 20)]]));
        collect();
        expect(process.memoryUsage().heapUsed - before).toBeLessThan(20 << 20);
      });
    } finally {
      remove();
    }
  });

  it('is refused when a chunk brings nothing: a million of those would hold an empty node up for hours', async () => {
    for (const empty of [[], [[Uint8Array.of(1), []]]])
      await expect(
        restore(trustAt(0), nothing, {
          manifest: withField(6, Uint8Array.of(chunks.length + 1)),
          chunks: [encodeRlp(empty), ...chunks],
        }),
      ).rejects.toMatchObject({ code: 'WRONG_CHUNK' });
  });

  it('is refused, like any other rubbish, when a set in it has more power than there can be', async () => {
    const [chunk] = chunks.map((one) => decodeRlp(one) as RlpItem[][][]);
    const set = decodeRlp((chunk![0]![1]![0] as unknown as Uint8Array[])[1]!) as Uint8Array[][];
    const mighty = encodeRlp(set.map((member) => member.map((field, i) => (i === 2 ? POWER : field))));
    const block = decodeRlp(blocks[AT - 1]!.bytes) as RlpItem[];
    const header = (block[0] as RlpItem[]).map((item, i) => (i === 12 ? keccak256(mighty) : item));
    const forged = encodeRlp(
      (decodeRlp(manifest) as RlpItem[]).map((field, i) =>
        i === 2 ? encodeRlp(header) : i === 5 ? encodeRlp([header, ...block.slice(1)]) : field,
      ),
    );
    const history = [Uint8Array.of(1), [[encodeRlp(header), mighty, new Uint8Array(0)]]];
    await expect(
      restore(trustAt(0), nothing, { manifest: forged, chunks: [encodeRlp([history])] }),
    ).rejects.toMatchObject({ name: 'SnapshotError', message: expect.stringMatching(/power/) });
  });

  it('is refused whichever byte is changed, always with an error that says so', async () => {
    const { dir, remove } = temporaryDirectory();
    const db = await openDatabase(dir);
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.nat(chunks.length - 1),
          fc.nat(),
          fc.integer({ min: 1, max: 255 }),
          async (index, at, mask) => {
            const changed = chunks[index]!.slice();
            changed[at % changed.length]! ^= mask;
            const options = {
              genesisHash,
              params: genesis.params,
              trust: trustAt(0),
              bls: verifier,
              modules: moduleTable,
            };
            const restoring = startRestore(db, manifest, options);
            const run = async (): Promise<void> => {
              for (const [i, chunk] of chunks.entries()) await restoring.add(i === index ? changed : chunk);
            };
            // Refused by the very chunk, not only at the end.
            await expect(run()).rejects.toBeInstanceOf(SnapshotError);
          },
        ),
        { numRuns: 40, seed },
      );
    } finally {
      await db.close();
      remove();
    }
  });

  it('is refused as a manifest of any other bytes', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, mask, isCut) => {
        const changed = isCut ? manifest.slice(0, at % manifest.length) : manifest.slice();
        if (!isCut) changed[at % changed.length]! ^= mask;
        try {
          const options = {
            genesisHash,
            params: genesis.params,
            trust: trustAt(0),
            bls: verifier,
            modules: moduleTable,
          };
          const restoring = startRestore({} as DatabaseFiles, changed, options);
          // Certificate, voters and the number of chunks are judged when the headers come.
          expect(restoring.hash).toBe(hashes[AT]);
        } catch (error) {
          expect(error).toBeInstanceOf(SnapshotError);
        }
      }),
      { numRuns: 200, seed },
    );
  });
});
