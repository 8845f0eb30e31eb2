import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { decodeHead } from '../../../state/db/head-record.ts';
import { metaKey } from '../../../state/db/keys.ts';
import { exportState } from '../../../state/maintenance/export.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { configOf, HOME_FLAG, interrupted, withStoppedChain } from '../stopped-node.ts';
import { wholeNumber } from '../values.ts';

export const command = defineCommand({
  name: 'export',
  summary: 'Write the state of a stopped node after a block as JSON.',
  positionals: NO_POSITIONALS,
  flags: {
    home: HOME_FLAG,
    out: { type: 'string', value: 'FILE', help: 'file to write', required: true },
    height: { type: 'string', value: 'N', help: 'block whose state is meant (default: the head)' },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  details: `
number, hash and stateRoot of the block, then alloc: each account with balance, nonce, code and storage as in a genesis
file, and bodies: the records of the modules by hash, which the slots of their record accounts name.`,
  async run({ flags, out, ...environment }) {
    const config = configOf(flags.home, environment);
    const path = resolve(environment.workingDirectory, flags.out);
    const { moduleTable } = await import('../../../state/execution/module-table.ts');
    const height = await withStoppedChain(config, async (db) => {
      const head = decodeHead(db.get(metaKey('head'))!).number;
      const number = flags.height === undefined ? head : wholeNumber(flags.height, '--height', 0, head);
      const partial = `${path}.partial`;
      try {
        const pieces = Readable.from(exportState(db, number, moduleTable.recordAccounts));
        await pipeline(pieces, createWriteStream(partial, { flush: true }), { signal: environment.signal });
        await rename(partial, path);
      } catch (error) {
        throw environment.signal.aborted ? interrupted() : error;
      } finally {
        await rm(partial, { force: true });
      }
      return number;
    });
    if (flags.json) out.json({ height, file: path });
    else out.line(`state after block ${height} is in ${path}`);
  },
});
