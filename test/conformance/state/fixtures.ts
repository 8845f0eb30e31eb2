/** Ethereum's state tests as files: what they look like and where they come from. */
import { type Dirent, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Hex } from '../../../state/types.ts';
import { FormatError, fieldsOf, readStateTest } from './format.ts';

/** Numbers are hex text. */
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

/** A test of a file, what is wrong with it, or what other kind of test it is. */
export type ReadTest = { name: string } & ({ test: StateTest } | { problem: string } | { otherKind: string });

export interface TestFile {
  /** Path inside the collection. */
  name: string;
  /** @throws Error if this is no JSON object */
  read(): ReadTest[];
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
    read: () =>
      Object.entries(fieldsOf(JSON.parse(text()), 'the file')).map(([test, json]) => readTest(test, json)),
  }));
}

function readTest(name: string, json: unknown): ReadTest {
  const otherKind = kindOf(json);
  if (otherKind !== undefined) return { name, otherKind };
  try {
    return { name, test: readStateTest(json) };
  } catch (error) {
    if (error instanceof FormatError) return { name, problem: error.message };
    throw error;
  }
}

/** Other tests that stand beside these in the collections, by a part that only they have. */
const OTHER_KINDS: readonly [part: string, kind: string][] = [
  ['blocks', 'a blockchain test'],
  ['genesisBlockHeader', 'a blockchain test'],
  ['engineNewPayloads', 'a test of the Engine API'],
  ['txbytes', 'a test of the form of transactions'],
  ['expect', 'the source of a test, not yet filled'],
];

function kindOf(json: unknown): string | undefined {
  if (typeof json !== 'object' || json === null || 'post' in json) return undefined;
  return OTHER_KINDS.find(([part]) => part in json)?.[1];
}

export interface JsonFile {
  /** Path inside the collection. */
  name: string;
  text(): string;
}

/** A JSON file, those of a directory or those of a .tar.gz (or .tgz), by name. @throws Error if there are none */
export function jsonFiles(path: string): JsonFile[] {
  let files: JsonFile[];
  const onDisk = (name: string, file: string): JsonFile => ({ name, text: () => readFileSync(file, 'utf8') });
  if (/\.(tar\.gz|tgz)$/.test(path)) files = archived(gunzipSync(readFileSync(path)));
  else if (statSync(path).isFile()) files = [onDisk(path, path)];
  else
    files = readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.name.endsWith('.json') && !isFolder(entry))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => !isHidden(relative(path, file)))
      .map((file) => onDisk(relative(path, file), file));
  if (files.length === 0) throw new Error(`no .json files in ${path}`);
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A link counts as what it leads to; one that leads nowhere is a file that cannot be read. */
function isFolder(entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return !entry.isFile();
  return statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Such as the .meta/ of execution-spec-tests, which holds no tests. */
function isHidden(path: string): boolean {
  return path.split(/[/\\]/).some((part) => part.startsWith('.'));
}

const BLOCK = 512;

/**
 * Files of a tar archive (ustar, with the longer names of pax and of GNU): a header of one block, then the contents
 * filled up to whole blocks.
 */
function archived(tar: Buffer): JsonFile[] {
  const files: JsonFile[] = [];
  const text = (from: number, length: number): string =>
    tar.toString('latin1', from, from + length).split('\0', 1)[0]!;
  let longName: string | undefined;
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const isUstar = text(at + 257, 5) === 'ustar' && tar[at + 263] !== 0x20;
    const parts = [isUstar ? text(at + 345, 155) : '', text(at, 100)].filter((part) => part !== '');
    const name = longName ?? parts.join('/');
    longName = undefined;
    const size = Number.parseInt(text(at + 124, 12), 8);
    const kind = text(at + 156, 1);
    const start = at + BLOCK;
    const end = start + size;
    if (!(size >= 0) || end > tar.length) throw new Error(`${name}: the archive ends before this file does`);
    switch (kind) {
      case '':
      case '0':
        if (name.endsWith('.json') && !isHidden(name.replace(/^(\.\/)+/, '')))
          files.push({ name, text: () => tar.toString('utf8', start, end) });
        break;
      case 'x':
        longName = paxPath(tar.toString('utf8', start, end));
        break;
      case 'L':
        longName = text(start, size);
        break;
      case 'g':
      case '5':
        break;
      default:
        throw new Error(`${name}: archive entries of kind "${kind}"`);
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

/** Records of a pax header: length, space, name=value, newline. */
function paxPath(records: string): string | undefined {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(records)?.[1];
}
