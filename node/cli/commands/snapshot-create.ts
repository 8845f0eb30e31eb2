import { decodeHead } from '../../../state/db/head-record.ts';
import { metaKey } from '../../../state/db/keys.ts';
import { UserError } from '../../config/errors.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { sizeText } from '../folder-bytes.ts';
import {
  configOf,
  genesisOf,
  HOME_FLAG,
  refuseOtherChain,
  unlessInterrupted,
  withStoppedChain,
} from '../stopped-node.ts';
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
    const { genesis, genesisHash } = await genesisOf(config);
    const [{ makeSnapshot }, { openSnapshotFiles, snapshotFacts }] = await Promise.all([
      import('../../snapshots/make.ts'),
      import('../../snapshots/files.ts'),
    ]);
    const head = await withStoppedChain(config, async (db) => {
      refuseOtherChain(db, config, genesisHash);
      return decodeHead(db.get(metaKey('head'))!).number;
    });
    if (head === 0)
      throw new UserError('UNKNOWN_BLOCK', 'the chain has only block 0, which every node makes itself');
    const height =
      flags.height === undefined ? Math.max(1, head - 1) : wholeNumber(flags.height, '--height', 1, head);
    const { dataDir, snapshots } = config;
    const newer = openSnapshotFiles(dataDir)
      .list()
      .filter((other) => other > height);
    if (newer.length >= snapshots.keep)
      throw new UserError(
        'USAGE',
        `--height: ${newer.length} newer snapshots are there, and snapshots.keep is ${snapshots.keep}: that of block ` +
          `${height} would be deleted at once. Set snapshots.keep higher, or take one after block ${newer[0]}`,
      );
    const { evidenceMaxAgeBlocks } = genesis.params.consensus;
    const settings = { dataDir, evidenceMaxAgeBlocks, keep: snapshots.keep };
    await unlessInterrupted(() => makeSnapshot(settings, height), environment.signal);
    const facts = snapshotFacts(openSnapshotFiles(dataDir), height)!;
    if (flags.json) out.json({ height, ...facts });
    else out.line(`snapshot of block ${height}: ${facts.chunks} chunks, ${sizeText(facts.bytes)}`);
  },
});
