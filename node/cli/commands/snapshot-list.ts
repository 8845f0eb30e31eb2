import { join } from 'node:path';
import { SnapshotError } from '../../../state/snapshot/format.ts';
import { openSnapshotFiles, snapshotFacts } from '../../snapshots/files.ts';
import { defineCommand, EXIT, NO_POSITIONALS } from '../command.ts';
import { sizeText } from '../folder-bytes.ts';
import { configOf, HOME_FLAG } from '../stopped-node.ts';

export const command = defineCommand({
  name: 'snapshot list',
  summary: 'Show the snapshots that a node has, whether it runs or not.',
  positionals: NO_POSITIONALS,
  flags: { home: HOME_FLAG, json: { type: 'boolean', help: 'print JSON for programs' } },
  async run({ flags, out, ...environment }) {
    const { dataDir } = configOf(flags.home, environment);
    const files = openSnapshotFiles(dataDir);
    const damaged: number[] = [];
    const found = files.list().flatMap((height) => {
      try {
        const facts = snapshotFacts(files, height);
        return facts === undefined ? [] : [{ height, ...facts }];
      } catch (error) {
        if (!(error instanceof SnapshotError)) throw error;
        damaged.push(height);
        return [];
      }
    });
    if (flags.json) out.json(found);
    else if (found.length === 0) out.line('no snapshots');
    else
      for (const { height, chunks, bytes } of found)
        out.line(`block ${height}: ${chunks} chunks, ${sizeText(bytes)}`);
    for (const height of damaged)
      out.note(
        `block ${height}: damaged, of no use to anybody; remove ${join(dataDir, 'snapshots', String(height))}`,
      );
    return damaged.length > 0 ? EXIT.failed : EXIT.ok;
  },
});
