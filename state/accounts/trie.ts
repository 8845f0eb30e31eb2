/** Changing, reading and comparing tries. Every change makes a new tree that shares the rest with the old one. */
import {
  branch,
  extension,
  isStored,
  leaf,
  type Nibbles,
  type NodeSource,
  type ReadNode,
  resolve,
  type TrieNode,
} from './nodes.ts';

/** `value` undefined deletes the key. */
export interface TrieChange {
  /** 64 nibbles of the key's hash. */
  key: Nibbles;
  value: Uint8Array | undefined;
}

function compareNibbles(a: Nibbles, b: Nibbles): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

function sharedPrefix(a: Nibbles, fromA: number, b: Nibbles, fromB: number): number {
  const most = Math.min(a.length - fromA, b.length - fromB);
  let length = 0;
  while (length < most && a[fromA + length] === b[fromB + length]) length++;
  return length;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The tree after `changes` (any order; a key at most once). The same object if nothing changes. */
export function updateTrie(
  root: TrieNode | null,
  changes: readonly TrieChange[],
  source: NodeSource,
): TrieNode | null {
  if (changes.length === 0) return root;
  const sorted = [...changes].sort((a, b) => compareNibbles(a.key, b.key));
  return update(root, 0, sorted, 0, sorted.length, source);
}

/** Applies sorted changes [low, high), which agree in their first `depth` nibbles, to the subtree there. */
function update(
  node: TrieNode | null,
  depth: number,
  changes: readonly TrieChange[],
  low: number,
  high: number,
  source: NodeSource,
): TrieNode | null {
  if (node === null) return build(depth, changes, low, high, source);
  const path = changes[low]!.key.subarray(0, depth);
  const read = resolve(node, path, source);
  if (read.kind === 'leaf') return updateLeaf(node, read, depth, changes, low, high, source);
  if (read.kind === 'extension') {
    // All changes lie below the extension if the first and the last do.
    const length = read.path.length;
    const first = sharedPrefix(read.path, 0, changes[low]!.key, depth);
    const last = sharedPrefix(read.path, 0, changes[high - 1]!.key, depth);
    if (first === length && last === length) {
      const child = update(read.child, depth + length, changes, low, high, source);
      if (child === read.child) return node;
      return join(read.path, child, changes[low]!.key.subarray(0, depth + length), source);
    }
    // Otherwise it is cut after its first nibble, and the rest hangs in a branch.
    const children = new Array<TrieNode | null>(16).fill(null);
    children[read.path[0]!] = length === 1 ? read.child : extension(read.path.slice(1), read.child);
    return updateBranch(node, children, depth, changes, low, high, source);
  }
  return updateBranch(node, read.children, depth, changes, low, high, source);
}

function updateLeaf(
  node: TrieNode,
  read: ReadNode & { kind: 'leaf' },
  depth: number,
  changes: readonly TrieChange[],
  low: number,
  high: number,
  source: NodeSource,
): TrieNode | null {
  const key = new Uint8Array(depth + read.path.length);
  key.set(changes[low]!.key.subarray(0, depth));
  key.set(read.path, depth);
  const merged: TrieChange[] = [];
  let placed = false;
  for (let i = low; i < high; i++) {
    const change = changes[i]!;
    const order = placed ? 1 : compareNibbles(change.key, key);
    if (order === 0) {
      placed = true;
      if (high - low === 1 && change.value !== undefined && equalBytes(change.value, read.value)) return node;
    } else if (order > 0 && !placed) {
      merged.push({ key, value: read.value });
      placed = true;
    }
    merged.push(change);
  }
  if (!placed) merged.push({ key, value: read.value });
  const kept = merged.filter((change) => change.value !== undefined);
  if (kept.length === 1 && kept[0]!.key === key) return node;
  return build(depth, kept, 0, kept.length, source);
}

function updateBranch(
  node: TrieNode,
  before: readonly (TrieNode | null)[],
  depth: number,
  changes: readonly TrieChange[],
  low: number,
  high: number,
  source: NodeSource,
): TrieNode | null {
  let children: (TrieNode | null)[] | undefined;
  for (let at = low; at < high; ) {
    const nibble = changes[at]!.key[depth]!;
    let end = at + 1;
    while (end < high && changes[end]!.key[depth] === nibble) end++;
    const child = update(before[nibble]!, depth + 1, changes, at, end, source);
    if (child !== before[nibble]) {
      children ??= before.slice();
      children[nibble] = child;
    }
    at = end;
  }
  if (children === undefined) return node;
  let count = 0;
  let only = -1;
  for (let i = 0; i < 16; i++)
    if (children[i] !== null) {
      count++;
      only = i;
    }
  if (count === 0) return null;
  if (count > 1) return branch(children);
  const path = new Uint8Array(depth + 1);
  path.set(changes[low]!.key.subarray(0, depth));
  path[depth] = only;
  return join(Uint8Array.of(only), children[only]!, path, source);
}

/** A subtree under a path of its own: leaves and extensions take the path in. `path` is where the child stands. */
function join(prefix: Nibbles, child: TrieNode | null, path: Nibbles, source: NodeSource): TrieNode | null {
  if (child === null) return null;
  const read = resolve(child, path, source);
  if (read.kind === 'branch') return extension(prefix, child);
  const whole = new Uint8Array(prefix.length + read.path.length);
  whole.set(prefix);
  whole.set(read.path, prefix.length);
  return read.kind === 'leaf' ? leaf(whole, read.value) : extension(whole, read.child);
}

function build(
  depth: number,
  changes: readonly TrieChange[],
  low: number,
  high: number,
  source: NodeSource,
): TrieNode | null {
  const present: TrieChange[] = [];
  for (let i = low; i < high; i++) if (changes[i]!.value !== undefined) present.push(changes[i]!);
  return present.length === 0 ? null : buildPresent(depth, present, 0, present.length, source);
}

function buildPresent(
  depth: number,
  entries: readonly TrieChange[],
  low: number,
  high: number,
  source: NodeSource,
): TrieNode {
  const first = entries[low]!;
  if (high - low === 1) return leaf(first.key.slice(depth), first.value!);
  const shared = sharedPrefix(first.key, depth, entries[high - 1]!.key, depth);
  const at = depth + shared;
  const children = new Array<TrieNode | null>(16).fill(null);
  for (let start = low; start < high; ) {
    const nibble = entries[start]!.key[at]!;
    let end = start + 1;
    while (end < high && entries[end]!.key[at] === nibble) end++;
    children[nibble] = buildPresent(at + 1, entries, start, end, source);
    start = end;
  }
  const node = branch(children);
  return shared === 0 ? node : extension(first.key.slice(depth, at), node);
}

/** Value of a key (64 nibbles), or undefined. */
export function getFromTrie(root: TrieNode | null, key: Nibbles, source: NodeSource): Uint8Array | undefined {
  let node = root;
  let depth = 0;
  while (node !== null) {
    const read = resolve(node, key.subarray(0, depth), source);
    if (read.kind === 'branch') {
      node = read.children[key[depth]!]!;
      depth++;
      continue;
    }
    const shared = sharedPrefix(read.path, 0, key, depth);
    if (shared < read.path.length) return undefined;
    if (read.kind === 'leaf') return read.value;
    node = read.child;
    depth += shared;
  }
  return undefined;
}

/** Nodes on the way to a key, from the root: what proves the value, or that there is none. */
export function pathToKey(root: TrieNode | null, key: Nibbles, source: NodeSource): ReadNode[] {
  const nodes: ReadNode[] = [];
  let node = root;
  let depth = 0;
  while (node !== null) {
    const read = resolve(node, key.subarray(0, depth), source);
    // What is stored inside its parent is proved by the parent.
    if (depth === 0 || isStored(node)) nodes.push(read);
    if (read.kind === 'branch') {
      node = read.children[key[depth]!]!;
      depth++;
      continue;
    }
    const shared = sharedPrefix(read.path, 0, key, depth);
    if (read.kind === 'leaf' || shared < read.path.length) break;
    node = read.child;
    depth += shared;
  }
  return nodes;
}

/** Leaves with keys after `after` (all if undefined), in order, until `visit` returns false. */
export function walkLeaves(
  root: TrieNode | null,
  after: Nibbles | undefined,
  source: NodeSource,
  visit: (key: Nibbles, value: Uint8Array) => boolean,
): void {
  /** Order of the subtree at `path` relative to `after`: before it, around it, or beyond it. */
  const walk = (node: TrieNode, path: Nibbles): boolean => {
    if (after !== undefined) {
      const shared = sharedPrefix(path, 0, after, 0);
      if (shared < path.length && path[shared]! < after[shared]!) return true;
    }
    const read = resolve(node, path, source);
    if (read.kind === 'branch') {
      for (let i = 0; i < 16; i++) {
        const child = read.children[i]!;
        if (child !== null && !walk(child, append(path, i))) return false;
      }
      return true;
    }
    const whole = new Uint8Array(path.length + read.path.length);
    whole.set(path);
    whole.set(read.path, path.length);
    if (read.kind === 'extension') return walk(read.child, whole);
    if (after !== undefined && compareNibbles(whole, after) <= 0) return true;
    return visit(whole, read.value);
  };
  if (root !== null) walk(root, new Uint8Array(0));
}

function append(path: Nibbles, nibble: number): Nibbles {
  const longer = new Uint8Array(path.length + 1);
  longer.set(path);
  longer[path.length] = nibble;
  return longer;
}

/** What to store and what to delete, by path, to turn the stored tree `before` into `after`. */
export interface TrieDifference {
  put: { path: Nibbles; node: ReadNode }[];
  remove: Nibbles[];
}

/**
 * Compares two trees by the identity of their nodes. `before` must be the one that is stored; `after` must have
 * been made from it. Nodes that the two share keep their absolute path, so whole shared subtrees are skipped.
 */
export function compareTries(
  before: TrieNode | null,
  after: TrieNode | null,
  source: NodeSource,
): TrieDifference {
  const difference: TrieDifference = { put: [], remove: [] };
  compare(before, after, new Uint8Array(0), difference, source);
  return difference;
}

function storedAt(node: TrieNode, path: Nibbles): boolean {
  return path.length === 0 || isStored(node);
}

function compare(
  before: TrieNode | null,
  after: TrieNode | null,
  path: Nibbles,
  out: TrieDifference,
  source: NodeSource,
): void {
  if (before === after) return;
  const old = before === null ? null : resolve(before, path, source);
  if (old === after) return;
  if (old !== null && after !== null && old.kind === 'branch' && after.kind === 'branch') {
    if (storedAt(after, path)) out.put.push({ path, node: after });
    else if (storedAt(before!, path)) out.remove.push(path);
    for (let i = 0; i < 16; i++)
      if (old.children[i] !== after.children[i])
        compare(old.children[i]!, after.children[i]!, append(path, i), out, source);
    return;
  }
  // Different shapes: list the new nodes down to what is already stored, then drop the old ones that remain.
  const kept = new Set<TrieNode>();
  const written = new Set<string>();
  const collectNew = (node: TrieNode, at: Nibbles): void => {
    if (node.persisted) {
      kept.add(node);
      return;
    }
    const read = node as ReadNode;
    if (storedAt(read, at)) {
      out.put.push({ path: at, node: read });
      written.add(at.join());
    }
    if (read.kind === 'extension') collectNew(read.child, concatNibbles(at, read.path));
    if (read.kind === 'branch')
      for (let i = 0; i < 16; i++)
        if (read.children[i] !== null) collectNew(read.children[i]!, append(at, i));
  };
  const dropOld = (node: TrieNode, at: Nibbles): void => {
    if (kept.has(node)) return;
    if (storedAt(node, at) && !written.has(at.join())) out.remove.push(at);
    const read = resolve(node, at, source);
    if (kept.has(read)) return;
    if (read.kind === 'extension') dropOld(read.child, concatNibbles(at, read.path));
    if (read.kind === 'branch')
      for (let i = 0; i < 16; i++) if (read.children[i] !== null) dropOld(read.children[i]!, append(at, i));
  };
  if (after !== null) collectNew(after, path);
  if (before !== null) dropOld(before, path);
}

function concatNibbles(a: Nibbles, b: Nibbles): Nibbles {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

/** Marks a stored tree as such. Stops at what was stored before. Returns the number of nodes in memory it marked. */
export function markPersisted(node: TrieNode | null): number {
  if (node === null || node.persisted) return 0;
  node.persisted = true;
  node.encoded = undefined;
  let count = 1;
  if (node.kind === 'extension') count += markPersisted(node.child);
  if (node.kind === 'branch') for (const child of node.children) count += markPersisted(child);
  return count;
}
