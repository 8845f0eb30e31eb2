import { decodeHead } from '../../../state/db/head-record.ts';
import { metaKey } from '../../../state/db/keys.ts';
import { readMark } from '../../../state/db/marks.ts';
import { oldestPosting } from '../../../state/indexes/store.ts';
import { databaseStats } from '../../../state/maintenance/stats.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { folderBytes, sizeText } from '../folder-bytes.ts';
import { table } from '../output.ts';
import { chainDirectory, configOf, HOME_FLAG, withStoppedChain } from '../stopped-node.ts';

export const command = defineCommand({
  name: 'db stats',
  summary: 'What the database of a stopped node holds, and how much space it takes.',
  positionals: NO_POSITIONALS,
  flags: { home: HOME_FLAG, json: { type: 'boolean', help: 'print JSON for programs' } },
  details:
    'Reads every entry once. Sizes of columns are before compression; the sum on disk is of the files.',
  async run({ flags, out, ...environment }) {
    const config = configOf(flags.home, environment);
    const shown = await withStoppedChain(
      config,
      async (db) => {
        const head = decodeHead(db.get(metaKey('head'))!);
        return {
          head: head.number,
          hash: head.hash,
          oldestState: readMark(db, 'oldest'),
          oldestBlock: readMark(db, 'oldestBlock'),
          oldestReceipts: readMark(db, 'oldestReceipts'),
          oldestIndex: readMark(db, 'oldestIndex'),
          oldestPosting: oldestPosting(db),
          columns: await databaseStats(db),
        };
      },
      environment.signal,
    );
    const diskBytes = folderBytes(chainDirectory(config));
    if (flags.json) return void out.json({ ...shown, diskBytes });
    out.line(`head ${shown.head} (${shown.hash})`);
    out.line(
      `oldest state ${shown.oldestState}, body ${shown.oldestBlock}, receipts ${shown.oldestReceipts}, hashes of transactions ${shown.oldestIndex}, ` +
        `indexes of history ${shown.oldestPosting}`,
    );
    const rows = shown.columns.map(({ name, entries, bytes }) => [name, String(entries), sizeText(bytes)]);
    for (const line of table([['column', 'entries', 'size'], ...rows])) out.line(line);
    out.line(`on disk ${sizeText(diskBytes)}`);
  },
});
