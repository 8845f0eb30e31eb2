/** The operator's guide names each code that a node can stop with or refuse to start with; the sources are read for them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..', '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Where what ends a node is thrown, and not what ends a command or answers a request. */
const SOURCES = [
  'node/assemble.ts',
  'node/chain-programs.ts',
  'node/disk-watch.ts',
  ...['config', 'keys', 'mempool', 'network', 'snapshots', 'validator', 'threads'].map(
    (name) => `node/${name}`,
  ),
  'consensus/wal',
  'rpc/server.ts',
  'state/db',
];

/** Codes in these sources that no start and no running node ends with, and why. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  FILE_EXISTS: 'keys new, init',
  FILE_MISSING: 'commands that read a genesis file',
  PASSWORD_MISMATCH: 'keys new',
  PASSWORD_TOO_SHORT: 'keys new',
  RECORD_INVALID: 'last-signed import',
  RECORD_CONTRADICTS: 'last-signed import',
  STARTING: 'answer to a request',
  STOPPED: 'a start that somebody stopped, which ends like any node that is stopped',
  NOT_FOUND: 'answer to a request',
  METHOD_NOT_ALLOWED: 'answer to a request',
  INVALID_HOST: 'answer to a request',
  INVALID_ORIGIN: 'answer to a request',
  LIMIT_EXCEEDED: 'answer to a request',
  NOT_INITIALISED: 'commands that open what a start would make',
  CLOSED: 'a call during the shutdown',
  BAD_KEY: 'a seed of another length, which the reader of the key file refuses before',
};

function filesIn(path: string): string[] {
  if (path.endsWith('.ts')) return [path];
  return readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(path, name));
}

function codesInSources(): Map<string, string> {
  const found = new Map<string, string>();
  const patterns = [
    /new UserError\(\s*(?:\w+ === 'ENOSPC' [^?]*\? )?'([A-Z_]+)'/g,
    /new ChainError\(\s*'([A-Z_]+)'/g,
    /new NetworkError\(\s*'(PORT_IN_USE|BAD_KEY|BAD_ADDRESS|LISTEN_FAILED)'/g,
    /\bfail\(\s*'([A-Z_]+)'/g,
    /readonly code = '([A-Z]+_[A-Z_]+)'/g,
    // A message that begins with its code.
    /[`'"]([A-Z]{3,}(?:_[A-Z]+)+): /g,
  ];
  for (const file of SOURCES.flatMap(filesIn)) {
    const text = read(file);
    for (const pattern of patterns) for (const match of text.matchAll(pattern)) found.set(match[1]!, file);
  }
  return found;
}

it("the operator's guide says what to do about each code that a node stops with", () => {
  const [, section = ''] = read('docs/operator-guide.md').split('## 5. When something is wrong');
  const told = new Set(
    section
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .flatMap((line) => [...line.split('|')[1]!.matchAll(/`([A-Z_]+)`/g)].map((match) => match[1]!)),
  );
  const found = codesInSources();
  expect(found.size).toBeGreaterThan(25);
  const untold = [...found].filter(([code]) => !told.has(code) && !Object.hasOwn(ELSEWHERE, code));
  expect(untold).toEqual([]);
  const idle = Object.keys(ELSEWHERE).filter((code) => !found.has(code) || told.has(code));
  expect(idle, 'codes that need no reason any more').toEqual([]);
});
