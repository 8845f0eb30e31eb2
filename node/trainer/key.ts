import { createHash } from 'node:crypto';
import type { TrainingJob } from './types.ts';

/** Names what training gives by all that it depends on: the spec, the pinned histories, and those of what it rests on. */
export function trainingKey({
  spec,
  snapshots,
  base,
}: Pick<TrainingJob, 'spec' | 'snapshots'> & BaseKeyed): string {
  const hash = createHash('sha256').update('OL/trained/v1');
  for (const part of base === undefined ? [{ spec, snapshots }] : [{ spec, snapshots }, base]) {
    hash.update(`\n${part.spec.length} `).update(part.spec);
    for (const pin of part.snapshots) hash.update(`\n${pin.dataNetId} ${pin.length} ${pin.historyHash}`);
  }
  return hash.digest('hex');
}

interface BaseKeyed {
  readonly base?: Pick<TrainingJob, 'spec' | 'snapshots'> | undefined;
}
