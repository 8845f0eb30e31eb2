/** Request/response files of execution-apis: what they look like and where they come from. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
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
    } else if (line.startsWith('>>')) {
      if (request !== undefined) throw new Error(`${name}: two requests without an answer`);
      request = line.slice(2).trim();
    } else if (line.startsWith('<<')) {
      if (request === undefined) throw new Error(`${name}: an answer without a request`);
      exchanges.push({ request, response: parsed(name, line.slice(2)) });
      request = undefined;
    } else throw new Error(`${name}: a line that is no comment, request or answer`);
  }
  if (request !== undefined) throw new Error(`${name}: a request without an answer`);
  if (exchanges.length === 0) throw new Error(`${name}: no exchange`);
  return { name, specOnly, exchanges };
}

function parsed(name: string, text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new Error(`${name}: an answer that is no JSON: ${(error as Error).message}`);
  }
}

/** A file's exchanges, or what is wrong with it. */
export type ReadFile = ExchangeFile | { readonly name: string; readonly problem: string };

/** All files of a directory, by name. @throws Error if there are none */
export function exchangeFiles(directory: string): ReadFile[] {
  if (!statSync(directory).isDirectory()) throw new Error(`${directory} is no directory`);
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.io'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => readFile(relative(directory, path).slice(0, -'.io'.length), readFileSync(path, 'utf8')));
  if (files.length === 0) throw new Error(`no .io files in ${directory}`);
  return files;
}

function readFile(name: string, text: string): ReadFile {
  try {
    return readExchangeFile(name, text);
  } catch (error) {
    return { name, problem: (error as Error).message };
  }
}

/** @throws Error that names what is missing or wrong */
export async function importDirectory(directory: string): Promise<ImportedChain> {
  const read = (name: string): Buffer => {
    try {
      return readFileSync(join(directory, name));
    } catch {
      throw new Error(`${directory} has no ${name}: the exchanges are about the chain in it`);
    }
  };
  const text = read('genesis.json').toString('utf8');
  const chain = new Uint8Array(read('chain.rlp'));
  let genesis: GenesisFile;
  try {
    genesis = JSON.parse(text) as GenesisFile;
  } catch (error) {
    throw new Error(`genesis.json: ${(error as Error).message}`);
  }
  for (const part of ['config', 'alloc', 'gasLimit', 'timestamp'])
    if (!(part in Object(genesis))) throw new Error(`genesis.json has no "${part}"`);
  try {
    return await importChain(genesis, chain);
  } catch (error) {
    throw new Error(`genesis.json and chain.rlp make no chain: ${(error as Error).message}`);
  }
}
