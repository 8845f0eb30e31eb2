/** Request/response files of execution-apis: what they look like and where they come from. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { projectRoot } from '../state/fixtures.ts';
import type { Json } from './compare.ts';
import { type GenesisFile, type ImportedChain, importChain } from './import.ts';

export interface ExchangeFile {
  /** Method and case, without the extension. */
  readonly name: string;
  /** Only the form of the answers is prescribed. */
  readonly specOnly: boolean;
  readonly exchanges: readonly { request: string; response: Json }[];
}

/** The collection that stands beside a checkout, if it does. */
export function defaultDirectory(): string {
  return resolve(projectRoot(), '../shared/vectors/execution-apis');
}

/** @throws Error for a line that is none of comment, request and response, or one without the other */
export function readExchangeFile(name: string, text: string): ExchangeFile {
  const exchanges: { request: string; response: Json }[] = [];
  let request: string | undefined;
  let specOnly = false;
  for (const line of text.split('\n').map((item) => item.trim())) {
    if (line === '') continue;
    if (line.startsWith('//')) {
      if (line.slice(2).trim().startsWith('speconly')) specOnly = true;
    } else if (line.startsWith('>> ')) {
      if (request !== undefined) throw new Error(`${name}: two requests without an answer`);
      request = line.slice(3);
    } else if (line.startsWith('<< ')) {
      if (request === undefined) throw new Error(`${name}: an answer without a request`);
      exchanges.push({ request, response: JSON.parse(line.slice(3)) as Json });
      request = undefined;
    } else throw new Error(`${name}: a line that is no comment, request or answer`);
  }
  if (request !== undefined) throw new Error(`${name}: a request without an answer`);
  if (exchanges.length === 0) throw new Error(`${name}: no exchange`);
  return { name, specOnly, exchanges };
}

/** All files of a directory, by name. @throws Error if there are none */
export function exchangeFiles(directory: string): ExchangeFile[] {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.io'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) =>
      readExchangeFile(relative(directory, path).slice(0, -'.io'.length), readFileSync(path, 'utf8')),
    );
  if (files.length === 0) throw new Error(`no .io files in ${directory}`);
  return files;
}

export async function importDirectory(directory: string): Promise<ImportedChain> {
  const genesis = JSON.parse(readFileSync(join(directory, 'genesis.json'), 'utf8')) as GenesisFile;
  return await importChain(genesis, new Uint8Array(readFileSync(join(directory, 'chain.rlp'))));
}
