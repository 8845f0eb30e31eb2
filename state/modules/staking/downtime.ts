/**
 * A7: who is absent from more than half of a window of blocks is jailed for as long as a window, and loses nothing else.
 * Windows follow one another; each begins with a clean record.
 */
import { hasBit } from '../../../consensus/validator-set/set.ts';
import { Fault, type LastCommit } from '../../types.ts';
import type { ModuleContext } from '../context.ts';
import { jail, othersHavePower } from './sets.ts';
import { readMissed, readSet, readValidator, writeMissed } from './storage.ts';

/** Before the transactions of block H: `lastCommit` says who signed H-1, as its proposer has seen it. */
export function countAbsent(context: ModuleContext, lastCommit: LastCommit | null): void {
  const height = context.block.number - 1;
  if (lastCommit === null || height < 1) return;
  const set = readSet(context, height);
  if (set === undefined) throw new Fault(`validator set ${height} is missing`);
  const size = context.params.consensus.downtimeWindowBlocks;
  const window = Math.floor(height / size);
  for (const [index, { address }] of set.validators.entries()) {
    if (hasBit(lastCommit.bitmap, index)) continue;
    const missed = readMissed(context, address, window) + 1;
    writeMissed(context, address, window, missed);
    if (missed * 2 <= size) continue;
    const found = readValidator(context, address, context.params.staking.powerUnit);
    if (found !== undefined && !found.jailed && othersHavePower(context, address))
      jail(context, address, size);
  }
}
