import { decodeHead } from '../../../state/db/head-record.ts';
import { metaKey } from '../../../state/db/keys.ts';
import { rollbackTo } from '../../../state/maintenance/rollback.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { configOf, HOME_FLAG, withStoppedChain } from '../stopped-node.ts';
import { wholeNumber } from '../values.ts';

export const command = defineCommand({
  name: 'rollback',
  summary: 'Undo the last block of a stopped node, or more, with the state that belongs to it.',
  positionals: NO_POSITIONALS,
  flags: {
    home: HOME_FLAG,
    to: {
      type: 'string',
      value: 'HEIGHT',
      help: 'block that becomes the head (default: the one before the head)',
    },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  details: `
At the next start the node gets the undone blocks from its peers and executes them again: for a damaged last block, or
after an update that mends how a block is executed. Reaches as far as states are kept (state.retention). The last-signed
record stays, so that a validator does not sign in these heights again: undo blocks only while other nodes have them.`,
  async run({ flags, out, ...environment }) {
    const config = configOf(flags.home, environment);
    const { from, to } = await withStoppedChain(
      config,
      async (db) => {
        const { number } = decodeHead(db.get(metaKey('head'))!);
        const wanted =
          flags.to === undefined ? number - 1 : wholeNumber(flags.to, '--to', 0, Number.MAX_SAFE_INTEGER);
        return { from: number, to: await rollbackTo(db, wanted) };
      },
      environment.signal,
    );
    if (flags.json) out.json({ from, head: to.number, hash: to.hash, stateRoot: to.stateRoot });
    else out.line(`went back from block ${from} to ${to.number} (${to.hash}), state root ${to.stateRoot}`);
  },
});
