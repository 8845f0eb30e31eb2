import { existsSync, readFileSync } from 'node:fs';
import { UserError } from '../../config/errors.ts';
import { writeFileAtomic } from '../../keys/files.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { wholeNumber } from '../values.ts';
import { withWal } from '../wal-file.ts';

export const command = defineCommand({
  name: 'wal repair',
  summary: 'Cut the damaged end off the consensus log of a stopped node.',
  positionals: NO_POSITIONALS,
  flags: {
    home: {
      type: 'string',
      value: 'DIR',
      help: "the node's folder (default $OPENLEDGER_HOME, else ./.openledger)",
    },
    offset: {
      type: 'string',
      value: 'N',
      help: 'where the damage begins, as the node said it',
      required: true,
    },
  },
  details: `
The old log is kept beside it. A validator does not sign in the height whose votes may be lost: the record beside its
key knows how many there were.`,
  async run({ flags, out, ...environment }) {
    const offset = wholeNumber(flags.offset, '--offset', 0, Number.MAX_SAFE_INTEGER);
    await withWal(flags.home, environment, ({ path, bytes, scan }) => {
      if (scan.result !== 'damaged') throw new UserError('NOTHING_TO_REPAIR', `${path} is not damaged`);
      if (scan.offset !== offset)
        throw new UserError(
          'WRONG_OFFSET',
          `the damage in ${path} begins at ${scan.offset}, not at ${offset}`,
        );
      const kept = nameForOld(`${path}.damaged-at-${offset}`, bytes);
      if (!existsSync(kept)) writeFileAtomic(kept, bytes);
      writeFileAtomic(path, bytes.subarray(0, offset), { replace: true });
      out.line(`cut ${bytes.length - offset} bytes off ${path}; the old log is ${kept}`);
    });
  },
});

/** A name that is free, or that of the same bytes, which a repair that was killed has left. */
function nameForOld(name: string, bytes: Uint8Array): string {
  for (let i = 1; ; i++) {
    const path = i === 1 ? name : `${name}.${i}`;
    if (!existsSync(path) || readFileSync(path).equals(bytes)) return path;
  }
}
