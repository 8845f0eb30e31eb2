/** What a run reads and changes of the state: values before it and after it, as geth's prestateTracer collects them. */
import { bareHex, fromHex, padLeft, toHex } from '../crypto.ts';
import type { AccountState, Hex, StateChange } from '../types.ts';
import type { Observer } from './engine.ts';
import { word } from './tracer.ts';
import type { World, WorldSnapshot } from './world.ts';

const SLOAD = 0x54;
const SSTORE = 0x55;
/** BALANCE, EXTCODESIZE, EXTCODECOPY, EXTCODEHASH, SELFDESTRUCT: the address is on top of the stack. */
const ADDRESS_ON_TOP: ReadonlySet<number> = new Set([0x31, 0x3b, 0x3c, 0x3f, 0xff]);
/** CALL, CALLCODE, DELEGATECALL, STATICCALL: it is below the gas. */
const ADDRESS_BELOW: ReadonlySet<number> = new Set([0xf1, 0xf2, 0xf4, 0xfa]);

export interface TouchObserver extends Observer {
  touch(address: Hex): void;
  /** When the run is over. */
  change(): StateChange;
}

/** @param world as it is before the run */
export function createTouchObserver(world: World): TouchObserver {
  const before = world.snapshot();
  const touched = new Map<Hex, Set<Hex>>();
  const slotsOf = (address: Hex): Set<Hex> => {
    let slots = touched.get(address);
    if (slots === undefined) {
      slots = new Set();
      touched.set(address, slots);
    }
    return slots;
  };
  const addressOf = (value: bigint | undefined): Hex => `0x${word(value ?? 0n).slice(-40)}`;

  return {
    touch: (address) => void slotsOf(address),
    enter(message) {
      if (message.to !== undefined) slotsOf(toHex(message.to.bytes));
    },
    exit({ createdAddress }) {
      if (createdAddress !== undefined) slotsOf(toHex(createdAddress.bytes));
    },
    step(step) {
      const { code } = step.opcode;
      if (code === SLOAD || code === SSTORE)
        slotsOf(toHex(step.address.bytes)).add(word(step.stack.at(-1) ?? 0n));
      else if (ADDRESS_ON_TOP.has(code)) slotsOf(addressOf(step.stack.at(-1)));
      else if (ADDRESS_BELOW.has(code)) slotsOf(addressOf(step.stack.at(-2)));
    },
    change() {
      const after = world.snapshot();
      // Modules change accounts and slots without instructions.
      for (const [address, slots] of after.changed())
        for (const slot of slots) {
          const name = bareHex(fromHex(slot));
          if (toHex(before.slot(address, name)) !== toHex(after.slot(address, name)))
            slotsOf(address).add(slot);
        }
      for (const address of after.changedAccounts()) if (!sameState(before, after, address)) slotsOf(address);
      const states = (view: WorldSnapshot) =>
        Object.fromEntries(
          [...touched].map(([address, slots]) => [address, stateOf(view, address, slots)]),
        ) as Record<Hex, AccountState | null>;
      return { before: states(before), after: states(after) };
    },
  };
}

function sameState(before: WorldSnapshot, after: WorldSnapshot, address: Hex): boolean {
  const a = before.account(address);
  const b = after.account(address);
  if (a === undefined || b === undefined) return a === b;
  return a.nonce === b.nonce && a.balance === b.balance && toHex(a.codeHash) === toHex(b.codeHash);
}

function stateOf(view: WorldSnapshot, address: Hex, slots: ReadonlySet<Hex>): AccountState | null {
  const account = view.account(address);
  if (account === undefined) return null;
  return {
    balance: account.balance,
    nonce: account.nonce,
    code: view.code(account),
    storage: Object.fromEntries(
      [...slots].map((slot) => [slot, toHex(padLeft(view.slot(address, bareHex(fromHex(slot))), 32))]),
    ),
  };
}
