/**
 * Before an empty node starts for the first time: a network of its own for as long as it takes to fetch a snapshot.
 * The snapshot is restored beside the place of the chain and moved there when all of it was checked.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Genesis } from '../../genesis/types.ts';
import { type DatabaseFiles, openDatabase } from '../../state/db/database.ts';
import { moduleTable } from '../../state/execution/module-table.ts';
import { makeGenesisBlock } from '../../state/genesis-block.ts';
import { startRestore, type Trust } from '../../state/snapshot/restore.ts';
import { ChainError, type Hex } from '../../state/types.ts';
import { systemClock, systemRandom } from '../authorities.ts';
import type { NodeConfig } from '../config/config.ts';
import type { Log } from '../log.ts';
import { createNetwork } from '../network/network.ts';
import { createBlstVerifier } from '../validator/bls.ts';
import { type FetchResult, fetchSnapshot } from './fetch.ts';

/**
 * Does nothing but log if it cannot be done: the node then takes all blocks, as without a snapshot.
 * @throws UserError STOPPED after the signal: a chain that was begun all the same would never get a snapshot
 */
export async function beginWithSnapshot(parts: {
  readonly config: NodeConfig;
  readonly genesis: Genesis;
  readonly nodeKey: Uint8Array;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
}): Promise<void> {
  const { config, log } = parts;
  const trust: Trust = { height: config.trustHeight, hash: config.trustHash.toLowerCase() as Hex };
  log('info', 'the node is empty: looking for a snapshot', {
    trustHeight: trust.height,
    trustHash: trust.hash,
  });
  const found = await fetchInto(trust, parts);
  if (found.result === 'restored') {
    const { head, peers } = found;
    log('info', 'restored from a snapshot', { height: head.number, hash: head.hash, peers });
  } else
    log('warn', `beginning with the first block instead of a snapshot: ${found.reason}`, {
      trustHeight: trust.height,
    });
}

async function fetchInto(
  trust: Trust,
  { config, genesis, nodeKey, log, signal }: Parameters<typeof beginWithSnapshot>[0],
): Promise<FetchResult> {
  const { block } = await makeGenesisBlock(genesis, moduleTable);
  const directory = join(config.dataDir, 'chain.restoring');
  const bls = createBlstVerifier();
  let db: DatabaseFiles | undefined;
  const discard = async (): Promise<void> => {
    await db?.close();
    db = undefined;
    await clearRestoring(directory);
  };
  const network = await createNetwork({
    privateKey: nodeKey,
    listen: [],
    bootstrap: config.p2p.bootstrap,
    persistentPeers: config.p2p.persistent,
    genesisHash: block.hash,
    head: () => ({ height: 0, hash: block.hash }),
    env: { clock: systemClock, random: systemRandom, log },
  });
  const stop = (): void => void network.stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    // Not started after the signal, which is heard of only once.
    if (signal?.aborted !== true) await network.start();
    const result = await fetchSnapshot({
      network,
      clock: systemClock,
      log,
      trustHeight: trust.height,
      signal,
      async begin(manifest) {
        await discard();
        db = await openDatabase(directory);
        return startRestore(db, manifest, {
          genesisHash: block.hash,
          params: genesis.params,
          trust,
          bls,
          modules: moduleTable,
        });
      },
    });
    if (result.result === 'restored') {
      await db?.close();
      db = undefined;
      renameSync(directory, join(config.dataDir, 'chain'));
    }
    return result;
  } finally {
    signal?.removeEventListener('abort', stop);
    await network.stop();
    await discard();
  }
}

/**
 * Deletes what a start left that was killed. What another process has open is its own: it would end with the files of
 * both in the place of the chain.
 * @throws ChainError DATA_DIR_IN_USE
 */
export async function clearRestoring(directory: string): Promise<void> {
  if (!existsSync(directory)) return;
  try {
    await (await openDatabase(directory)).close();
  } catch (error) {
    if (error instanceof ChainError && error.code === 'DATA_DIR_IN_USE') throw error;
  }
  rmSync(directory, { recursive: true, force: true });
}
