import { defineCommand, EXIT, NO_POSITIONALS } from '../command.ts';
import { configOf, HOME_FLAG, withStoppedChain } from '../stopped-node.ts';

/** Between two lines of progress. */
const PROGRESS_MS = 2_000;

export const command = defineCommand({
  name: 'reindex',
  summary: 'Build the indexes of a stopped node anew: addresses, nonces, creators, token transfers, logs.',
  positionals: NO_POSITIONALS,
  flags: {
    home: HOME_FLAG,
    anew: { type: 'boolean', help: 'begin at the head again, even if an earlier run was interrupted' },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  details: `
From the receipts, downwards from the head. Where a part is missing (the node is older than its indexes, or a run was
interrupted) only that part is built. Ctrl-C ends it after the present batch, and the next run goes on from there; the
node may be started in between. Transfers inside transactions come from the receipts, too: blocks that were executed by
a version that did not keep them yet stay without.`,
  async run({ flags, out, ...environment }) {
    const config = configOf(flags.home, environment);
    const { reindex } = await import('../../../state/maintenance/reindex.ts');
    const { nowMs, signal } = environment;
    let toldAt = nowMs();
    const done = await withStoppedChain(config, (db) =>
      reindex(db, {
        anew: flags.anew === true,
        stop: () => signal.aborted,
        onProgress(oldest, last) {
          if (nowMs() - toldAt < PROGRESS_MS) return;
          toldAt = nowMs();
          out.note(`indexed down to block ${oldest}, ${oldest - last} to go`);
        },
      }),
    );
    const isWhole = done.oldest <= done.last;
    if (flags.json) out.json({ ...done, whole: isWhole });
    else {
      out.line(
        `${done.blocks} blocks, ${done.entries} entries; indexed from block ${done.oldest} to ${done.head}`,
      );
      if (!isWhole) out.line(`interrupted: run it again for the blocks from ${done.last} on`);
    }
    return isWhole ? EXIT.ok : EXIT.interrupted;
  },
});
