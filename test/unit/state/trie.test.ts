import { createMPT } from '@ethereumjs/mpt';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeNode,
  type NodeSource,
  rootHash,
  stub,
  type TrieNode,
  toNibbles,
} from '../../../state/accounts/nodes.ts';
import {
  compareTries,
  getFromTrie,
  markPersisted,
  pathToKey,
  updateTrie,
  walkLeaves,
} from '../../../state/accounts/trie.ts';
import { bareHex, fromHex, keccak256, toHex } from '../../../state/crypto.ts';

/** A store of nodes by path, as the database has them. */
function memoryStore() {
  const nodes = new Map<string, Uint8Array>();
  const source: NodeSource = (path) => nodes.get(path.join());
  return { nodes, source };
}

/** Writes the difference of two trees into the store, as a commit does. */
function store(
  nodes: Map<string, Uint8Array>,
  before: TrieNode | null,
  after: TrieNode | null,
  source: NodeSource,
): void {
  const { put, remove } = compareTries(before, after, source);
  for (const path of remove) nodes.delete(path.join());
  for (const { path, node } of put) nodes.set(path.join(), encodeNode(node));
  markPersisted(after);
}

/** Keys that share long prefixes, so that extensions, splits and joins all happen. */
const clumpedKey = fc
  .tuple(
    fc.constantFrom(0, 1, 2),
    fc.integer({ min: 0, max: 5 }),
    fc.integer({ min: 0, max: 63 }),
    fc.integer({ min: 0, max: 15 }),
  )
  .map(([head, middle, position, nibble]) => {
    const nibbles = new Array(64).fill(head);
    nibbles[20] = middle;
    nibbles[position] = nibble;
    return fromHex(`0x${nibbles.map((n) => n.toString(16)).join('')}`);
  });
/** Values of one byte make nodes short enough to live inside their parents. */
const value = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 2 }),
  fc.uint8Array({ minLength: 33, maxLength: 70 }),
);
const batches = fc.array(
  fc.array(fc.tuple(clumpedKey, fc.option(value, { nil: undefined })), { minLength: 1, maxLength: 12 }),
  { minLength: 1, maxLength: 10 },
);

describe('the trie of accounts', () => {
  it('has the root of @ethereumjs/mpt after any batches of writes and deletes, also when read back from its store', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (sequence) => {
        const peer = await createMPT();
        const { nodes, source } = memoryStore();
        let root: TrieNode | null = null;
        const expected = new Map<string, Uint8Array>();
        for (const batch of sequence) {
          const changes = new Map(batch.map(([key, v]) => [bareHex(key), { key, v }]));
          for (const { key, v } of changes.values()) {
            if (v === undefined) {
              await peer.del(key);
              expected.delete(bareHex(key));
            } else {
              await peer.put(key, v);
              expected.set(bareHex(key), v);
            }
          }
          const after = updateTrie(
            root,
            [...changes.values()].map(({ key, v }) => ({ key: toNibbles(key), value: v })),
            source,
          );
          expect(toHex(rootHash(after))).toBe(toHex(peer.root()));
          store(nodes, root, after, source);
          // Half of the time everything in memory is forgotten.
          root = after === null ? null : expected.size % 2 === 0 ? after : stub(rootHash(after));
        }
        // The store holds exactly the nodes of the tree: rebuilt from nothing it is the same.
        const rebuilt = memoryStore();
        const whole = updateTrie(
          null,
          [...expected].map(([key, v]) => ({ key: toNibbles(fromHex(`0x${key}`)), value: v })),
          rebuilt.source,
        );
        store(rebuilt.nodes, null, whole, rebuilt.source);
        expect([...nodes].sort()).toEqual([...rebuilt.nodes].sort());
        const listed: string[] = [];
        walkLeaves(root, undefined, source, (key, v) => {
          listed.push(`${key.join('')}:${bareHex(v)}`);
          return true;
        });
        expect(listed).toHaveLength(expected.size);
        for (const [key, v] of expected)
          expect(getFromTrie(root, toNibbles(fromHex(`0x${key}`)), source)).toEqual(v);
      }),
      { numRuns: 150 },
    );
  });

  it('leaves the older tree as it was: two children of one parent do not see each other', () => {
    const { nodes, source } = memoryStore();
    const keys = Array.from({ length: 50 }, (_, i) => toNibbles(keccak256(Uint8Array.of(i))));
    const parent = updateTrie(
      null,
      keys.map((key) => ({ key, value: Uint8Array.of(1) })),
      source,
    );
    store(nodes, null, parent, source);
    const before = toHex(rootHash(parent));
    const left = updateTrie(parent, [{ key: keys[0]!, value: Uint8Array.of(2) }], source);
    const right = updateTrie(parent, [{ key: keys[0]!, value: undefined }], source);
    expect(toHex(rootHash(parent))).toBe(before);
    expect(getFromTrie(left, keys[0]!, source)).toEqual(Uint8Array.of(2));
    expect(getFromTrie(right, keys[0]!, source)).toBeUndefined();
    expect(getFromTrie(parent, keys[0]!, source)).toEqual(Uint8Array.of(1));
    expect(updateTrie(parent, [{ key: keys[1]!, value: Uint8Array.of(1) }], source)).toBe(parent);
  });

  it('starts a walk behind a key and stops when told', () => {
    const { source } = memoryStore();
    const keys = Array.from({ length: 40 }, (_, i) => keccak256(Uint8Array.of(i))).sort(Buffer.compare);
    const root = updateTrie(
      null,
      keys.map((key) => ({ key: toNibbles(key), value: Uint8Array.of(7) })),
      source,
    );
    const seen: string[] = [];
    walkLeaves(root, toNibbles(keys[9]!), source, (key) => {
      seen.push(key.join());
      return seen.length < 5;
    });
    expect(seen).toEqual(keys.slice(10, 15).map((key) => toNibbles(key).join()));
  });

  it('refuses a stored node that is not the one its parent names', () => {
    const { nodes, source } = memoryStore();
    const key = toNibbles(keccak256(Uint8Array.of(1)));
    const other = toNibbles(keccak256(Uint8Array.of(2)));
    const root = updateTrie(
      null,
      [
        { key, value: Buffer.alloc(40, 1) },
        { key: other, value: Buffer.alloc(40, 2) },
      ],
      source,
    );
    store(nodes, null, root, source);
    nodes.set(Uint8Array.of(key[0]!).join(), nodes.get(Uint8Array.of(other[0]!).join())!);
    expect(() => pathToKey(stub(rootHash(root)), key, source)).toThrow(/does not have the hash/);
  });
});
