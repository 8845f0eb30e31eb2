/** The indexes against the receipts: every posting that should be there is, and no other. */
import { bareHex, equalBytes } from '../crypto.ts';
import type { DatabaseFiles } from '../db/database.ts';
import { COLUMN } from '../db/keys.ts';
import { blockOfKey, type Entry } from '../indexes/postings.ts';
import { oldestPosting, storedPostings } from '../indexes/store.ts';
import { RlpError } from '../rlp.ts';

/** @returns how many postings there are */
export async function verifyIndexes(
  db: DatabaseFiles,
  head: number,
  found: (problem: string) => void,
): Promise<number> {
  const oldest = oldestPosting(db);
  let expected = 0;
  for (let number = oldest; number <= head; number++)
    for (const { key, value } of readable(() => storedPostings(db, number))) {
      expected += 1;
      const stored = db.get(key);
      if (stored === undefined || !equalBytes(stored, value))
        found(`an index entry of block ${number} is missing or another one: 'openledger reindex' mends it`);
    }
  let postings = 0;
  for await (const [key] of db.scan(Uint8Array.of(COLUMN.posting), Uint8Array.of(COLUMN.posting + 1))) {
    postings += 1;
    const block = key.length > 8 ? blockOfKey(key) : -1;
    if (block < oldest || block > head)
      found(`an index entry is of no block that is indexed (${bareHex(key.subarray(0, 40))})`);
  }
  if (postings > expected) found(`there are ${postings - expected} index entries too many`);
  return postings;
}

/** Receipts that cannot be read are found elsewhere. */
function readable(read: () => Entry[]): Entry[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof RlpError) return [];
    throw error;
  }
}
