/**
 * Addresses at which peers were met, kept across restarts: a node whose bootstrap peers are gone still finds the
 * network. Only what was seen to work is kept, few a host, and the file is read like a message from a stranger.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import type { Log } from '../log.ts';
import { hostGroup, isLoopback } from './hosts.ts';
import { dialableHearsay } from './peer-exchange.ts';
import { peerIdOfAddress } from './redial.ts';
import type { PeerId } from './types.ts';

/** Enough to find somebody after weeks; at most 50 KiB. */
const MAX_STORED = 256;
/** One host with many keys must not fill the store. */
const MAX_PER_HOST = 8;
/** Nothing that this program wrote is larger. */
const MAX_FILE_BYTES = 128 * 1024;
const MAX_ADDRESS_CHARS = 256;
/** A teller on loopback: the store is this machine's own. */
const LOOPBACK_TELLER = '/ip4/127.0.0.1/tcp/0';

export interface PeerStore {
  /** The last met first. */
  addresses(): readonly string[];
  /** The peer was met there just now. */
  met(address: string): void;
  /** Writes the file if something changed. Never throws: it is a convenience. */
  save(): void;
}

/** @param file undefined: nothing outlives the process */
export function openPeerStore(file: string | undefined, log: Log): PeerStore {
  /** In the order of the last meeting, the last one at the end. */
  const known = new Map<PeerId, string>();
  let isChanged = false;

  function put(address: string): void {
    const peer = peerIdOfAddress(address);
    if (peer === undefined) return;
    known.delete(peer);
    const host = hostGroup(address);
    const neighbours = [...known].filter(([, other]) => hostGroup(other) === host);
    if (neighbours.length >= MAX_PER_HOST && !isLoopback(address)) known.delete(neighbours[0]![0]);
    if (known.size >= MAX_STORED) known.delete(known.keys().next().value!);
    known.set(peer, address);
  }

  if (file !== undefined) for (const address of read(file, log).reverse()) put(address);
  return {
    addresses: () => [...known.values()].reverse(),
    met(address) {
      if (known.get(peerIdOfAddress(address) ?? '') !== address) isChanged = true;
      put(address);
    },
    save() {
      if (file === undefined || !isChanged) return;
      try {
        replace(
          file,
          `${JSON.stringify({ version: 1, addresses: [...known.values()].reverse() }, null, 1)}\n`,
        );
        isChanged = false;
      } catch (error) {
        log('warn', 'the addresses of peers could not be kept', { file, error: (error as Error).message });
      }
    },
  };
}

/** Nothing in the file can make the node fail, dial anything but TCP with a peer id, or hold more than the bounds. */
function read(file: string, log: Log): string[] {
  try {
    if (statSync(file).size > MAX_FILE_BYTES) throw new Error('larger than this program writes');
    const json: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const { version, addresses } = (json ?? {}) as { version?: unknown; addresses?: unknown };
    if (version !== 1 || !Array.isArray(addresses)) throw new Error('not a list of addresses');
    const texts = addresses
      .filter((one): one is string => typeof one === 'string' && one.length <= MAX_ADDRESS_CHARS)
      .slice(0, MAX_STORED);
    return dialableHearsay(texts, LOOPBACK_TELLER);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log('warn', 'the kept addresses of peers cannot be read; the node goes on without them', {
        file,
        error: (error as Error).message,
      });
    return [];
  }
}

function replace(file: string, text: string): void {
  const handle = openSync(`${file}.new`, 'w', 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(`${file}.new`, file);
}
