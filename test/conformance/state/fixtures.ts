/** Ethereum's state tests as files: what they look like and where they come from. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Hex } from '../../../state/types.ts';

/** Numbers are hex text. Format: https://ethereum-tests.readthedocs.io, "General State Tests". */
export interface StateTest {
  env: {
    currentCoinbase: Hex;
    currentNumber: Hex;
    currentTimestamp: Hex;
    currentGasLimit: Hex;
    currentRandom?: Hex;
    currentBaseFee?: Hex;
    currentExcessBlobGas?: Hex;
  };
  pre: Record<Hex, { balance: Hex; nonce: Hex; code: Hex; storage: Record<Hex, Hex> }>;
  /** By fork. */
  post: Record<string, Expectation[]>;
  config?: { chainid?: Hex };
}

export interface Expectation {
  indexes: { data: number; gas: number; value: number };
  /** State root. */
  hash: Hex;
  /** keccak-256 of the RLP of the logs. */
  logs: Hex;
  txbytes?: Hex;
  /** Names of the errors, divided by `|`, of a transaction that must be refused. */
  expectException?: string;
}

export interface TestFile {
  /** Path inside the collection. */
  name: string;
  /** @throws Error if these are no state tests */
  read(): Record<string, StateTest>;
}

/** Root of the checkout, from the sources and from dist/. */
export function projectRoot(): string {
  let dir = import.meta.dirname;
  while (!existsSync(join(dir, 'package.json'))) dir = dirname(dir);
  return dir;
}

/** The collection that stands beside a checkout, if it does. */
export function defaultArchive(): string {
  return resolve(projectRoot(), '../shared/vectors/state-tests/general-state-tests.tar.gz');
}

/** Test files of a JSON file, a directory or a .tar.gz, by name. @throws Error if there are none */
export function testFiles(path: string): TestFile[] {
  return jsonFiles(path).map(({ name, text }) => ({
    name,
    read() {
      let tests: Record<string, StateTest>;
      try {
        tests = JSON.parse(text()) as Record<string, StateTest>;
      } catch (error) {
        throw new Error(`${name}: ${(error as Error).message}`);
      }
      for (const [test, parts] of Object.entries(tests))
        for (const part of ['env', 'pre', 'post'])
          if (!(part in Object(parts)))
            throw new Error(`${name}: "${test}" has no "${part}", so it is no state test`);
      return tests;
    },
  }));
}

export interface JsonFile {
  /** Path inside the collection. */
  name: string;
  text(): string;
}

/** A JSON file, those of a directory or those of a .tar.gz, by name. @throws Error if there are none */
export function jsonFiles(path: string): JsonFile[] {
  let files: JsonFile[];
  const onDisk = (name: string, file: string): JsonFile => ({ name, text: () => readFileSync(file, 'utf8') });
  if (path.endsWith('.tar.gz')) files = archived(gunzipSync(readFileSync(path)));
  else if (statSync(path).isFile()) files = [onDisk(path, path)];
  else
    files = readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((file) => onDisk(relative(path, file), file));
  if (files.length === 0) throw new Error(`no .json files in ${path}`);
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const BLOCK = 512;

/** Files of a ustar archive: a header of one block, then the contents filled up to whole blocks. */
function archived(tar: Buffer): JsonFile[] {
  const files: JsonFile[] = [];
  const text = (from: number, length: number): string =>
    tar.toString('latin1', from, from + length).split('\0', 1)[0]!;
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const name = [text(at + 345, 155), text(at, 100)].filter((part) => part !== '').join('/');
    const size = Number.parseInt(text(at + 124, 12), 8);
    const kind = text(at + 156, 1);
    const start = at + BLOCK;
    if (kind === '0' && name.endsWith('.json'))
      files.push({ name, text: () => tar.toString('utf8', start, start + size) });
    else if (kind !== '5' && kind !== '0') throw new Error(`${name}: archive entries of kind "${kind}"`);
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}
