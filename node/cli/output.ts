/** What people and scripts see. Colours only on a terminal, and not if NO_COLOR is set (no-color.org). */

export interface Output {
  /** One line on standard output. */
  line(text?: string): void;
  /** One line on standard error: progress and problems. */
  note(text: string): void;
  /** A value for scripts: one line of JSON; bigints as decimal strings. */
  json(value: unknown): void;
  readonly paint: Paint;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'grey';
export type Paint = (style: Style, text: string) => string;

const CODES: Record<Style, readonly [number, number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
  grey: [90, 39],
};

export const colourPaint: Paint = (style, text) => `\x1b[${CODES[style][0]}m${text}\x1b[${CODES[style][1]}m`;
export const plainPaint: Paint = (_style, text) => text;

export function createOutput(options: {
  write: (text: string) => void;
  writeError: (text: string) => void;
  colours: boolean;
}): Output {
  return {
    // Bodies with braces: what a stream's write returns must not become the exit code of `return out.json(...)`.
    line: (text = '') => {
      options.write(`${text}\n`);
    },
    note: (text) => {
      options.writeError(`${text}\n`);
    },
    json: (value) => {
      options.write(`${toJson(value)}\n`);
    },
    paint: options.colours ? colourPaint : plainPaint,
  };
}

export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner) => {
    if (typeof inner === 'bigint') return inner.toString();
    if (inner instanceof Uint8Array) return `0x${Buffer.from(inner).toString('hex')}`;
    return inner;
  });
}

/** Text from the chain on a terminal: control characters, which could move the cursor or recolour, become spaces. */
export function printable(text: string): string {
  let out = '';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    const control = code < 0x20 || (code >= 0x7f && code <= 0x9f);
    // Directional overrides would show a text in another order than it stands.
    const reordering = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    out += control || reordering ? ' ' : char;
  }
  return out;
}

/** Columns padded to their widest cell; the first row is a heading. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, [...cell].length);
    });
  return rows.map((row) =>
    row
      .map((cell, i) => (i === row.length - 1 ? cell : cell + ' '.repeat(widths[i]! - [...cell].length)))
      .join('  '),
  );
}

/** A path as a person can paste it into a shell. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
