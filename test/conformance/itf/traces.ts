import { resolve } from 'node:path';
import { projectRoot } from '../state/fixtures.ts';

/** The model traces that stand beside a checkout, if they do. */
export function defaultTraces(): string {
  return resolve(projectRoot(), '../shared/vectors/consensus-itf/traces.tar.gz');
}
