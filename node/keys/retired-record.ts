/** What `last-signed export --retire` leaves beside a key: the sign that the key lives on another machine now. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LAST_SIGNED_FILE } from '../validator/signing.ts';

const RETIRED_RECORD = `${LAST_SIGNED_FILE}.retired`;

export const retiredRecordOf = (keyFile: string): string => join(dirname(keyFile), RETIRED_RECORD);

/** Whether the key's record was put out of use here, and none was brought back since. */
export function movedAway(keyFile: string): boolean {
  return existsSync(retiredRecordOf(keyFile)) && !existsSync(join(dirname(keyFile), LAST_SIGNED_FILE));
}
