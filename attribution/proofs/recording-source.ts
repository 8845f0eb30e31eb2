import type { CommittedIndex } from './commit-corpus.ts';
import type { PhraseSource } from './credit-index.ts';
import { proofTooLarge } from './errors.ts';
import type { Selection } from './evidence.ts';
import { MAX_PROOF_LEAVES } from './limits.ts';
import { occursAt, pagesOf, within } from './phrase-proof.ts';

/** Answers from a whole commitment, and remembers which of its leaves show the answers. */
export interface RecordingSource extends PhraseSource {
  /** Tokens and pages that show every answer given. */
  needed(): Omit<Selection, 'text'>;
}

/** @throws AttributionError 'ProofTooLarge' from its answers when they take more leaves than a proof may have. */
export function createRecordingSource(index: CommittedIndex): RecordingSource {
  const { sizes } = index;
  const tokens = new Set<number>();
  /** Nodes that must be shown. */
  const shown = new Set<number>();
  /** Nodes of phrases that must be seen to occur: one below them is enough. */
  const occurring = new Set<number>();

  const show = (nodes: readonly number[]): void => {
    for (const node of nodes) shown.add(node);
    if (shown.size > MAX_PROOF_LEAVES)
      throw proofTooLarge(`The proof would take more than ${MAX_PROOF_LEAVES} leaves.`);
  };
  const locate = (phrase: Int32Array, length: number) => {
    const at = index.lastNotAbove(phrase.subarray(0, length));
    return { at, occurs: occursAt(index, at, phrase, length) };
  };

  return {
    sizes,
    token(folded) {
      const { id, place } = index.findToken(folded);
      for (const shownId of id >= 0 ? [id] : within(sizes.types, [place - 1, place])) tokens.add(shownId);
      return id < 0 ? undefined : index.entryOf(id);
    },
    find(phrase, length) {
      const { at, occurs } = locate(phrase, length);
      if (occurs) {
        occurring.add(at);
        return { kind: 'node', node: index.node(at) };
      }
      show(within(sizes.nodes, [at, at + 1]));
      return { kind: 'absent' };
    },
    cover(phrase, length) {
      const { at } = locate(phrase, length);
      show([at]);
      return index.node(at);
    },
    tokenOf: (node, j) => index.tokenOf(node, j),
    needed() {
      // A node is seen to occur if it or one below it is shown; those follow it, so the last ones come first.
      const nodes = [...shown].sort((a, b) => a - b);
      for (const at of [...occurring].sort((a, b) => b - a)) {
        const next = firstFrom(nodes, at);
        if (next < nodes.length && isBelow(index, at, nodes[next]!)) continue;
        nodes.splice(next, 0, at);
      }
      return { dictionary: [...tokens].sort((a, b) => a - b), nodes: pagesOf(nodes) };
    },
  };
}

/** Whether `below` is `node` or a node whose phrases continue those of `node`. */
function isBelow(index: CommittedIndex, node: number, below: number): boolean {
  if (node === below) return true;
  const [above, candidate] = [index.node(node), index.node(below)];
  if (candidate.depth <= above.depth) return false;
  for (let j = 0; j < above.depth; j++)
    if (index.tokenOf(above, j) !== index.tokenOf(candidate, j)) return false;
  return true;
}

function firstFrom(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
