/**
 * A network of real node processes in a temporary folder, driven from outside: RPC, signals, files. Everything that
 * is started here is ended here, however a test ends.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseGenesis, serialiseGenesis } from '../../../genesis/schema.ts';
import type { Genesis } from '../../../genesis/types.ts';
import { writeConfig } from '../../../node/config/config.ts';
import type { DevelopmentAccount } from '../../../node/devnet/accounts.ts';
import { prepareDevnet } from '../../../node/devnet/prepare.ts';
import { ownedFolder, removeOwned } from '../../support/owned.ts';
import { type Client, connect } from './client.ts';
import { type NodeProcess, startProcess, tail } from './process.ts';

export interface TestNode {
  readonly index: number;
  readonly home: string;
  /** Operator's account of a validator. */
  readonly address: string | undefined;
  /** Throws while the node is not running. */
  readonly client: Client;
  readonly rpcPort: number;
  readonly running: boolean;
  /** Starts the process and waits until it answers. Milliseconds that it took. */
  start(): Promise<number>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Asks it to stop; resolves with its exit code. */
  stop(): Promise<number | null>;
  /** Resolves with the exit code when the process ends by itself. */
  ended(): Promise<number | null>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  log(): string;
}

export interface TestNetwork {
  readonly dir: string;
  readonly nodes: readonly TestNode[];
  readonly accounts: readonly DevelopmentAccount[];
  readonly chainId: number;
  close(): Promise<void>;
}

export interface NetworkOptions {
  validators: number;
  /** Nodes without a key, after the validators in `nodes`; a test starts them when it wants them. */
  fullNodes?: number;
  logLevel?: string;
  /** Other parameters than a devnet's, before block 0 is made. */
  adjust?: (genesis: Genesis) => void;
  /** Changes to the homes before anything starts. */
  configure?: (homes: readonly string[]) => void | Promise<void>;
  /** Script that runs node `index` instead of `openledger`. */
  program?: (index: number) => string | undefined;
}

/** Prepares a network and starts its validators; resolves when each of them answers. */
export async function startNetwork(options: NetworkOptions): Promise<TestNetwork> {
  const dir = ownedFolder('openledger-net-');
  const net = join(dir, 'net');
  const nodes: TestNode[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.kill()));
    removeOwned(dir);
  };
  try {
    const plan = await prepareDevnet({
      dir: net,
      validators: options.validators,
      fresh: true,
      rpcPort: undefined,
      logLevel: options.logLevel ?? 'info',
      nowMs: Date.now(),
    });
    if (options.adjust !== undefined) adjustGenesis(join(net, 'genesis.json'), options.adjust);
    const homes: { home: string; address?: string }[] = [...plan.validators];
    for (let i = 0; i < (options.fullNodes ?? 0); i++)
      homes.push({ home: makeFullNode(net, i, plan.validators[0]?.home ?? '') });
    await options.configure?.(homes.map(({ home }) => home));
    for (const [index, { home, address }] of homes.entries())
      nodes.push(createNode(index, home, address, options.program?.(index)));
    await Promise.all(nodes.slice(0, options.validators).map((node) => node.start()));
    return { dir, nodes, accounts: plan.accounts, chainId: plan.chainId, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function adjustGenesis(path: string, adjust: (genesis: Genesis) => void): void {
  const genesis = parseGenesis(readFileSync(path, 'utf8'));
  adjust(genesis);
  writeFileSync(path, serialiseGenesis(genesis));
}

/** Home of a node without a key, which dials the peers of a validator. */
function makeFullNode(net: string, index: number, validatorHome: string): string {
  const home = join(net, `full-${index}`);
  mkdirSync(home, { recursive: true });
  const { p2p } = JSON.parse(readFileSync(join(validatorHome, 'config.json'), 'utf8')) as {
    p2p: { persistent: string[] };
  };
  writeFileSync(
    join(home, 'config.json'),
    writeConfig({
      genesis: '../genesis.json',
      'rpc.port': 0,
      'p2p.listen': ['/ip4/127.0.0.1/tcp/0'],
      'p2p.persistent': p2p.persistent,
    }),
  );
  return home;
}

function createNode(
  index: number,
  home: string,
  address: string | undefined,
  program: string | undefined,
): TestNode {
  const logFile = join(home, 'node.log');
  let running: NodeProcess | undefined;
  let client: Client | undefined;
  let rpcPort = 0;

  async function gone(): Promise<number | null> {
    if (running === undefined) return null;
    const ending = running;
    const { code } = await ending.exited;
    running = undefined;
    client?.close();
    client = undefined;
    return code;
  }

  return {
    index,
    home,
    address,
    get client() {
      if (client === undefined) throw new Error(`node ${index} is not running:\n${tail(logFile)}`);
      return client;
    },
    get rpcPort() {
      return rpcPort;
    },
    get running() {
      return running !== undefined;
    },
    async start() {
      const began = performance.now();
      const started = startProcess({ home, logFile, ...(program === undefined ? {} : { program }) });
      running = started;
      ({ rpcPort } = await started.ready);
      const took = performance.now() - began;
      client = await connect(rpcPort);
      return took;
    },
    async kill() {
      running?.signal('SIGKILL');
      await gone();
    },
    stop() {
      running?.stop();
      return gone();
    },
    ended: gone,
    pause: () => running?.signal('SIGSTOP'),
    resume: () => running?.signal('SIGCONT'),
    log: () => readFileSync(logFile, 'utf8'),
  };
}
