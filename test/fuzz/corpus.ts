/** The saved inputs: test/fuzz/corpus/NAME.json, a list of hex strings for each target. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** This file runs from dist/test/fuzz or, under vitest, from test/fuzz; the corpus stays with the sources. */
const FOLDER = import.meta.url.includes('/dist/test/')
  ? fileURLToPath(new URL('../../../test/fuzz/corpus/', import.meta.url))
  : fileURLToPath(new URL('corpus/', import.meta.url));

const pathOf = (name: string) => join(FOLDER, `${name}.json`);

export function readCorpus(name: string): Uint8Array[] {
  const path = pathOf(name);
  if (!existsSync(path)) throw new Error(`no corpus for ${name}: write ${path}`);
  return (JSON.parse(readFileSync(path, 'utf8')) as string[]).map(
    (text) => new Uint8Array(Buffer.from(text, 'hex')),
  );
}

/** Keeps an input that broke something, so that it is tried first ever after. */
export function saveInput(name: string, input: string): string {
  const path = pathOf(name);
  const known = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as string[]) : [];
  if (!known.includes(input)) writeFileSync(path, `${JSON.stringify([...known, input], null, 2)}\n`);
  return path;
}
