import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttributionError, InvalidUtf8 } from '../../../attribution/errors.ts';
import { classOf, LETTER, MARK, SINGLE, SPACE } from '../../../attribution/lexer/character-classes.ts';
import { lex, PUNCTUATION, tokenBytes, WORD } from '../../../attribution/lexer/lexer.ts';
import { textOf, utf8 } from './builders.ts';

const split = (text: string): string[] => {
  const bytes = utf8(text);
  const tokens = lex(bytes);
  return Array.from({ length: tokens.length }, (_, i) => textOf(tokenBytes(bytes, tokens, i)));
};

describe('the lexer', () => {
  it('folds ASCII capitals, keeps digits in words and makes every mark a token', () => {
    expect(split("The R2-D2 unit's price: $3.50!")).toEqual([
      'the',
      'r2',
      '-',
      'd2',
      'unit',
      "'",
      's',
      'price',
      ':',
      '$',
      '3',
      '.',
      '50',
      '!',
    ]);
  });

  it('keeps letters above ASCII in words and does not fold them', () => {
    expect(split('Ärger im Café, naïve ŒUVRE')).toEqual(['Ärger', 'im', 'café', ',', 'naïve', 'Œuvre']);
    expect(split('привет мир')).toEqual(['привет', 'мир']);
  });

  it('takes each character of scripts without spaces as a word', () => {
    expect(split('東京タワーhas高さ')).toEqual(['東', '京', 'タ', 'ワ', 'ー', 'has', '高', 'さ']);
    expect(split('안녕 สวัสดี')).toEqual(['안', '녕', ...'สวัสดี']);
    expect(split('𠮷野')).toEqual(['𠮷', '野']);
  });

  it('treats marks and spaces of other blocks by the table', () => {
    expect(split('«oui»…“no”—yes')).toEqual(['«', 'oui', '»', '…', '“', 'no', '”', '—', 'yes']);
    expect(split('a\u00a0b\u2003c\u3000d\ufeffe\u200bf\u00adg')).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    expect(split('今日は、元気。！🙂')).toEqual(['今', '日', 'は', '、', '元', '気', '。', '！', '🙂']);
    expect([0x41, 0x20, 0x2c, 0x4e00, 0x10ffff, 0x1f600].map(classOf)).toEqual([
      LETTER,
      SPACE,
      MARK,
      SINGLE,
      LETTER,
      MARK,
    ]);
  });

  it('gives byte offsets and kinds', () => {
    const tokens = lex(utf8('né à.'));
    expect([...tokens.starts]).toEqual([0, 4, 6]);
    expect([...tokens.ends]).toEqual([3, 6, 7]);
    expect([...tokens.kinds]).toEqual([WORD, WORD, PUNCTUATION]);
  });

  it('finds nothing in nothing, and nothing in white space', () => {
    expect(lex(new Uint8Array()).length).toBe(0);
    expect(lex(utf8(' \n\t\u0000\u007f')).length).toBe(0);
  });

  it.each([
    ['a lone continuation byte', [0x41, 0x80], 1],
    ['an overlong slash', [0xc0, 0xaf], 0],
    ['an overlong three-byte form', [0xe0, 0x9f, 0xbf], 0],
    ['an overlong four-byte form', [0xf0, 0x8f, 0xbf, 0xbf], 0],
    ['a surrogate', [0x20, 0xed, 0xa0, 0x80], 1],
    ['a value above U+10FFFF', [0xf4, 0x90, 0x80, 0x80], 0],
    ['a lead byte that does not exist', [0xf5, 0x80, 0x80, 0x80], 0],
    ['a cut sequence', [0x61, 0xe4, 0xb8], 1],
    ['a sequence broken by a letter', [0xe4, 0x41, 0x80], 0],
  ])('refuses %s', (_, bytes, offset) => {
    const attempt = () => lex(Uint8Array.from(bytes));
    expect(attempt).toThrow(InvalidUtf8);
    expect(attempt).toThrow(expect.objectContaining({ code: 'InvalidUtf8', offset }));
  });

  it('accepts exactly the byte strings that a strict UTF-8 decoder accepts', () => {
    const hard = fc.constantFrom(
      0x41,
      0x7f,
      0x80,
      0x9f,
      0xa0,
      0xbf,
      0xc1,
      0xc2,
      0xdf,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
      0xf5,
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(hard, fc.nat(255)), { maxLength: 8 }), (list) => {
        const bytes = Uint8Array.from(list);
        const accepts = (work: () => unknown) => {
          try {
            work();
            return true;
          } catch {
            return false;
          }
        };
        expect(accepts(() => lex(bytes))).toBe(accepts(() => textOf(bytes)));
      }),
      { numRuns: 5000 },
    );
  });

  it('covers every byte that is not space by exactly one token, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const bytes = utf8(text);
        const tokens = lex(bytes);
        let at = 0;
        for (let i = 0; i < tokens.length; i++) {
          for (const character of textOf(bytes.subarray(at, tokens.starts[i])))
            expect(classOf(character.codePointAt(0)!)).toBe(SPACE);
          expect(tokens.ends[i]).toBeGreaterThan(tokens.starts[i]!);
          at = tokens.ends[i]!;
        }
        for (const character of textOf(bytes.subarray(at)))
          expect(classOf(character.codePointAt(0)!)).toBe(SPACE);
      }),
    );
  });

  it('D3: refuses more tokens than declared, and no fewer', () => {
    expect(lex(utf8('one two three'), 3).length).toBe(3);
    expect(lex(utf8('a, b'), 3).length).toBe(3);
    for (const text of ['one two three four', 'a, b.', '四つの字']) {
      const attempt = () => lex(utf8(text), 3);
      expect(attempt).toThrow(AttributionError);
      expect(attempt).toThrow(expect.objectContaining({ code: 'TooManyTokens' }));
    }
  });
});
