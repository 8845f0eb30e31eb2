/**
 * All settings of a node in one literal: default, bounds and one line of help each. The names in the configuration
 * file (`rpc.port`), on the command line (`--rpc-port`) and in the environment (`OPENLEDGER_RPC_PORT`) follow from
 * the place in the literal.
 */
import type { LogFormat, LogLevel } from '../log.ts';
import type { Form } from './forms.ts';

interface TextOption<T extends string = string> {
  readonly kind: 'text';
  readonly value: T;
  readonly help: string;
  /** The only values allowed, if the set is closed. */
  readonly choices?: readonly T[];
  /** A path: relative ones are taken from the home directory. */
  readonly path?: true;
  /** What a text that is not empty must look like. */
  readonly form?: Form;
}
interface IntOption {
  readonly kind: 'int';
  readonly value: number;
  readonly help: string;
  readonly min: number;
  readonly max: number;
  /** Below this only 0 is allowed, which means something of its own. */
  readonly least?: number;
}
interface FlagOption {
  readonly kind: 'flag';
  readonly value: boolean;
  readonly help: string;
}
interface ListOption {
  readonly kind: 'list';
  readonly value: readonly string[];
  readonly help: string;
  /** What each item must look like. */
  readonly form?: Form;
}
export type Option = TextOption | IntOption | FlagOption | ListOption;
export interface OptionTree {
  readonly [name: string]: Option | OptionTree;
}

const text = (value: string, help: string, form?: Form): TextOption => ({
  kind: 'text',
  value,
  help,
  ...(form !== undefined && { form }),
});
const path = (value: string, help: string): TextOption => ({ kind: 'text', value, help, path: true });
const choice = <T extends string>(value: T, choices: readonly T[], help: string): TextOption<T> => ({
  kind: 'text',
  value,
  help,
  choices,
});
const int = (value: number, min: number, max: number, help: string): IntOption => ({
  kind: 'int',
  value,
  min,
  max,
  help,
});
/** 0 means all; fewer blocks than this would starve what asks about the last ones (fees, peers that are behind). */
const LEAST_BLOCKS = 128;
const kept = (value: number, help: string): IntOption => ({
  kind: 'int',
  value,
  min: 0,
  max: 1_000_000_000,
  least: LEAST_BLOCKS,
  help: `${help}; 0: all`,
});
const flag = (value: boolean, help: string): FlagOption => ({ kind: 'flag', value, help });
const list = (value: readonly string[], help: string, form?: Form): ListOption => ({
  kind: 'list',
  value,
  help,
  ...(form !== undefined && { form }),
});

/** Longest list and text of a setting: settings are written by people. */
export const CONFIG_LIMITS = { maxFileBytes: 1024 * 1024, maxListItems: 256, maxTextChars: 4_096 } as const;

