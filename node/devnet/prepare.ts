/**
 * The folder of a development network: one genesis file, one home for each validator. An existing folder continues
 * its chain; only its ports are chosen anew.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DEVNET_PARAMS, OPEN } from '../../genesis/parameters.ts';
import { createGenesis } from '../../genesis/presets.ts';
import { serialiseGenesis } from '../../genesis/schema.ts';
import type { GenesisValidator, Hex } from '../../genesis/types.ts';
import { CONFIG_FILE, UserError, writeConfig } from '../config/config.ts';
import { createConsensusKey, provePossession, writeDevelopmentKey } from '../keys/consensus-key.ts';
import { writeFileAtomic } from '../keys/files.ts';
import { parseAddress, toHex } from '../keys/hex.ts';
import { loadOrCreateNodeKey, peerIdOf } from '../keys/node-key.ts';
import { writeFirstRecord } from '../validator/record-exchange.ts';
import { type DevelopmentAccount, developmentAccounts, validatorAccount } from './accounts.ts';
import { freePorts, isFree } from './ports.ts';

/** Says that a folder is a devnet's and may be wiped by `--fresh`. */
export const MANIFEST_FILE = 'devnet-manifest.json';
/** Written when the network is ready, removed when it ends. */
export const DEVNET_FILE = 'devnet.json';

/** Processes of one machine: more would only show how slow it is. */
export const MAX_VALIDATORS = 16;
const BOND = 1_000n * OPEN;

export interface DevnetPlan {
  readonly dir: string;
  readonly validators: readonly PlannedValidator[];
  readonly accounts: readonly DevelopmentAccount[];
  readonly chainId: number;
  /** Whether the chain existed before. */
  readonly continued: boolean;
}

export interface PlannedValidator {
  readonly index: number;
  readonly home: string;
  readonly address: Hex;
  /** 0: the kernel chooses when the server starts. */
  readonly rpcPort: number;
  readonly p2pPort: number;
}

export interface DevnetOptions {
  readonly dir: string;
  readonly validators: number;
  readonly fresh: boolean;
  /** Validator i serves RPC at this port + i; undefined: any free ports. */
  readonly rpcPort: number | undefined;
  readonly logLevel: string;
  readonly nowMs: number;
}

/** @throws UserError NOT_A_DEVNET, DEVNET_RUNNING, DEVNET_DIFFERS, PORT_IN_USE, USAGE */
export async function prepareDevnet(options: DevnetOptions): Promise<DevnetPlan> {
  const { dir, validators: count } = options;
  if (!Number.isInteger(count) || count < 1 || count > MAX_VALIDATORS)
    throw new UserError('USAGE', `--validators must be from 1 to ${MAX_VALIDATORS}`);
  const existing = readManifest(dir);
  refuseRunning(dir);
  const anew = options.fresh || existing?.validators === 0;
  if (anew) wipe(dir, existing !== undefined);
  const manifest = anew ? undefined : existing;
  if (manifest !== undefined && manifest.validators !== count)
    throw new UserError(
      'DEVNET_DIFFERS',
      `${dir} holds a chain of ${manifest.validators} validator${manifest.validators === 1 ? '' : 's'}; use --validators ${manifest.validators}, another --data, or --fresh to begin anew`,
    );
  if (manifest === undefined && existsSync(dir) && readdirSync(dir).length > 0)
    throw new UserError('NOT_A_DEVNET', `${dir} is not empty and not a devnet's folder; give another --data`);
  const chainId = manifest?.chainId ?? found(dir, count, options.nowMs);
  return {
    dir,
    chainId,
    accounts: developmentAccounts(),
    validators: await configure(options),
    continued: manifest !== undefined,
  };
}

/** Whether `dir` is a devnet's folder whose network runs now: the URL of its first node, else undefined. */
export function runningDevnet(dir: string): { rpcUrl: string; accounts: DevelopmentAccount[] } | undefined {
  try {
    const file = JSON.parse(readFileSync(join(dir, DEVNET_FILE), 'utf8')) as {
      pid: number;
      rpcUrls: string[];
      accounts: DevelopmentAccount[];
    };
    if (!isAlive(file.pid) || file.rpcUrls[0] === undefined) return undefined;
    return { rpcUrl: file.rpcUrls[0], accounts: file.accounts };
  } catch {
    return undefined;
  }
}

/**
 * New keys, a genesis file and the homes. The manifest comes first, so that what a crash leaves may be wiped, and
 * again last, since it says that all is there. Returns the chain id.
 */
