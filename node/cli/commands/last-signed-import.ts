import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../../config/errors.ts';
import { retiredRecordOf } from '../../keys/retired-record.ts';
import { mergeRecord, recordFromJson } from '../../validator/record-exchange.ts';
import { defineCommand } from '../command.ts';
import { type KeyRecord, placeText, readRecordFile, withKeyRecord } from '../last-signed.ts';
import { genesisOf, HOME_FLAG } from '../stopped-node.ts';

export const command = defineCommand({
  name: 'last-signed import',
  summary: 'Take over what the consensus key signed on another machine, which has stopped for good.',
  positionals: { usage: 'FILE', min: 1, max: 1 },
  flags: { home: HOME_FLAG, json: { type: 'boolean', help: 'print JSON for programs' } },
  details: 'Never goes back: if the record here is later, it stays.',
  async run({ flags, positionals, out, ...environment }) {
    const file = resolve(environment.workingDirectory, positionals[0]!);
    const { changed, record } = await withKeyRecord(flags.home, environment, (opened) =>
      takeOver(opened, file),
    );
    if (flags.json) out.json({ changed, height: record.last.height });
    else
      out.line(
        changed ? `took over ${placeText(record)}` : 'the record here is as late or later: nothing changed',
      );
  },
});

async function takeOver({ config, publicKey, storage }: KeyRecord, file: string) {
  const record = recordFromJson(readRecordFile(file));
  if (record.publicKey !== publicKey)
    throw new UserError(
      'WRONG_KEY',
      `the record is of the key ${record.publicKey}, ${config.validator.key} is ${publicKey}`,
    );
  const { genesisHash } = await genesisOf(config);
  if (record.genesisHash !== genesisHash)
    throw new UserError(
      'WRONG_CHAIN',
      `the record is of the chain ${record.genesisHash}, this one is ${genesisHash}`,
    );
  const changed = mergeRecord(storage, record);
  // The key lives here again.
  rmSync(retiredRecordOf(config.validator.key), { force: true });
  return { changed, record };
}
