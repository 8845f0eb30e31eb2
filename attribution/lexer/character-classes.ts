/**
 * The lexer's fixed table: what each code point is. It is part of the protocol (docs/attribution.md, "Lexer"), and it
 * does not follow Unicode's versions: a new character of a later Unicode is a letter until the protocol says otherwise.
 */

/** Separates tokens and belongs to none. */
export const SPACE = 0;
/** Runs of letters and digits form one word. */
export const LETTER = 1;
/** A word by itself: scripts that put no spaces between words. */
export const SINGLE = 2;
/** A token by itself that is no word. */
export const MARK = 3;

export type CharacterClass = typeof SPACE | typeof LETTER | typeof SINGLE | typeof MARK;

/** [first, last, class], in ascending order; a later row overrides an earlier one. Everything else >= U+0080 is LETTER. */
export const CLASS_RANGES: readonly (readonly [number, number, CharacterClass])[] = [
  // ASCII
  [0x00, 0x20, SPACE],
  [0x21, 0x2f, MARK],
  [0x30, 0x39, LETTER],
  [0x3a, 0x40, MARK],
  [0x41, 0x5a, LETTER],
  [0x5b, 0x60, MARK],
  [0x61, 0x7a, LETTER],
  [0x7b, 0x7e, MARK],
  [0x7f, 0xa0, SPACE],
  // Latin-1 signs; feminine and masculine ordinals, micro, superscripts and fractions stay letters.
  [0xa1, 0xa9, MARK],
  [0xab, 0xac, MARK],
  [0xad, 0xad, SPACE],
  [0xae, 0xb1, MARK],
  [0xb4, 0xb4, MARK],
  [0xb6, 0xb8, MARK],
  [0xbb, 0xbb, MARK],
  [0xbf, 0xbf, MARK],
  [0xd7, 0xd7, MARK],
  [0xf7, 0xf7, MARK],
  // Punctuation of alphabets that have spaces: Greek, Armenian, Hebrew, Arabic, Devanagari.
  [0x037e, 0x037e, MARK],
  [0x0387, 0x0387, MARK],
  [0x055a, 0x055f, MARK],
  [0x0589, 0x058a, MARK],
  [0x05be, 0x05be, MARK],
  [0x05c0, 0x05c0, MARK],
  [0x05c3, 0x05c3, MARK],
  [0x05f3, 0x05f4, MARK],
  [0x060c, 0x060d, MARK],
  [0x061b, 0x061b, MARK],
  [0x061f, 0x061f, MARK],
  [0x066a, 0x066d, MARK],
  [0x06d4, 0x06d4, MARK],
  [0x0964, 0x0965, MARK],
  // Thai, without its currency sign and its marks of division.
  [0x0e01, 0x0e5b, SINGLE],
  [0x0e3f, 0x0e3f, MARK],
  [0x0e4f, 0x0e4f, MARK],
  [0x0e5a, 0x0e5b, MARK],
  // Hangul letters
  [0x1100, 0x11ff, SINGLE],
  [0x1680, 0x1680, SPACE],
  [0x180e, 0x180e, SPACE],
  // General punctuation: spaces, invisible joiners and direction marks separate, the rest are marks.
  [0x2000, 0x200f, SPACE],
  [0x2010, 0x2027, MARK],
  [0x2028, 0x202f, SPACE],
  [0x2030, 0x205e, MARK],
  [0x205f, 0x206f, SPACE],
  // Currency, arrows, mathematical operators, technical signs, boxes, dingbats.
  [0x20a0, 0x20cf, MARK],
  [0x2190, 0x2bff, MARK],
  [0x2e00, 0x2e7f, MARK],
  // CJK radicals and ideographic descriptions
  [0x2e80, 0x2fff, SINGLE],
  // CJK symbols and punctuation
  [0x3000, 0x3000, SPACE],
  [0x3001, 0x3004, MARK],
  [0x3005, 0x3007, SINGLE],
  [0x3008, 0x3020, MARK],
  [0x3021, 0x3029, SINGLE],
  [0x302a, 0x3030, MARK],
  [0x3031, 0x3035, SINGLE],
  [0x3036, 0x3037, MARK],
  [0x3038, 0x303c, SINGLE],
  [0x303d, 0x303f, MARK],
  // Kana, bopomofo, hangul letters, enclosed forms, ideographs, hangul syllables
  [0x3040, 0x4dbf, SINGLE],
  [0x30a0, 0x30a0, MARK],
  [0x30fb, 0x30fb, MARK],
  [0x4dc0, 0x4dff, MARK],
  [0x4e00, 0x9fff, SINGLE],
  [0xa960, 0xa97f, SINGLE],
  [0xac00, 0xd7ff, SINGLE],
  [0xf900, 0xfaff, SINGLE],
  // Vertical, compatibility and small forms
  [0xfe10, 0xfe1f, MARK],
  [0xfe30, 0xfe6f, MARK],
  [0xfeff, 0xfeff, SPACE],
  // Fullwidth and halfwidth forms; fullwidth letters and digits stay letters.
  [0xff01, 0xff0f, MARK],
  [0xff1a, 0xff20, MARK],
  [0xff3b, 0xff40, MARK],
  [0xff5b, 0xff65, MARK],
  [0xff66, 0xffdc, SINGLE],
  [0xffe0, 0xffef, MARK],
  [0xfff9, 0xfffb, SPACE],
  [0xfffc, 0xfffd, MARK],
  // Kana supplements, pictographs, ideographs of the supplementary planes
  [0x1aff0, 0x1b16f, SINGLE],
  [0x1f000, 0x1faff, MARK],
  [0x20000, 0x3ffff, SINGLE],
];

const BMP = 0x10000;
const bmpClasses = new Uint8Array(BMP).fill(LETTER);
const supplementary = CLASS_RANGES.filter(([first]) => first >= BMP);
for (const [first, last, cls] of CLASS_RANGES) if (first < BMP) bmpClasses.fill(cls, first, last + 1);

/** Class of a Unicode scalar value (0 to 0x10FFFF). */
export function classOf(codePoint: number): CharacterClass {
  if (codePoint < BMP) return bmpClasses[codePoint] as CharacterClass;
  for (const [first, last, cls] of supplementary) if (codePoint >= first && codePoint <= last) return cls;
  return LETTER;
}
