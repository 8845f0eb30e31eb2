/** Reading the indexes: postings of one name, by block, from any thread of the process that writes them. */

import { concat, toHex } from '../crypto.ts';
import type { Database } from '../db/database.ts';
import { u48 } from '../db/keys.ts';
import type { Hex, Posting, PostingReader } from '../types.ts';
import { blockOfKey, decodeCreation, decodePositions, LIST, postingKey, postingPrefix } from './postings.ts';
import { firstIndexable, oldestPosting } from './store.ts';

export function createPostingReader(db: Database): PostingReader {
  const range = async (
    list: number,
    name: Hex,
    from: number,
    to: number,
    options: { reverse: boolean; limit: number },
  ): Promise<(readonly [Uint8Array, Uint8Array])[]> => {
    if (from > to || options.limit <= 0) return [];
    const prefix = postingPrefix(list, name);
    return db.entries(concat(prefix, u48(from)), concat(prefix, u48(to + 1)), options);
  };
  return {
    oldest: () => oldestPosting(db),
    first: () => firstIndexable(db),
    async range(list, name, from, to, { newestFirst = false, limit }) {
      const found = await range(list, name, from, to, { reverse: newestFirst, limit });
      return found.map(
        ([key, value]): Posting => ({ block: blockOfKey(key), positions: decodePositions(value) }),
      );
    },
    at(list, name, block) {
      const value = db.get(postingKey(list, name, block));
      return value === undefined ? undefined : decodePositions(value);
    },
    async creation(address, to) {
      const [newest] = await range(LIST.created, address, 0, to, { reverse: true, limit: 1 });
      if (newest === undefined) return undefined;
      const { transaction, creator } = decodeCreation(newest[1]);
      return { block: blockOfKey(newest[0]), transaction, creator: toHex(creator) };
    },
  };
}
