import { damagedTables } from '../../../state/db/table-check.ts';
import { UserError } from '../../config/errors.ts';
import { defineCommand, EXIT, NO_POSITIONALS } from '../command.ts';
import {
  chainDirectory,
  configOf,
  genesisOf,
  HOME_FLAG,
  refuseOtherChain,
  refuseWhileRunning,
  withStoppedChain,
} from '../stopped-node.ts';

export const command = defineCommand({
  name: 'db verify',
  summary: 'Read the whole database of a stopped node and say whether it is what was written.',
  positionals: NO_POSITIONALS,
  flags: {
    home: HOME_FLAG,
    signatures: { type: 'boolean', help: 'verify every commit certificate too (about 2 ms a block)' },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  details: `
Links of headers, bodies, receipts and certificates against their headers, the state rebuilt against the state root,
every trie node, code and body against its hash, the indexes against the receipts. Holds all accounts in memory. Exit code 1: damaged.`,
  async run({ flags, out, ...environment }) {
    const config = configOf(flags.home, environment);
    const { genesisHash } = await genesisOf(config);
    // Before LevelDB reads them: it would believe a damaged block.
    const broken = damagedTables(chainDirectory(config));
    if (broken.length > 0) {
      // A running node's tables are not finished: that is no damage.
      await refuseWhileRunning(config);
      throw new UserError(
        'DATABASE_DAMAGED',
        `damaged files of the database: ${broken.length} (${broken[0]}): check the disk, then ` +
          "'openledger reset --yes' and sync again",
      );
    }
    const [{ verifyDatabase }, { moduleTable }, { createBlstVerifier }] = await Promise.all([
      import('../../../state/maintenance/verify.ts'),
      import('../../../state/execution/module-table.ts'),
      import('../../validator/bls.ts'),
    ]);
    const report = await withStoppedChain(
      config,
      (db) => {
        refuseOtherChain(db, config, genesisHash);
        return verifyDatabase(db, {
          genesisHash,
          recordAccounts: moduleTable.recordAccounts,
          ...(flags.signatures && { bls: createBlstVerifier() }),
        });
      },
      environment.signal,
    );
    const damaged = report.problems.length > 0;
    if (flags.json) out.json(report);
    else {
      const { head, headers, bodies, receipts, certificates, accounts, slots, trieNodes } = report;
      out.line(
        `read to block ${head}: ${headers} headers, ${bodies} bodies, ${receipts} receipts, ${certificates} certificates, ` +
          `${accounts} accounts, ${slots} slots, ${report.bodiesOfRecords} records, ${trieNodes} trie nodes, ` +
          `${report.indexEntries} index entries`,
      );
      for (const problem of report.problems) out.line(`damaged: ${problem}`);
      out.line(
        damaged
          ? "try 'openledger rollback' if only the last blocks are damaged, else 'openledger reset --yes' and sync again"
          : 'whole',
      );
    }
    return damaged ? EXIT.failed : EXIT.ok;
  },
});
