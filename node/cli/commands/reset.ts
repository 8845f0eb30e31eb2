import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import type { NodeConfig } from '../../config/config.ts';
import { UserError } from '../../config/errors.ts';
import { ATTESTED_FILE } from '../../validator/attesting.ts';
import { LAST_SIGNED_FILE } from '../../validator/signing.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { configOf, HOME_FLAG, whileStopped } from '../stopped-node.ts';

/** What a node writes into its data folder and gets again from its peers or makes anew. */
const MADE_AGAIN = [
  'chain',
  'chain.restoring',
  'chain.deleting',
  'segments',
  'vectors',
  'trained',
  'snapshots',
  'consensus',
  'evidence',
  'pool.journal',
];
/** What must survive even where a key lies in the data folder. */
const KEPT = [LAST_SIGNED_FILE, ATTESTED_FILE];

export const command = defineCommand({
  name: 'reset',
  summary:
    'Delete the chain of a stopped node, so that it begins anew from its peers. Keys and settings stay.',
  positionals: NO_POSITIONALS,
  flags: {
    home: HOME_FLAG,
    yes: { type: 'boolean', help: 'really do it' },
    artifacts: { type: 'boolean', help: 'delete the bytes of contributions, too; they may be nowhere else' },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  details: `
The last-signed record beside the consensus key stays as well: with it a validator can go on signing safely once it
has caught up.`,
  async run({ flags, out, ...environment }) {
    const config = configOf(flags.home, environment);
    const { dataDir } = config;
    const names = [...MADE_AGAIN, ...(flags.artifacts ? ['artifacts'] : [])].filter((name) =>
      existsSync(join(dataDir, name)),
    );
    if (names.length === 0) throw new UserError('NOTHING_TO_RESET', `there is no chain in ${dataDir}`);
    if (!flags.yes)
      throw new UserError('USAGE', `this deletes ${names.join(', ')} in ${dataDir}; add --yes to do it`);
    refuseWithKeys(config, names);
    const chain = join(dataDir, 'chain');
    const deleting = join(dataDir, 'chain.deleting');
    await whileStopped(config, () => {
      // The chain last, and all of it at once: a node that starts after a kill in here finds the whole one or none.
      for (const name of names) if (name !== 'chain') deleteAllBut(join(dataDir, name), KEPT);
      if (existsSync(chain)) putAside(chain, deleting);
    });
    rmSync(deleting, { recursive: true, force: true });
    if (flags.json) out.json({ dataDir, deleted: names });
    else out.line(`deleted ${names.join(', ')} in ${dataDir}`);
  },
});

/** @throws UserError USAGE where a file that must stay lies in a folder that would go. */
function refuseWithKeys(
  { dataDir, validator, nodeKey, genesis }: NodeConfig,
  names: readonly string[],
): void {
  for (const file of [validator.key, validator.passwordFile, nodeKey, genesis]) {
    const inside = names.find((name) => {
      const way = relative(join(dataDir, name), file);
      return file !== '' && !way.startsWith('..') && !isAbsolute(way);
    });
    if (inside !== undefined)
      throw new UserError(
        'USAGE',
        `${file} lies in ${join(dataDir, inside)}, which this deletes: move it first`,
      );
  }
}

/** A folder that is a disk of its own stays where it is, empty. */
function putAside(folder: string, name: string): void {
  try {
    renameSync(folder, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    // Without its first file the rest is no chain, also when this is killed.
    rmSync(join(folder, 'CURRENT'), { force: true });
    for (const file of readdirSync(folder)) rmSync(join(folder, file), { recursive: true, force: true });
  }
}

function deleteAllBut(path: string, kept: readonly string[]): void {
  if (!kept.some((name) => existsSync(join(path, name)))) {
    rmSync(path, { recursive: true, force: true });
    return;
  }
  for (const name of readdirSync(path))
    if (!kept.includes(name)) rmSync(join(path, name), { recursive: true, force: true });
}
