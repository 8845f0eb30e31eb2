/** The processes of one manifest, by name, and the wires between them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Genesis } from '../../genesis/types.ts';
import { type DevelopmentAccount, validatorAccount } from '../../node/devnet/accounts.ts';
import { loadOrCreateNodeKey, peerIdOf } from '../../node/keys/node-key.ts';
import type { Client } from '../e2e/support/client.ts';
import { startNetwork, type TestNetwork, type TestNode } from '../e2e/support/network.ts';
import { createLink, type Link } from './links.ts';
import { type LinkFault, type Manifest, names } from './manifest.ts';

export interface Fleet {
  readonly network: TestNetwork;
  /** Where the validators really listen, for somebody who is not part of the story. */
  readonly addresses: readonly string[];
  node(name: string): TestNode;
  /** The account behind each node that is or was a validator; a node that joins adds its own. */
  readonly operators: Map<string, DevelopmentAccount>;
  running(): Named[];
  /** Nodes that something is done to just now; whoever wants to know what the others do asks none of them. */
  readonly touched: Set<string>;
  /** @throws Error when there is none */
  witness(): Named;
  clients(): Client[];
  /** All wires from and to a node. */
  wires(name: string, state: 'whole' | LinkFault): void;
  close(): Promise<void>;
}

export interface Named {
  readonly name: string;
  readonly node: TestNode;
}

interface Config {
  p2p: { listen: string[]; announce?: string[]; persistent: string[] };
  [key: string]: unknown;
}

/** An address at which nobody answers: peers must not tell each other of ways around the wires. */
const NOWHERE = '/ip4/127.0.0.1/tcp/1';

/** Starts all nodes of the manifest but those that come later. */
export async function startFleet(manifest: Manifest): Promise<Fleet> {
  const all = [...names('validator', manifest.validators), ...names('full', manifest.fullNodes)];
  const later = new Set(
    manifest.steps.flatMap((step) => step.flatMap(({ kind, node }) => (kind === 'start' ? [node] : []))),
  );
  const links: Link[] = [];
  const addresses: string[] = [];
  const closeLinks = (): void => {
    for (const link of links) link.close();
  };
  let network: TestNetwork;
  try {
    network = await startNetwork({
      validators: manifest.validators,
      fullNodes: manifest.fullNodes,
      adjust: (genesis) => weigh(genesis, manifest.powers),
      async configure(homes) {
        for (const home of homes.slice(0, manifest.validators)) addresses.push(addressOf(home));
        for (const [index, home] of homes.entries())
          await wire(all[index] as string, home, manifest, addresses, links);
      },
    });
  } catch (error) {
    closeLinks();
    throw error;
  }
  const nodes = new Map(all.map((name, index) => [name, network.nodes[index] as TestNode]));
  const node = (name: string): TestNode => {
    const found = nodes.get(name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found;
  };
  const close = async (): Promise<void> => {
    await network.close();
    closeLinks();
  };
  try {
    await Promise.all(
      names('full', manifest.fullNodes)
        .filter((name) => !later.has(name))
        .map((name) => node(name).start()),
    );
  } catch (error) {
    await close();
    throw error;
  }
  const touched = new Set<string>();
  const running = () => [...nodes].flatMap(([name, one]) => (one.running ? [{ name, node: one }] : []));
  return {
    network,
    addresses,
    node,
    operators: new Map(
      names('validator', manifest.validators).map((name, index) => [name, validatorAccount(index)]),
    ),
    running,
    touched,
    witness() {
      const found = running().find(({ name }) => !touched.has(name));
      if (found === undefined) throw new Error('nobody is left to be asked');
      return found;
    },
    clients: () => running().flatMap(({ node: one }) => (hasClient(one) ? [one.client] : [])),
    wires(name, state) {
      for (const link of links) if (link.from === name || link.to === name) link.set(state);
    },
    close,
  };
}

/** Not while its process runs and does not answer yet, nor when it has ended before it did. */
export function hasClient(node: TestNode): boolean {
  try {
    return node.client !== undefined;
  } catch {
    return false;
  }
}

function weigh(genesis: Genesis, powers: readonly number[]): void {
  genesis.validators = genesis.validators.map((one, index) => ({
    ...one,
    bond: one.bond * BigInt(powers[index] ?? 1),
  }));
}

function addressOf(home: string): string {
  const { p2p } = readConfig(home);
  return `${p2p.listen[0]}/p2p/${peerIdOf(loadOrCreateNodeKey(join(home, 'keys', 'node.json')))}`;
}

/** This node reaches every validator over a wire of its own. */
async function wire(
  name: string,
  home: string,
  manifest: Manifest,
  addresses: readonly string[],
  links: Link[],
): Promise<void> {
  const persistent: string[] = [];
  for (const [index, address] of addresses.entries()) {
    const other = `validator-${index}`;
    if (other === name) continue;
    const link = await createLink(name, other, Number(address.split('/')[4]));
    links.push(link);
    persistent.push(address.replace(/\/tcp\/\d+/, `/tcp/${link.port}`));
  }
  changeConfig(home, (config) => ({
    ...config,
    p2p: { ...config.p2p, announce: [NOWHERE], persistent },
    snapshots: { interval: manifest.snapshotInterval },
  }));
}

function readConfig(home: string): Config {
  return JSON.parse(readFileSync(join(home, 'config.json'), 'utf8')) as Config;
}

export function changeConfig(home: string, change: (config: Config) => Config): void {
  writeFileSync(join(home, 'config.json'), JSON.stringify(change(readConfig(home))));
}
