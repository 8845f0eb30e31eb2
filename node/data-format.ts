/**
 * Which layout the files of a data folder have. A program that is older than the folder must not touch it: it would
 * take records that it does not know for damage, or write beside them what the newer one no longer reads.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from './config/errors.ts';

/** Counted up when a release writes what earlier ones cannot read. Folders without the file have the first. */
const DATA_FORMAT = 1;
export const DATA_FORMAT_FILE = 'format';

/** @throws UserError DATA_FORMAT */
export function checkDataFormat(dataDir: string): void {
  let text: string;
  try {
    text = readFileSync(join(dataDir, DATA_FORMAT_FILE), 'latin1');
  } catch {
    return;
  }
  if (text.trim() === String(DATA_FORMAT)) return;
  const written = /^\d{1,6}$/.test(text.trim()) ? `of format ${text.trim()}` : 'of an unknown format';
  throw new UserError(
    'DATA_FORMAT',
    `the data folder ${dataDir} is ${written}, this program reads ${DATA_FORMAT}: run the version that wrote it, or ` +
      "'openledger reset --yes' and get the chain from the peers",
  );
}

/** The folder was found fit: later programs see what it holds. */
export function writeDataFormat(dataDir: string): void {
  writeFileSync(join(dataDir, DATA_FORMAT_FILE), `${DATA_FORMAT}\n`);
}
