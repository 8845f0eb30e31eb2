/**
 * Prints one hash over the training results and over a million scores of the influence solvers:
 * `node dist/test/determinism/influence.js [--workers N | --cuts A,B,...] [--arithmetic wasm|typescript] [--small]`.
 */
import { parseArgs } from 'node:util';
import { defaultArithmetic } from '../../attribution/influence/solvers/shard.ts';
import { scanHere, scanInWorkers } from './scanners.ts';
import { influenceHash, LARGE, SMALL } from './scores.ts';

const { values } = parseArgs({
  options: {
    workers: { type: 'string' },
    cuts: { type: 'string', default: '' },
    arithmetic: { type: 'string', default: defaultArithmetic() },
    small: { type: 'boolean', default: false },
  },
});
const { arithmetic } = values;
if (arithmetic !== 'wasm' && arithmetic !== 'typescript') {
  console.error(`--arithmetic is wasm or typescript, not '${arithmetic}'`);
  process.exit(2);
}
const open =
  values.workers === undefined
    ? scanHere(values.cuts.split(',').filter(Boolean).map(Number), arithmetic)
    : scanInWorkers(Number(values.workers), arithmetic);
const { hash, scores } = await influenceHash(values.small ? SMALL : LARGE, arithmetic, open);
console.log(`${hash} ${scores} scores`);
