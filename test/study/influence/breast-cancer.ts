import type { Study } from '../types.ts';
import { leaveOneOutStudy } from './leave-one-out.ts';

export const study: Study = leaveOneOutStudy(
  'influence-breast-cancer',
  'Influence against the truth: breast cancer',
  [
    { data: 'breast cancer', l2Micro: 100_000 },
    { data: 'breast cancer', l2Micro: 1_000_000 },
    { data: 'breast cancer', l2Micro: 10_000_000 },
  ],
);
