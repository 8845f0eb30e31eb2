import type { Study } from '../types.ts';
import { leaveOneOutStudy } from './leave-one-out.ts';

export const study: Study = leaveOneOutStudy('influence-digits', 'Influence against the truth: digits', [
  { data: 'digits', l2Micro: 1_000_000 },
]);
