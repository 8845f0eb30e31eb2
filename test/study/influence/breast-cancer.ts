import type { Study } from '../types.ts';
import { leaveOneOutStudy, tabularCase } from './leave-one-out.ts';

export const study: Study = leaveOneOutStudy(
  'influence-breast-cancer',
  'Influence against the truth: breast cancer',
  [100_000, 1_000_000, 10_000_000].map((l2Micro) =>
    tabularCase('breast cancer', l2Micro, { perQuery: 0.95, lds: 0.6 }),
  ),
);
