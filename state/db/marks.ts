/** What is kept begins somewhere; the database says where, for each kind of record. */
import type { Database } from './database.ts';
import { type MetaName, metaKey, readU48 } from './keys.ts';

export type Mark = Extract<MetaName, `oldest${string}`>;

/** First block of which this is kept. */
export function readMark(db: Pick<Database, 'get'>, mark: Mark): number {
  const bytes = db.get(metaKey(mark));
  return bytes === undefined ? 0 : readU48(bytes, 0);
}
