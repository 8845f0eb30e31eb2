/**
 * Real text from this machine as a corpus: documentation (.md, .txt, .pod, .rst, .html) of the installed npm packages
 * and, where the machine has it, of the system's packages under /usr/share and /usr/lib, in the order of their paths.
 * Each file once, cut into records of 100 words; a package is a contributor. No text is repeated to make up the size.
 */
import { createHash } from 'node:crypto';
import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type CorpusRecord, lex, packOrderKey } from '../../attribution/api.ts';

const FOLDERS = [fileURLToPath(new URL('../../../node_modules', import.meta.url)), '/usr/share', '/usr/lib'];
const DOCUMENT = /\.(md|txt|pod|rst|html?)$/i;
/** Word lists and tables of numbers are text, but nobody's sentences. */
const LARGEST_FILE_BYTES = 1024 * 1024;
const RECORD_WORDS = 100;

export interface RealText {
  readonly records: CorpusRecord[];
  readonly tokens: number;
  readonly files: number;
  /** SHA-256 over all records: two runs with the same one have the same text. */
  readonly fingerprint: string;
}

/** Reads files until there are `tokens` tokens, or all there are. */
export function readRealText(tokens: number): RealText {
  const records: CorpusRecord[] = [];
  const contributors = new Map<string, number>();
  const seen = new Set<string>();
  const fingerprint = createHash('sha256');
  let total = 0;
  for (const path of FOLDERS.flatMap((folder) => documents(folder, ''))) {
    if (total >= tokens) break;
    const text = readText(path);
    const hash = createHash('sha256').update(text).digest('hex');
    if (text === '' || seen.has(hash)) continue;
    seen.add(hash);
    const contributor = numberOf(contributors, packageOf(path));
    const words = text.split(/\s+/).filter((word) => word !== '');
    for (let start = 0; start < words.length && total < tokens; start += RECORD_WORDS) {
      const bytes = new TextEncoder().encode(words.slice(start, start + RECORD_WORDS).join(' '));
      const recordIndex = (start / RECORD_WORDS) % 65_536;
      fingerprint.update(bytes).update('\n');
      total += lex(bytes).length;
      records.push({
        orderKey: packOrderKey(seen.size, recordIndex),
        contributor: `0x${contributor.toString(16).padStart(40, '0')}`,
        dataNetId: 1 + (contributor % 8),
        contributionId: seen.size,
        recordIndex,
        bytes,
      });
    }
  }
  return { records, tokens: total, files: seen.size, fingerprint: fingerprint.digest('hex') };
}

function numberOf(numbers: Map<string, number>, name: string): number {
  const known = numbers.get(name) ?? numbers.size + 1;
  numbers.set(name, known);
  return known;
}

/** Paths of documents below a folder, in byte order; links are not followed. */
function documents(folder: string, below: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(`${folder}${below}`, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${below}/${entry.name}`;
      if (entry.isDirectory()) return documents(folder, path);
      return entry.isFile() && DOCUMENT.test(entry.name) ? [`${folder}${path}`] : [];
    });
}

function readText(path: string): string {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > LARGEST_FILE_BYTES) return '';
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return /\.html?$/i.test(path) ? text.replace(/<(script|style)[\s\S]*?<\/\1>|<[^>]*>/g, ' ') : text;
  } catch {
    return '';
  }
}

/** `node_modules/x`, `/usr/share/doc/x`: whose text it is. */
function packageOf(path: string): string {
  return path.split('/').slice(-6, -1).slice(0, 4).join('/');
}
