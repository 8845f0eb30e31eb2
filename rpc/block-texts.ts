/**
 * Blocks as JSON, written once however often they are asked for. A block of this chain is final, so its text never
 * changes. Bounded by count and by size; what is larger is written anew each time.
 */
import { createLru } from '../state/lru.ts';
import type { Block, ChainReader, Hex } from '../state/types.ts';
import type { RpcLimits } from './limits.ts';
import { Encoded } from './method.ts';
import { blockJson } from './views.ts';

export interface BlockTexts {
  /** @param full with whole transactions in place of their hashes */
  text(reader: ChainReader, block: Block, full: boolean): Encoded;
  /** Whether `text` need not write it. */
  has(hash: Hex, full: boolean): boolean;
}

const write = (reader: ChainReader, block: Block, full: boolean): Encoded =>
  new Encoded(JSON.stringify(blockJson(reader, block, full)));

/** Keeps none: for threads that are asked for large ones only. */
export const WRITTEN_ANEW: BlockTexts = { text: write, has: () => false };

export function createBlockTexts(limits: RpcLimits): BlockTexts {
  const texts = createLru<string, Encoded>(limits.maxBlockTexts);
  const nameOf = (hash: Hex, full: boolean): string => `${full ? 'full' : 'short'} ${hash}`;
  return {
    text(reader, block, full) {
      const name = nameOf(block.hash, full);
      const known = texts.get(name);
      if (known !== undefined) return known;
      const text = write(reader, block, full);
      if (text.json.length <= limits.maxBlockTextBytes) texts.set(name, text);
      return text;
    },
    has: (hash, full) => texts.get(nameOf(hash, full)) !== undefined,
  };
}