function found(dir: string, count: number, nowMs: number): number {
  const { chainId } = DEVNET_PARAMS;
  writeManifest(dir, { validators: 0, chainId });
  const validators: GenesisValidator[] = [];
  const balances = new Map<Hex, bigint>();
  for (const { address, balance } of developmentAccounts()) balances.set(parseAddress(address), balance);
  for (let index = 0; index < count; index++) {
    const account = validatorAccount(index);
    const address = parseAddress(account.address);
    const key = createConsensusKey();
    const keys = join(homeOf(dir, index), 'keys');
    writeDevelopmentKey(join(keys, 'validator.json'), key);
    writeFirstRecord(join(keys, 'validator.json'));
    loadOrCreateNodeKey(join(keys, 'node.json'));
    balances.set(address, account.balance);
    validators.push({
      address,
      blsPublicKey: toHex(key.publicKey),
      proofOfPossession: toHex(provePossession(key, address, chainId)),
      bond: BOND,
      recipient: address,
    });
  }
  // A minute old, so that the first heartbeat block is due at once.
  const genesis = createGenesis({ validators, balances, timestamp: Math.floor(nowMs / 1000) - 60 });
  writeFileAtomic(join(dir, 'genesis.json'), serialiseGenesis(genesis), { replace: true, mode: 0o644 });
  writeManifest(dir, { validators: count, chainId });
  return chainId;
}

function writeManifest(dir: string, manifest: Manifest): void {
  const text = `${JSON.stringify({ kind: 'openledger-devnet', ...manifest })}\n`;
  writeFileAtomic(join(dir, MANIFEST_FILE), text, { replace: true, mode: 0o644 });
}

/** Ports and configuration files of this start. */
async function configure(options: DevnetOptions): Promise<PlannedValidator[]> {
  const { dir, validators: count, rpcPort } = options;
  if (rpcPort !== undefined)
    for (let index = 0; index < count; index++)
      if (!(await isFree(rpcPort + index)))
        throw new UserError(
          'PORT_IN_USE',
          `port ${rpcPort + index} is in use by another program; give another --rpc-port, or none to let free ones be chosen`,
        );
  const p2pPorts = await freePorts(count);
  const peers = p2pPorts.map((port, index) => {
    const seed = loadOrCreateNodeKey(join(homeOf(dir, index), 'keys', 'node.json'));
    return `/ip4/127.0.0.1/tcp/${port}/p2p/${peerIdOf(seed)}`;
  });
  return p2pPorts.map((p2pPort, index) => {
    const home = homeOf(dir, index);
    mkdirSync(home, { recursive: true });
    const { address } = validatorAccount(index);
    const own = rpcPort === undefined ? 0 : rpcPort + index;
    const config = writeConfig({
      genesis: '../genesis.json',
      'validator.key': 'keys/validator.json',
      'validator.operator': address.toLowerCase(),
      'rpc.port': own,
      'p2p.listen': [`/ip4/127.0.0.1/tcp/${p2pPort}`],
      'p2p.persistent': peers.filter((_, other) => other !== index),
      'log.level': options.logLevel,
    });
    writeFileAtomic(join(home, CONFIG_FILE), config, { replace: true, mode: 0o644 });
    return { index, home, address, rpcPort: own, p2pPort };
  });
}

function homeOf(dir: string, index: number): string {
  return join(dir, `validator-${index}`);
}

interface Manifest {
  readonly chainId: number;
  /** 0: not finished. */
  readonly validators: number;
}

function readManifest(dir: string): Manifest | undefined {
  const path = join(dir, MANIFEST_FILE);
  if (!existsSync(path)) return undefined;
  try {
    const json = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    if (json['kind'] === 'openledger-devnet') return json as unknown as Manifest;
  } catch {
    // Reported below.
  }
  throw new UserError('NOT_A_DEVNET', `${path} cannot be read; give another --data`);
}

function wipe(dir: string, isDevnet: boolean): void {
  if (!existsSync(dir)) return;
  if (!isDevnet && readdirSync(dir).length > 0)
    throw new UserError('NOT_A_DEVNET', `${dir} is not a devnet's folder: --fresh does not delete it`);
  rmSync(dir, { recursive: true, force: true });
}

function refuseRunning(dir: string): void {
  if (runningDevnet(dir) !== undefined)
    throw new UserError(
      'DEVNET_RUNNING',
      `a devnet is running in ${dir}; stop it first, or give another --data`,
    );
}

function isAlive(pid: unknown): boolean {
  if (typeof pid !== 'number') return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