export const OPTIONS = {
  genesis: path('genesis.json', 'genesis file of the chain'),
  dataDir: path('data', 'folder of the database, the artifacts and the consensus log'),
  minFreeMib: int(
    256,
    0,
    1_048_576,
    'MiB of free disk below which the node stops, before anything can be damaged; 0: do not look',
  ),
  nodeKey: path('keys/node.json', 'identity on the peer-to-peer network; made when absent'),
  validator: {
    key: path('', 'consensus key of a validator (EIP-2335 or development key); empty: full node'),
    passwordFile: path('', 'file whose first line is the password of the consensus key'),
    riskSlashingWithoutRecord: flag(
      false,
      'sign with a key that has no last-signed record: if it ever signed on this chain, it may lose its stake',
    ),
    doubleSignCheckHeight: int(
      10,
      0,
      10_000,
      'blocks to wait after one that carries a signature of the key which its record does not know; 0: do not look',
    ),
    operator: text(
      '',
      "validator's account; empty: the account that the genesis or the stake names for the key",
      'account',
    ),
  },
  rpc: {
    enabled: flag(true, 'serve JSON-RPC, WebSocket and the explorer'),
    host: text('127.0.0.1', 'address to listen on; other than loopback makes the node reachable by others'),
    port: int(8545, 0, 65_535, 'port to listen on; 0: any free one'),
    allowedHosts: list([], 'Host names beside loopback that requests may carry'),
    allowedOrigins: list([], 'web origins beside pages of this machine that may call'),
  },
  p2p: {
    listen: list(['/ip4/0.0.0.0/tcp/30333'], 'multiaddresses to listen on', 'listen'),
    announce: list([], 'multiaddresses told to others when they differ from those listened on', 'reached'),
    bootstrap: list([], 'peers to start from', 'peer'),
    persistent: list([], 'peers to stay connected with', 'peer'),
  },
  state: {
    retention: int(1_024, 0, 1_000_000_000, 'blocks whose state can still be read; 0: all'),
    blockRetention: kept(0, 'blocks whose transactions are kept and served to peers that catch up'),
    receiptRetention: kept(0, 'blocks whose receipts and logs are kept'),
    indexRetention: kept(
      0,
      'blocks whose transactions are found by hash, and by address as far as receipts are kept',
    ),
  },
  trustHeight: int(0, 0, 281_474_976_710_655, 'height of the block that trustHash names'),
  trustHash: text(
    '',
    'hash of a block from a source you trust: an empty node then begins with a snapshot of the state from its peers',
    'blockHash',
  ),
  snapshots: {
    interval: int(
      0,
      0,
      1_000_000_000,
      'blocks between the snapshots that this node makes and serves; 0: none',
    ),
    keep: int(2, 1, 16, 'snapshots that are kept'),
  },
  attribution: {
    workers: int(1, 1, 64, 'threads that compute attributions'),
  },
  mempool: {
    lifetimeSeconds: int(
      10_800,
      1,
      31_536_000,
      'a transaction that is not included for this long is dropped',
    ),
    journal: flag(true, 'keep acknowledged transactions across a restart'),
  },
  log: {
    level: choice<LogLevel>('info', ['debug', 'info', 'warn', 'error'], 'least level that is written'),
    modules: list([], 'other levels for parts of the node: consensus:debug,network:warn'),
    format: choice<LogFormat>('human', ['human', 'json'], 'one line for people, or one JSON object a line'),
  },
} satisfies OptionTree;

/** The values that a tree of options describes. */
type Values<T> = T extends { kind: 'text'; value: infer V }
  ? V
  : T extends { kind: 'int' }
    ? number
    : T extends { kind: 'flag' }
      ? boolean
      : T extends { kind: 'list' }
        ? readonly string[]
        : { readonly [K in keyof T]: Values<T[K]> };

/** Settings of one node. Paths are absolute once loaded. */
export type NodeConfig = { /** Absolute path of the node's folder. */ readonly home: string } & Values<
  typeof OPTIONS
>;

/** One leaf of OPTIONS with its three names. */
export interface NamedOption {
  /** `rpc.allowedHosts` */
  readonly key: string;
  /** `rpc-allowed-hosts` */
  readonly flag: string;
  /** `OPENLEDGER_RPC_ALLOWED_HOSTS` */
  readonly environment: string;
  readonly option: Option;
}

export const ENVIRONMENT_PREFIX = 'OPENLEDGER_';

export function isOption(node: Option | OptionTree): node is Option {
  return typeof node['kind'] === 'string';
}

/** All settings in the order of the literal. */
export const NAMED_OPTIONS: readonly NamedOption[] = [...walk(OPTIONS, '')];

function* walk(tree: OptionTree, prefix: string): Generator<NamedOption> {
  for (const [name, node] of Object.entries(tree)) {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    if (!isOption(node)) {
      yield* walk(node, key);
      continue;
    }
    const kebab = key.replaceAll('.', '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    yield {
      key,
      flag: kebab,
      environment: ENVIRONMENT_PREFIX + kebab.replaceAll('-', '_').toUpperCase(),
      option: node,
    };
  }
}
