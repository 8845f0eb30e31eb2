/** Whether credit can be gamed: docs/attribution/credit.md. Attackers are in this folder, one file an engine. */

import { loadDataSet, slice } from '../../unit/attribution/influence/oracle.ts';
import type { Study } from '../types.ts';
import { feeLoops } from './fee-loop.ts';
import { influenceAttacks } from './influence-attacks.ts';
import { writePage } from './page.ts';
import { genesisRule } from './payouts.ts';
import { retrievalAttacks } from './retrieval-attacks.ts';
import { phraseLists, ruleTable } from './rule-table.ts';
import { exactCopies, tokenAttacks, tokenScene } from './token-attacks.ts';

const SEEDS = 6;
const IDENTITIES = Array.from({ length: 50 }, (_, i) => i + 1);

export const study: Study = {
  name: 'credit',
  title: 'Can credit be gamed?',
  async run({ seed, progress }) {
    const seeds = Array.from({ length: SEEDS }, (_, i) => seed + i);
    const rules = ruleTable(seeds, progress);
    const lists = phraseLists(seeds, progress);
    const scene = tokenScene(seed, Number.POSITIVE_INFINITY, 200);
    const small = tokenScene(seed, 3000, 25);
    const tokens = ([1, 2, 3] as const).map((version) => {
      progress(`copies against token attribution, version ${version}`);
      const { bars, noise } = tokenAttacks(scene, version);
      return { bars: [...exactCopies(small, version, IDENTITIES), ...bars], noise };
    });
    progress('copies against retrieval');
    const retrieval = retrievalAttacks(seed, 3000, 200);
    const loops = ([1, 2, 3] as const).map((version) => feeLoops(genesisRule(version)));
    const digits = loadDataSet('digits');
    const influence =
      digits &&
      influenceAttacks(
        { honest: slice(digits, 0, 400), queries: slice(digits, 400, 500), known: slice(digits, 500, 1000) },
        seed,
        progress,
      );
    return writePage({ rules, lists, tokens, retrieval, loops, influence, seeds });
  },
};
