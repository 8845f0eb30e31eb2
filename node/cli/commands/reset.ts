import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../config/errors.ts';
import { ATTESTED_FILE } from '../../validator/attesting.ts';
import { LAST_SIGNED_FILE } from '../../validator/signing.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { configOf, HOME_FLAG, refuseWhileRunning } from '../stopped-node.ts';

/** What a node writes into its data folder and gets again from its peers or makes anew. */
const MADE_AGAIN = [
  'chain',
  'chain.restoring',
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
    await refuseWhileRunning(config);
    for (const name of names) deleteAllBut(join(dataDir, name), KEPT);
    if (flags.json) out.json({ dataDir, deleted: names });
    else out.line(`deleted ${names.join(', ')} in ${dataDir}`);
  },
});

function deleteAllBut(path: string, kept: readonly string[]): void {
  if (!kept.some((name) => existsSync(join(path, name)))) {
    rmSync(path, { recursive: true, force: true });
    return;
  }
  for (const name of readdirSync(path))
    if (!kept.includes(name)) rmSync(join(path, name), { recursive: true, force: true });
}
