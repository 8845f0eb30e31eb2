/** Numbers in the files of LevelDB: seven bits a byte, the lowest first. */

/** A file that LevelDB did not write so. */
export class Damage extends Error {}

/** Places in files and numbers of files stay below 2^49. */
const LONGEST_NUMBER = 0x2000000000000;

/** The number at `at.next`, which moves behind it. @throws Damage */
export function readVarint(bytes: Uint8Array, at: { next: number }): number {
  let value = 0;
  for (let scale = 1; scale < LONGEST_NUMBER; scale *= 128) {
    const byte = bytes[at.next++];
    if (byte === undefined) throw new Damage('a number reaches beyond its block');
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value;
  }
  throw new Damage('a number is too long');
}
