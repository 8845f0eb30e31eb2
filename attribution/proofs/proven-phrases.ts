import { compareBytes } from '../corpus/corpus.ts';
import type { CommittedIndex } from './commit-corpus.ts';
import { invalidProof } from './errors.ts';
import type { Evidence, Selection } from './evidence.ts';
import { type DictionaryEntry, tokenKey } from './leaves.ts';
import { INLINE_TOKENS, NODES_PER_PAGE, SYMBOLS_PER_CHUNK } from './limits.ts';
import type { CommitmentSizes, PhraseNode } from './types.ts';

/** What the shown nodes say about a phrase. */
export type PhraseAnswer =
  /** Its node is shown: count and first place are known. */
  | { readonly kind: 'node'; readonly node: PhraseNode }
  /** It is the beginning of a phrase of `node`, so it occurs. */
  | { readonly kind: 'longer'; readonly node: PhraseNode }
  /** Two neighbours are shown between which it would stand. */
  | { readonly kind: 'absent' };

/**
 * Answers from shown leaves, and from nothing else (docs/proofs.md §5). Prover and verifier both use it: the prover
 * with the whole text behind `symbols`, to learn which pieces are needed.
 */
export class ProvenPhrases {
  readonly sizes: CommitmentSizes;
  readonly nodes: readonly PhraseNode[];
  readonly #entries: readonly DictionaryEntry[];
  readonly #symbols: (chunk: number) => Int32Array | undefined;
  readonly #used = { entries: new Set<number>(), pages: new Set<number>(), chunks: new Set<number>() };
  #lastChunk = -1;
  #lastSymbols: Int32Array = new Int32Array(0);

  constructor(
    sizes: CommitmentSizes,
    entries: readonly DictionaryEntry[],
    nodes: readonly PhraseNode[],
    symbols: (chunk: number) => Int32Array | undefined,
  ) {
    this.sizes = sizes;
    this.nodes = nodes;
    this.#entries = entries;
    this.#symbols = symbols;
  }

  /** The entry of a token; 'absent' if two neighbours are shown between which it would stand; undefined if neither. */
  token(folded: Uint8Array): DictionaryEntry | 'absent' | undefined {
    const key = tokenKey(folded);
    const entries = this.#entries;
    const after = firstAbove(entries.length, (i) => compareBytes(entries[i]!.key, key));
    const before = entries[after - 1];
    if (before !== undefined && compareBytes(before.key, key) === 0) {
      this.#used.entries.add(before.id);
      return before;
    }
    const next = entries[after];
    if ((before?.id ?? -1) + 1 !== (next?.id ?? this.sizes.types)) return undefined;
    for (const neighbour of [before, next]) if (neighbour) this.#used.entries.add(neighbour.id);
    return 'absent';
  }

  /** @param length of the phrase, at least 1: its tokens are phrase[0, length). @throws if a piece of text is missing */
  find(phrase: Int32Array, length: number): PhraseAnswer | undefined {
    const { nodes } = this;
    const after = firstAbove(nodes.length, (i) => this.#compare(nodes[i]!, phrase, length));
    const before = nodes[after - 1];
    const next = nodes[after];
    if (before !== undefined && this.#begins(before, phrase, length)) return this.#answer('node', before);
    if (next !== undefined && this.#begins(next, phrase, length)) return this.#answer('longer', next);
    if ((before?.index ?? -1) + 1 !== (next?.index ?? this.sizes.nodes)) return undefined;
    for (const neighbour of [before, next]) if (neighbour) this.#use(neighbour);
    return { kind: 'absent' };
  }

  /** Token j < depth of the longest phrase of a node. */
  tokenOf(node: PhraseNode, j: number): number {
    if (j < INLINE_TOKENS) return node.label[j]!;
    return this.#symbolAt(node.record.start + node.offset + j) - 1;
  }

  /** What was needed: a proof shows this and nothing else. */
  used(): Selection {
    const rising = (set: ReadonlySet<number>) => [...set].sort((a, b) => a - b);
    const { entries, pages, chunks } = this.#used;
    return { dictionary: rising(entries), nodes: rising(pages), text: rising(chunks) };
  }

  #answer(kind: 'node' | 'longer', node: PhraseNode): PhraseAnswer {
    this.#use(node);
    return { kind, node };
  }

  #use(node: PhraseNode): void {
    this.#used.pages.add(Math.floor(node.index / NODES_PER_PAGE));
  }

  /** Order of a node's shortest phrase and this one; a phrase stands before its continuations. */
  #compare(node: PhraseNode, phrase: Int32Array, length: number): number {
    const own = node.parentDepth + 1;
    for (let j = 0; j < own; j++) {
      if (j === length) return 1;
      const order = this.tokenOf(node, j) - phrase[j]!;
      if (order !== 0) return order;
    }
    return own - length;
  }

  /** Whether the node's longest phrase begins with this one. */
  #begins(node: PhraseNode, phrase: Int32Array, length: number): boolean {
    if (length > node.depth) return false;
    for (let j = 0; j < length; j++) if (this.tokenOf(node, j) !== phrase[j]) return false;
    return true;
  }

  #symbolAt(position: number): number {
    const chunk = Math.floor(position / SYMBOLS_PER_CHUNK);
    if (chunk !== this.#lastChunk) {
      const symbols = this.#symbols(chunk);
      if (symbols === undefined) throw invalidProof('a piece of the text is missing');
      this.#used.chunks.add(chunk);
      this.#lastChunk = chunk;
      this.#lastSymbols = symbols;
    }
    return this.#lastSymbols[position % SYMBOLS_PER_CHUNK]!;
  }
}

/** Of a proof's leaves. */
export function provenPhrases(evidence: Evidence): ProvenPhrases {
  const { sizes, entries, nodes, chunks } = evidence;
  return new ProvenPhrases(sizes, entries, nodes, (chunk) => chunks.get(chunk));
}

/** As a verifier would see it who is shown these tokens and pages, and all the text. */
export function shownPhrases(
  index: CommittedIndex,
  tokens: readonly number[],
  pages: readonly number[],
): ProvenPhrases {
  const entries = tokens.map((id) => index.entryOf(id));
  const nodes = pages.flatMap((page) => {
    const first = page * NODES_PER_PAGE;
    const size = Math.min(NODES_PER_PAGE, index.sizes.nodes - first);
    return Array.from({ length: size }, (_, i) => index.node(first + i));
  });
  return new ProvenPhrases(index.sizes, entries, nodes, (chunk) => index.chunk(chunk));
}

/** @throws AttributionError 'InvalidProof' if leaves are shown that nothing needed: every proof has one form. */
export function checkAllUsed(evidence: Evidence, used: Selection): void {
  const pages = new Set(evidence.nodes.map((node) => Math.floor(node.index / NODES_PER_PAGE)));
  const isExact =
    used.dictionary.length === evidence.entries.length &&
    used.nodes.length === pages.size &&
    used.text.length === evidence.chunks.size;
  if (!isExact) throw invalidProof('it shows leaves that it does not need');
}

/** First index in [0, size) whose order is positive; `size` if none is. Orders never fall from one to the next. */
function firstAbove(size: number, orderOf: (index: number) => number): number {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (orderOf(middle) > 0) high = middle;
    else low = middle + 1;
  }
  return low;
}
