/**
 * `npm run conformance:tokens -- [--cases N] [--seed FIRST]`: random and adversarial corpora on which the token index,
 * as one segment and as many, must say what brute force says. A failing case is replayed by its seed and `--cases 1`.
 */
import { parseArgs } from 'node:util';
import { checkTokenCase } from './check.ts';
import { tokenCase } from './corpora.ts';

const { values } = parseArgs({
  options: { cases: { type: 'string', default: '10000' }, seed: { type: 'string', default: '0' } },
});
const cases = Number(values.cases);
const first = Number(values.seed);
if (!Number.isSafeInteger(cases) || cases < 1 || !Number.isSafeInteger(first) || first < 0) {
  console.error('--cases is a positive integer, --seed one from 0 on');
  process.exit(2);
}
const byKind = new Map<string, number>();
for (let seed = first; seed < first + cases; seed++) {
  const test = tokenCase(seed);
  byKind.set(test.kind, (byKind.get(test.kind) ?? 0) + 1);
  try {
    checkTokenCase(test);
  } catch (error) {
    console.error(
      `seed ${seed} (${test.kind}) fails; replay: npm run conformance:tokens -- --seed ${seed} --cases 1`,
    );
    console.error(error);
    process.exit(1);
  }
}
console.log([...byKind].map(([kind, count]) => `${kind}: ${count}`).join(', '));
console.log(`${cases} corpora from seed ${first}: one segment, many segments and brute force agree`);
