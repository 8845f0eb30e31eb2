import { dirname, join, resolve } from 'node:path';
import { renameDurably, writeFileAtomic } from '../../keys/files.ts';
import { retiredRecordOf } from '../../keys/retired-record.ts';
import { recordToJson } from '../../validator/record-exchange.ts';
import { LAST_SIGNED_FILE } from '../../validator/signing.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { placeText, wholeRecord, withKeyRecord } from '../last-signed.ts';
import { HOME_FLAG } from '../stopped-node.ts';

export const command = defineCommand({
  name: 'last-signed export',
  summary:
    'Write what the consensus key of a stopped node has signed, for the machine that the key moves to.',
  positionals: NO_POSITIONALS,
  flags: {
    home: HOME_FLAG,
    out: { type: 'string', value: 'FILE', help: 'file to write', required: true },
    retire: {
      type: 'boolean',
      help: 'put the record here out of use, so that this node refuses to sign from now on',
    },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  details: `
Use --retire when the key moves: an export that is older than the last signature is worth nothing, and two machines
with one key lose its stake.`,
  async run({ flags, out, ...environment }) {
    const path = resolve(environment.workingDirectory, flags.out);
    const record = await withKeyRecord(flags.home, environment, async (opened) => {
      const whole = await wholeRecord(opened);
      writeFileAtomic(path, recordToJson(whole));
      const { key } = opened.config.validator;
      if (flags.retire) renameDurably(join(dirname(key), LAST_SIGNED_FILE), retiredRecordOf(key));
      return whole;
    });
    if (flags.json) out.json({ file: path, retired: flags.retire, height: record.last.height });
    else
      out.line(
        `${placeText(record)} is in ${path}${flags.retire ? '; this node refuses to start with the key now' : ''}`,
      );
  },
});
