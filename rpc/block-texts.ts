/**
 * Blocks as JSON, written once however often they are asked for. A block of this chain is final, so its text never
 * changes. Bounded by count and by size; what is larger is written anew each time.
 */
import { createLru } from '../state/lru.ts';
import type { Block, ChainReader } from '../state/types.ts';
import type { RpcLimits } from './limits.ts';
import { Encoded } from './method.ts';
import { blockJson } from './views.ts';

export interface BlockTexts {
  /** @param full with whole transactions in place of their hashes */
  text(reader: ChainReader, block: Block, full: boolean): Encoded;
}

export function createBlockTexts(limits: RpcLimits): BlockTexts {
  const texts = createLru<string, Encoded>(limits.maxBlockTexts);
  return {
    text(reader, block, full) {
      const name = `${full ? 'full' : 'short'} ${block.hash}`;
      const known = texts.get(name);
      if (known !== undefined) return known;
      const text = new Encoded(JSON.stringify(blockJson(reader, block, full)));
      if (text.json.length <= limits.maxBlockTextBytes) texts.set(name, text);
      return text;
    },
  };
}
