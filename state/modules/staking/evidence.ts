/** What proof of equivocation costs: a part of the bond and the seat, once for each offender and height. */
import type { Address } from '../../../consensus/types.ts';
import { concat, fromHex, keccak256 } from '../../crypto.ts';
import type { Hex } from '../../types.ts';
import type { ModuleContext } from '../context.ts';
import { othersHavePower, slash } from './sets.ts';
import { readValidator, STAKING_ADDRESS } from './storage.ts';

const DOMAIN = new TextEncoder().encode('OL/punished/v1');
const DONE = new Uint8Array(32).fill(0).with(31, 1);

/** keccak(domain ‖ operator ‖ height u64): set once the offence is punished. */
function punishedSlot(operator: Hex, height: number): Uint8Array {
  const tail = new Uint8Array(8);
  new DataView(tail.buffer).setBigUint64(0, BigInt(height));
  return keccak256(concat(DOMAIN, fromHex(operator, 20), tail));
}

/**
 * Slashes and jails a validator that signed two things at `height`. The last one with power is slashed only: a chain
 * without validators could never get one again.
 * @returns false, having changed nothing, if it is no validator (any more) or was punished for that height
 */
export function punishEquivocation(context: ModuleContext, operator: Address, height: number): boolean {
  const slot = punishedSlot(operator, height);
  if (context.storage(STAKING_ADDRESS, slot).some((byte) => byte !== 0)) return false;
  const { powerUnit, equivocationSlashBps } = context.params.staking;
  if (readValidator(context, operator, powerUnit) === undefined) return false;
  context.setStorage(STAKING_ADDRESS, slot, DONE);
  slash(context, operator, { bps: equivocationSlashBps, jail: othersHavePower(context, operator) });
  return true;
}
