import type { WalRecord } from '../../../consensus/wal/records.ts';
import { defineCommand, EXIT, NO_POSITIONALS } from '../command.ts';
import { toJson } from '../output.ts';
import { HOME_FLAG } from '../stopped-node.ts';
import { withWal } from '../wal-file.ts';

export const command = defineCommand({
  name: 'wal dump',
  summary: 'Show what the consensus log of a stopped node holds, one JSON object a record.',
  positionals: NO_POSITIONALS,
  flags: { home: HOME_FLAG },
  details:
    'Offset in the file, then the record; bodies of blocks by their size. Exit code 1: damaged after the last line.',
  async run({ flags, out, ...environment }) {
    const { path, scan, records } = await withWal(flags.home, environment, (wal) => wal);
    for (const [at, record] of records.entries())
      out.line(toJson({ offset: scan.frames[at]!.offset, ...shown(record) }));
    if (scan.result === 'damaged') {
      out.note(`${path}: ${scan.problem} at offset ${scan.offset}`);
      return EXIT.failed;
    }
    if (scan.torn) out.note(`${path}: the last record is half written, which is normal after a crash`);
    return EXIT.ok;
  },
});

function shown(record: WalRecord): object {
  if (record.kind !== 'block') return record;
  const { bytes, ...rest } = record;
  return { ...rest, size: bytes.length };
}
