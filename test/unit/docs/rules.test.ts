/** docs/rules.md says where each rule is kept and tested; this compares it with the files. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..', '..');
const page = readFileSync(join(root, 'docs', 'rules.md'), 'utf8');
const [table = '', missing = ''] = page.split('## Not yet');

interface Row {
  rule: string;
  kept: string[];
  tested: string[];
}

const cellsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => /^\| [A-E]\d+ /.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()));
const paths = (cell: string | undefined): string[] =>
  [...(cell ?? '').matchAll(/`([^`]+)`/g)].map((m) => m[1]!);
const rows: Row[] = cellsOf(table).map(([, rule, , kept, tested]) => ({
  rule: rule!,
  kept: paths(kept),
  tested: paths(tested),
}));
const notYet = new Set(cellsOf(missing).map(([, rule]) => rule));

/** Rules that tests of a file are named after. */
function rulesIn(path: string): Set<string> {
  const text = readFileSync(join(root, path), 'utf8');
  return new Set([...text.matchAll(/(?:it|describe)\(\s*['"`]([A-E]\d+): /g)].map((match) => match[1]!));
}

const testFiles = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => join('test', name));

describe('the table of rules', () => {
  it('has every rule once, in order', () => {
    const numbers = { A: 11, B: 6, C: 4, D: 3, E: 4 };
    const expected = Object.entries(numbers).flatMap(([letter, count]) =>
      Array.from({ length: count }, (_, i) => `${letter}${i + 1}`),
    );
    expect(rows.map(({ rule }) => rule)).toEqual(expected);
  });

  it('names files that exist, and tests that are named after the rule', () => {
    for (const { rule, kept, tested } of rows) {
      for (const path of kept) expect(existsSync(join(root, path)), `${rule}: ${path}`).toBe(true);
      for (const path of tested) expect([...rulesIn(path)], `${rule}: ${path}`).toContain(rule);
    }
  });

  it('a rule without tests is listed as not built', () => {
    const untested = rows.filter(({ tested }) => tested.length === 0).map(({ rule }) => rule);
    for (const rule of untested) expect(notYet, rule).toContain(rule);
    for (const { rule, kept, tested } of rows) expect(kept.length > 0, rule).toBe(tested.length > 0);
  });

  it('knows every rule that a test is named after', () => {
    const known = new Set(rows.map(({ rule }) => rule));
    const used = new Set(testFiles.flatMap((path) => [...rulesIn(path)]));
    expect(used.size).toBeGreaterThan(20);
    expect([...used].filter((rule) => !known.has(rule))).toEqual([]);
  });
});
