import type { Study } from '../types.ts';
import { leaveOneOutStudy, tabularCase } from './leave-one-out.ts';

export const study: Study = leaveOneOutStudy('influence-digits', 'Influence against the truth: digits', [
  tabularCase('digits', 1_000_000, { perQuery: 0.99, lds: 0.92 }),
]);
