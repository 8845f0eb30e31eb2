import { openSnapshotFiles, snapshotFacts } from '../../snapshots/files.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { sizeText } from '../folder-bytes.ts';
import { configOf, HOME_FLAG } from '../stopped-node.ts';

export const command = defineCommand({
  name: 'snapshot list',
  summary: 'Show the snapshots that a node has, whether it runs or not.',
  positionals: NO_POSITIONALS,
  flags: { home: HOME_FLAG, json: { type: 'boolean', help: 'print JSON for programs' } },
  async run({ flags, out, ...environment }) {
    const files = openSnapshotFiles(configOf(flags.home, environment).dataDir);
    const found = files.list().flatMap((height) => {
      const facts = snapshotFacts(files, height);
      return facts === undefined ? [] : [{ height, ...facts }];
    });
    if (flags.json) return void out.json(found);
    if (found.length === 0) out.line('no snapshots');
    for (const { height, chunks, bytes } of found)
      out.line(`block ${height}: ${chunks} chunks, ${sizeText(bytes)}`);
  },
});
