import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { placeText, wholeRecord, withKeyRecord } from '../last-signed.ts';
import { HOME_FLAG } from '../stopped-node.ts';

export const command = defineCommand({
  name: 'last-signed show',
  summary: 'Show what the consensus key of a stopped node signed last.',
  positionals: NO_POSITIONALS,
  flags: { home: HOME_FLAG, json: { type: 'boolean', help: 'print JSON for programs' } },
  async run({ flags, out, ...environment }) {
    const record = await withKeyRecord(flags.home, environment, wholeRecord);
    const { publicKey, last, attested } = record;
    const { height, round, step } = last;
    if (flags.json) out.json({ publicKey, height, round, step, attestations: attested.size });
    else out.line(`${publicKey}: ${placeText(record)}, ${attested.size} attestations`);
  },
});
