/** What commands that talk to a node share: where it is, who signs, how a result is shown. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Hex } from '../../genesis/types.ts';
import { type Account, type ChainClient, createChainClient } from '../client/client.ts';
import { createRpcClient } from '../client/rpc.ts';
import { UserError } from '../config/errors.ts';
import { didYouMean } from '../config/suggest.ts';
import { runningDevnet } from '../devnet/prepare.ts';
import { addressInKeystore, decryptAccount } from '../keys/account-keystore.ts';
import { readKeyJson } from '../keys/files.ts';
import { addressOf, fromHex, parseAddress } from '../keys/hex.ts';
import { readPassword } from '../keys/password.ts';
import type { Environment, FlagSpec } from './command.ts';

export const NODE_FLAGS = {
  rpc: {
    type: 'string',
    value: 'URL',
    help: 'node to ask (default: $OPENLEDGER_RPC_URL, the devnet, http://127.0.0.1:8545)',
  },
  devnet: { type: 'string', value: 'DIR', help: 'folder of a running devnet (default ./.devnet)' },
  json: { type: 'boolean', help: 'print JSON for programs' },
} as const satisfies Record<string, FlagSpec>;

export const SIGNER_FLAGS = {
  from: {
    type: 'string',
    value: 'NAME',
    help: 'account that signs: name or address (default $OPENLEDGER_FROM)',
  },
  keys: {
    type: 'string',
    value: 'DIR',
    help: 'folder of key files (default $OPENLEDGER_HOME/keys, else ./.openledger/keys)',
  },
  'password-file': { type: 'string', value: 'FILE', help: 'file with the password of the key file' },
  ...NODE_FLAGS,
} as const satisfies Record<string, FlagSpec>;

const DEFAULT_RPC_URL = 'http://127.0.0.1:8545';
const DEFAULT_DEVNET = '.devnet';

type NodeInvocation = Environment & {
  readonly flags: {
    readonly rpc: string | undefined;
    readonly devnet: string | undefined;
    readonly json: boolean;
  };
};
type SignerInvocation = NodeInvocation & {
  readonly flags: {
    readonly from: string | undefined;
    readonly keys: string | undefined;
    readonly 'password-file': string | undefined;
  };
};

/** The node that the invocation means. */
export function openClient(invocation: NodeInvocation): ChainClient {
  return createChainClient(createRpcClient(rpcUrlOf(invocation), { signal: invocation.signal }));
}

export function rpcUrlOf(invocation: NodeInvocation): string {
  const { flags, variables } = invocation;
  const fromEnvironment = flags.devnet === undefined ? variables['OPENLEDGER_RPC_URL'] : undefined;
  const given = flags.rpc ?? fromEnvironment;
  if (given === undefined) return devnetOf(invocation)?.rpcUrl ?? DEFAULT_RPC_URL;
  if (!/^https?:\/\/\S+$/.test(given))
    throw new UserError('USAGE', `'${given}' is not the URL of a node; write http://HOST:PORT`);
  return given;
}

/** The devnet that runs in the folder that is meant. @throws UserError DEVNET_NOT_RUNNING if one was named. */
function devnetOf({ flags, workingDirectory }: Pick<NodeInvocation, 'workingDirectory'> & { flags: object }) {
  const named = 'devnet' in flags ? (flags.devnet as string | undefined) : undefined;
  const folder = resolve(workingDirectory, named ?? DEFAULT_DEVNET);
  const running = runningDevnet(folder);
  if (running === undefined && named !== undefined)
    throw new UserError('DEVNET_NOT_RUNNING', `no devnet is running in ${folder}`);
  return running;
}

/** Default folder of a person's keys: that of the node, if one is named. */
export function keysDirectory(
  flag: string | undefined,
  { variables, workingDirectory }: Pick<Environment, 'variables' | 'workingDirectory'>,
): string {
  return resolve(workingDirectory, flag ?? join(variables['OPENLEDGER_HOME'] ?? '.openledger', 'keys'));
}

/**
 * The account that signs: one of the running devnet, or a key file NAME.json.
 * @throws UserError ACCOUNT_NEEDED | ACCOUNT_UNKNOWN | WRONG_PASSWORD ...
 */
export async function openAccount(invocation: SignerInvocation): Promise<Account> {
  const { flags, variables } = invocation;
  const wanted = flags.from ?? variables['OPENLEDGER_FROM'];
  const development = devnetOf(invocation)?.accounts ?? [];
  const directory = keysDirectory(flags.keys, invocation);
  const files = keyFilesIn(directory);
  const names = [...development.map((account) => account.name), ...files.keys()];
  if (wanted === undefined)
    throw new UserError(
      'ACCOUNT_NEEDED',
      `which account signs? Give --from NAME${names.length > 0 ? `; there are ${names.join(', ')}` : ''}`,
    );
  // A devnet's keys are for the devnet alone; a key file of the same name comes first.
  for (const [name, path] of files) {
    const json = readKeyJson(path);
    if (name !== wanted && addressInKeystore(json) !== wanted.toLowerCase()) continue;
    const sources = { file: flags['password-file'], environment: variables, ask: invocation.ask };
    const password = await readPassword(sources, `Password of ${name}: `);
    const privateKey = decryptAccount(json, password);
    return { address: addressOf(privateKey), privateKey };
  }
  for (const { name, address, privateKey } of development)
    if (name === wanted || address.toLowerCase() === wanted.toLowerCase())
      return { address: address.toLowerCase() as Hex, privateKey: fromHex(privateKey, 32) };
  throw new UserError(
    'ACCOUNT_UNKNOWN',
    `no key for '${wanted}' in ${directory}${development.length > 0 ? ' or the devnet' : ', and no devnet runs here'}.${didYouMean(wanted, names)} Make one with openledger keys new, or name the running devnet with --devnet DIR`,
  );
}

/** An address, or the name of an account whose key is known here. @throws UserError USAGE */
export function addressOrName(
  text: string,
  name: string,
  invocation: SignerInvocation | NodeInvocation,
): Hex {
  if (text.startsWith('0x')) {
    try {
      return parseAddress(text);
    } catch (error) {
      throw new UserError('USAGE', `${name}: ${(error as Error).message}`);
    }
  }
  const keys = 'keys' in invocation.flags ? (invocation.flags.keys as string | undefined) : undefined;
  const path = keyFilesIn(keysDirectory(keys, invocation)).get(text);
  const inFile = path === undefined ? undefined : addressInKeystore(readKeyJson(path));
  if (inFile !== undefined) return inFile;
  const development = devnetOf(invocation)?.accounts ?? [];
  const account = development.find((one) => one.name === text);
  if (account !== undefined) return account.address.toLowerCase() as Hex;
  throw new UserError(
    'USAGE',
    `${name}: '${text}' is neither an address nor an account known here.${didYouMean(
      text,
      development.map((one) => one.name),
    )}`,
  );
}

/** Account key files by name. */
export function keyFilesIn(directory: string): Map<string, string> {
  const files = new Map<string, string>();
  if (!existsSync(directory)) return files;
  for (const file of readdirSync(directory).sort())
    if (file.endsWith('.json') && isAccountFile(join(directory, file)))
      files.set(file.slice(0, -'.json'.length), join(directory, file));
  return files;
}

function isAccountFile(path: string): boolean {
  try {
    return addressInKeystore(readKeyJson(path)) !== undefined;
  } catch {
    return false;
  }
}
