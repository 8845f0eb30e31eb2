import { defineCommand, EXIT, NO_POSITIONALS } from '../command.ts';
import { withWal } from '../wal-file.ts';

export const command = defineCommand({
  name: 'wal check',
  summary: 'Read the consensus log of a stopped node and say whether it is whole.',
  positionals: NO_POSITIONALS,
  flags: {
    home: {
      type: 'string',
      value: 'DIR',
      help: "the node's folder (default $OPENLEDGER_HOME, else ./.openledger)",
    },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  details: 'A half-written last record is normal after a crash; the node cuts it off. Exit code 1: damaged.',
  async run({ flags, out, ...environment }) {
    const { path, bytes, scan } = await withWal(flags.home, environment, (wal) => wal);
    const damaged = scan.result === 'damaged';
    if (flags.json)
      out.json({
        path,
        bytes: bytes.length,
        records: scan.frames.length,
        ...(damaged ? { damagedAt: scan.offset, problem: scan.problem } : { torn: scan.torn }),
      });
    else if (damaged)
      out.line(`${path}: ${scan.problem} at offset ${scan.offset}, after ${scan.frames.length} records`);
    else out.line(`${path}: ${scan.frames.length} records${scan.torn ? ', the last one half written' : ''}`);
    return damaged ? EXIT.failed : EXIT.ok;
  },
});
