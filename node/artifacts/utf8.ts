/**
 * Strict UTF-8 by a fixed table (Unicode Standard, table 3-7, well-formed byte sequences): no surrogates, nothing
 * above U+10FFFF, no overlong forms. Own table, so that the verdict cannot change with the engine.
 */

// Classes of bytes.
const ASCII = 0;
const LOW = 1; // 80..8F
const MIDDLE = 2; // 90..9F
const HIGH = 3; // A0..BF
const TWO = 4; // C2..DF
const E0 = 5;
const THREE = 6; // E1..EC, EE, EF
const ED = 7;
const F0 = 8;
const FOUR = 9; // F1..F3
const F4 = 10;
const NEVER = 11; // C0, C1, F5..FF
const CLASSES = 12;

// States: what has to follow.
const DONE = 0;
const ONE = 1;
const TWO_MORE = 2;
const THREE_MORE = 3;
const AFTER_E0 = 4;
const AFTER_ED = 5;
const AFTER_F0 = 6;
const AFTER_F4 = 7;
const BAD = 8;

const CLASS_OF = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte < 0x80) return ASCII;
  if (byte < 0x90) return LOW;
  if (byte < 0xa0) return MIDDLE;
  if (byte < 0xc0) return HIGH;
  if (byte < 0xc2) return NEVER;
  if (byte < 0xe0) return TWO;
  if (byte === 0xe0) return E0;
  if (byte === 0xed) return ED;
  if (byte < 0xf0) return THREE;
  if (byte === 0xf0) return F0;
  if (byte < 0xf4) return FOUR;
  return byte === 0xf4 ? F4 : NEVER;
});

const NEXT = new Uint8Array((BAD + 1) * CLASSES).fill(BAD);
const on = (state: number, classes: readonly number[], next: number) => {
  for (const cls of classes) NEXT[state * CLASSES + cls] = next;
};
on(DONE, [ASCII], DONE);
on(DONE, [TWO], ONE);
on(DONE, [THREE], TWO_MORE);
on(DONE, [E0], AFTER_E0);
on(DONE, [ED], AFTER_ED);
on(DONE, [FOUR], THREE_MORE);
on(DONE, [F0], AFTER_F0);
on(DONE, [F4], AFTER_F4);
on(ONE, [LOW, MIDDLE, HIGH], DONE);
on(TWO_MORE, [LOW, MIDDLE, HIGH], ONE);
on(THREE_MORE, [LOW, MIDDLE, HIGH], TWO_MORE);
on(AFTER_E0, [HIGH], ONE);
on(AFTER_ED, [LOW, MIDDLE], ONE);
on(AFTER_F0, [MIDDLE, HIGH], TWO_MORE);
on(AFTER_F4, [LOW], TWO_MORE);

/** Whether the bytes are well-formed UTF-8. The empty string is. */
export function isUtf8(bytes: Uint8Array): boolean {
  let state = DONE;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (state === DONE && byte < 0x80) continue;
    state = NEXT[state * CLASSES + CLASS_OF[byte]!]!;
    if (state === BAD) return false;
  }
  return state === DONE;
}
