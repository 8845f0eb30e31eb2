import { decodeHead } from '../../../state/db/head-record.ts';
import { metaKey } from '../../../state/db/keys.ts';
import { pruneAll } from '../../../state/db/retention.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { folderBytes, sizeText } from '../folder-bytes.ts';
import { chainDirectory, configOf, HOME_FLAG, withStoppedChain } from '../stopped-node.ts';

export const command = defineCommand({
  name: 'db prune',
  summary: "Apply a stopped node's retention settings at once, and give the space back to the disk.",
  positionals: NO_POSITIONALS,
  flags: { home: HOME_FLAG, json: { type: 'boolean', help: 'print JSON for programs' } },
  details: `
Settings: state.retention, state.blockRetention, state.receiptRetention, state.indexRetention. A running node applies
them bit by bit; this rewrites all files, for which it needs up to as much free space as the largest part takes.`,
  async run({ flags, out, ...environment }) {
    const config = configOf(flags.home, environment);
    const directory = chainDirectory(config);
    const before = folderBytes(directory);
    const { moduleTable } = await import('../../../state/execution/module-table.ts');
    const { retention, blockRetention, receiptRetention, indexRetention } = config.state;
    await withStoppedChain(
      config,
      (db) =>
        pruneAll(
          db,
          decodeHead(db.get(metaKey('head'))!).number,
          { states: retention, blocks: blockRetention, receipts: receiptRetention, index: indexRetention },
          moduleTable.recordAccounts,
        ),
      environment.signal,
    );
    const after = folderBytes(directory);
    if (flags.json) out.json({ before, after });
    else out.line(`${sizeText(before)} before, ${sizeText(after)} after`);
  },
});
