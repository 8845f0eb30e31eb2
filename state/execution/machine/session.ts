/**
 * What one transaction remembers besides the state: warm accounts and slots, transient storage, logs, refunds, what
 * it made and destroyed. Everything is taken back with the frame that did it.
 */
import { isEmptyAccount } from '../../accounts/account.ts';
import { EMPTY_BYTES } from '../../crypto.ts';
import type { Hex, Inside, InternalOperation, Log } from '../../types.ts';
import type { World } from '../world.ts';

/** Of most transactions: one object for all. */
export const NOTHING_INSIDE: Inside = { operations: [], called: [] };

export class Session {
  readonly world: World;
  readonly logs: Log[] = [];
  /** Below the outermost call; what is reverted is cut off again, as logs are. */
  readonly operations: InternalOperation[] = [];
  readonly called = new Set<Hex>();
  refund = 0;
  private readonly alwaysWarm: ReadonlySet<Hex>;
  private readonly warmAccounts = new Set<Hex>();
  private readonly warmSlots = new Map<Hex, Set<string>>();
  private readonly transient = new Map<Hex, Map<string, Uint8Array>>();
  private readonly created = new Set<Hex>();
  private readonly destroyed = new Set<Hex>();
  /** EIP-161: accounts that are deleted at the end if nothing is in them. */
  private readonly touched = new Set<Hex>();

  /** @param alwaysWarm the precompiles */
  constructor(world: World, alwaysWarm: ReadonlySet<Hex>) {
    this.world = world;
    this.alwaysWarm = alwaysWarm;
  }

  inside(): Inside {
    if (this.operations.length === 0 && this.called.size === 0) return NOTHING_INSIDE;
    const { operations, called } = this;
    for (const { from, to } of operations) {
      called.delete(from);
      called.delete(to);
    }
    return { operations, called: [...called] };
  }

  // ---- EIP-2929

  /** Whether the account was warm; it is from now on. */
  warmAccount(address: Hex): boolean {
    if (this.warmAccounts.has(address) || this.alwaysWarm.has(address)) return true;
    this.addTo(this.warmAccounts, address);
    return false;
  }

  warmSlot(address: Hex, slot: string): boolean {
    let slots = this.warmSlots.get(address);
    if (slots === undefined) {
      slots = new Set();
      this.warmSlots.set(address, slots);
    }
    if (slots.has(slot)) return true;
    this.addTo(slots, slot);
    return false;
  }

  private addTo<T>(set: Set<T>, item: T): void {
    set.add(item);
    this.world.remember(() => set.delete(item));
  }

  // ---- EIP-1153

  readTransient(address: Hex, slot: string): Uint8Array {
    return this.transient.get(address)?.get(slot) ?? EMPTY_BYTES;
  }

  writeTransient(address: Hex, slot: string, value: Uint8Array): void {
    let slots = this.transient.get(address);
    if (slots === undefined) {
      slots = new Map();
      this.transient.set(address, slots);
    }
    const changed = slots;
    const before = changed.get(slot) ?? EMPTY_BYTES;
    this.world.remember(() => changed.set(slot, before));
    changed.set(slot, value);
  }

  // ---- accounts

  touch(address: Hex): void {
    if (!this.touched.has(address)) this.addTo(this.touched, address);
  }

  /** EIP-161: nothing there, or nothing in it. */
  isDead(address: Hex): boolean {
    const account = this.world.read(address);
    return account === undefined || isEmptyAccount(account);
  }

  balance(address: Hex): bigint {
    return this.world.read(address)?.balance ?? 0n;
  }

  /** The caller has asked whether `from` has so much. */
  transfer(from: Hex, to: Hex, value: bigint): void {
    this.touch(to);
    if (value === 0n) return;
    if (from === to) return;
    this.touch(from);
    this.world.addBalance(from, -value);
    this.world.addBalance(to, value);
  }

  markCreated(address: Hex): void {
    this.addTo(this.created, address);
  }

  /** EIP-6780: whether the account is destroyed with the transaction, since the transaction made it. */
  destroy(address: Hex): boolean {
    if (!this.created.has(address)) return false;
    if (!this.destroyed.has(address)) this.addTo(this.destroyed, address);
    return true;
  }

  /** The last step of a transaction, after fees were paid. */
  finish(): void {
    const { world } = this;
    for (const address of this.destroyed) {
      world.clearSlots(address);
      world.write(address, undefined);
    }
    for (const address of this.touched) {
      const account = world.read(address);
      if (account !== undefined && isEmptyAccount(account)) world.write(address, undefined);
    }
  }
}
