import { decodeHead } from '../../../state/db/head-record.ts';
import { metaKey } from '../../../state/db/keys.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { sizeText } from '../folder-bytes.ts';
import { configOf, genesisOf, HOME_FLAG, withStoppedChain } from '../stopped-node.ts';
import { wholeNumber } from '../values.ts';

export const command = defineCommand({
  name: 'snapshot create',
  summary: 'Make a snapshot of the state of a stopped node, which it serves when it runs again.',
  positionals: NO_POSITIONALS,
  flags: {
    home: HOME_FLAG,
    height: {
      type: 'string',
      value: 'N',
      help: 'block whose state is taken (default: the one before the head)',
    },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  details: 'A running node makes snapshots by itself every snapshots.interval blocks.',
  async run({ flags, out, ...environment }) {
    const config = configOf(flags.home, environment);
    const { genesis } = await genesisOf(config);
    const [{ makeSnapshot }, { openSnapshotFiles, snapshotFacts }] = await Promise.all([
      import('../../snapshots/make.ts'),
      import('../../snapshots/files.ts'),
    ]);
    const head = await withStoppedChain(config, async (db) => decodeHead(db.get(metaKey('head'))!).number);
    const height =
      flags.height === undefined ? Math.max(1, head - 1) : wholeNumber(flags.height, '--height', 1, head);
    const { dataDir, snapshots } = config;
    const { evidenceMaxAgeBlocks } = genesis.params.consensus;
    await makeSnapshot({ dataDir, evidenceMaxAgeBlocks, keep: snapshots.keep }, height);
    const facts = snapshotFacts(openSnapshotFiles(dataDir), height)!;
    if (flags.json) out.json({ height, ...facts });
    else out.line(`snapshot of block ${height}: ${facts.chunks} chunks, ${sizeText(facts.bytes)}`);
  },
});
