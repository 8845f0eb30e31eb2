/**
 * The state while a block (or a call) changes it: changes over a base, with a journal. A checkpoint costs nothing,
 * a revert costs what was changed since. Synchronous inside; the asynchronous methods are the shape that the EVM
 * library asks for.
 */
import type { AccountFields, StateManagerInterface } from '@ethereumjs/common';
import { Account, type Address } from '@ethereumjs/util';
import { type AccountData, type BaseState, EMPTY_ACCOUNT, viewOfAccount } from '../accounts/account.ts';
import {
  bareHex,
  EMPTY_BYTES,
  EMPTY_TRIE_ROOT,
  equalBytes,
  fromHex,
  KECCAK_EMPTY,
  keccak256,
  padLeft,
  stripZeros,
  toHex,
} from '../crypto.ts';
import { type AccountView, Fault, type Hex, type StateView } from '../types.ts';

/** Code by the object of its hash. Lives as long as an account that has it. */
const CODES = new WeakMap<Uint8Array, Uint8Array>();

/** Changes of a finished block, relative to its base. */
export interface WorldChanges {
  /** undefined: deleted. Storage roots are those of the base; the trie supplies the new ones. */
  accounts: ReadonlyMap<Hex, AccountData | undefined>;
  slots: ReadonlyMap<Hex, ReadonlyMap<string, Uint8Array>>;
  cleared: ReadonlySet<Hex>;
  /** By hex of the code's hash. */
  codes: ReadonlyMap<string, Uint8Array>;
  bodies: ReadonlyMap<Hex, Uint8Array>;
}

/** Reads of one moment of a world. */
export interface WorldSnapshot {
  account(address: Hex): AccountData | undefined;
  /** Without leading zeros. */
  slot(address: Hex, slot: string): Uint8Array;
  code(account: AccountData): Uint8Array;
  /** Accounts and slots that differ from the base, or did once. */
  changedAccounts(): Iterable<Hex>;
  changed(): [Hex, Hex[]][];
}

export class World implements StateManagerInterface, StateView {
  readonly base: BaseState;
  private readonly accounts = new Map<Hex, AccountData | undefined>();
  private readonly slots = new Map<Hex, Map<string, Uint8Array>>();
  private readonly cleared = new Set<Hex>();
  private readonly codes = new Map<string, Uint8Array>();
  private readonly bodies = new Map<Hex, Uint8Array>();
  private readonly undo: (() => void)[] = [];
  private readonly checkpoints: number[] = [];
  /** Values at the start of the transaction of slots that it has written (EIP-2200). */
  private readonly originals = new Map<Hex, Map<string, Uint8Array>>();
  /** Slots of the base that were read: found again without naming them anew. */
  private readonly baseSlots = new Map<Hex, Map<string, Uint8Array>>();

  constructor(base: BaseState) {
    this.base = base;
  }

  // ---- plain access

  read(address: Hex): AccountData | undefined {
    const changed = this.accounts.get(address);
    if (changed !== undefined || this.accounts.has(address)) return changed;
    return this.base.account(address);
  }

  write(address: Hex, account: AccountData | undefined): void {
    const had = this.accounts.has(address);
    const before = this.accounts.get(address);
    this.undo.push(had ? () => this.accounts.set(address, before) : () => this.accounts.delete(address));
    this.accounts.set(address, account);
  }

  /** Without leading zeros; empty for zero. */
  readSlot(address: Hex, slot: string): Uint8Array {
    const changed = this.slots.get(address)?.get(slot);
    if (changed !== undefined) return changed;
    return this.cleared.has(address) ? EMPTY_BYTES : this.baseSlot(address, slot);
  }

  private baseSlot(address: Hex, slot: string): Uint8Array {
    let known = this.baseSlots.get(address);
    if (known === undefined) {
      known = new Map();
      this.baseSlots.set(address, known);
    }
    let value = known.get(slot);
    if (value === undefined) {
      value = this.base.slot(address, slot);
      known.set(slot, value);
    }
    return value;
  }

  /** The slot's value when the transaction began (EIP-2200). */
  originalSlot(address: Hex, slot: string): Uint8Array {
    return this.originals.get(address)?.get(slot) ?? this.readSlot(address, slot);
  }

  writeSlot(address: Hex, slot: string, value: Uint8Array): void {
    let slots = this.slots.get(address);
    if (slots === undefined) {
      slots = new Map();
      this.slots.set(address, slots);
    }
    const changed = slots;
    const before = changed.get(slot);
    let originals = this.originals.get(address);
    if (originals === undefined) {
      originals = new Map();
      this.originals.set(address, originals);
    }
    if (!originals.has(slot)) originals.set(slot, before ?? this.readSlot(address, slot));
    this.undo.push(before === undefined ? () => changed.delete(slot) : () => changed.set(slot, before));
    changed.set(slot, stripZeros(value));
  }

  readCode(account: AccountData | undefined): Uint8Array {
    if (account === undefined || account.codeHash === KECCAK_EMPTY) return EMPTY_BYTES;
    // Accounts hand their hash on as the object that it is, so most codes are found without naming them.
    const known = CODES.get(account.codeHash);
    if (known !== undefined) return known;
    if (equalBytes(account.codeHash, KECCAK_EMPTY)) return EMPTY_BYTES;
    const code = this.codes.get(bareHex(account.codeHash)) ?? this.base.code(account.codeHash);
    CODES.set(account.codeHash, code);
    return code;
  }

  writeCode(address: Hex, code: Uint8Array): void {
    const codeHash = code.length === 0 ? KECCAK_EMPTY : keccak256(code);
    if (code.length > 0) this.codes.set(bareHex(codeHash), code);
    this.write(address, { ...(this.read(address) ?? EMPTY_ACCOUNT), codeHash });
  }

  clearSlots(address: Hex): void {
    const slots = this.slots.get(address);
    if (slots !== undefined)
      for (const [slot, value] of slots) if (value.length > 0) this.writeSlot(address, slot, EMPTY_BYTES);
    // Storage of before this block can only be there under a state override of a call; see WorldChanges.cleared.
    const account = this.base.account(address);
    if (
      account !== undefined &&
      !equalBytes(account.storageRoot, EMPTY_TRIE_ROOT) &&
      !this.cleared.has(address)
    ) {
      this.cleared.add(address);
      this.undo.push(() => this.cleared.delete(address));
    }
  }

  addBalance(address: Hex, amount: bigint): void {
    const account = this.read(address) ?? EMPTY_ACCOUNT;
    const balance = account.balance + amount;
    if (balance < 0n) throw new Fault(`balance of ${address} would become negative`);
    this.write(address, { ...account, balance });
  }

  // ---- StateView

  account(address: Hex): AccountView | undefined {
    const account = this.read(address);
    return account === undefined ? undefined : viewOfAccount(account);
  }

  storage(address: Hex, slot: Uint8Array): Uint8Array {
    return padLeft(this.readSlot(address, bareHex(slot)), 32);
  }

  code(address: Hex): Uint8Array {
    return this.readCode(this.read(address));
  }

  body(hash: Hex): Uint8Array | undefined {
    return this.bodies.get(hash) ?? this.base.body(hash);
  }

  /** Bodies are content-addressed: a revert leaves them behind, and the commit drops those that no slot names. */
  putBody(body: Uint8Array): Hex {
    const hash = toHex(keccak256(body));
    this.bodies.set(hash, body.slice());
    return hash;
  }

  // ---- journal

  /** Something outside of the state that is taken back together with it. */
  remember(undo: () => void): void {
    this.undo.push(undo);
  }

  begin(): void {
    this.checkpoints.push(this.undo.length);
  }

  keep(): void {
    if (this.checkpoints.pop() === undefined) throw new Fault('journal: commit without a checkpoint');
  }

  takeBack(): void {
    const mark = this.checkpoints.pop();
    if (mark === undefined) throw new Fault('journal: revert without a checkpoint');
    this.undoTo(mark);
  }

  private undoTo(mark: number): void {
    while (this.undo.length > mark) this.undo.pop()!();
  }

  /** Ends a transaction: its changes can no longer be taken back one by one. */
  endTransaction(): void {
    if (this.checkpoints.length > 0) throw new Fault('journal: a transaction ended inside a checkpoint');
    this.undo.length = 0;
    this.originals.clear();
  }

  /** Takes back everything since the last `endTransaction`, whatever checkpoints are open. */
  abortTransaction(): void {
    this.checkpoints.length = 0;
    this.undoTo(0);
    this.originals.clear();
  }

  changes(): WorldChanges {
    if (this.undo.length > 0) throw new Fault('journal: changes asked for inside a transaction');
    return this.unfinished();
  }

  /** What has changed so far, whatever may still be taken back. */
  protected unfinished(): WorldChanges {
    return {
      accounts: this.accounts,
      slots: this.slots,
      cleared: this.cleared,
      codes: this.codes,
      bodies: this.bodies,
    };
  }

  /** The state as it is now, whatever happens to this one. */
  snapshot(): WorldSnapshot {
    const { base } = this;
    const accounts = new Map(this.accounts);
    const slots = new Map([...this.slots].map(([address, own]) => [address, new Map(own)]));
    const cleared = new Set(this.cleared);
    return {
      account: (address) => (accounts.has(address) ? accounts.get(address) : base.account(address)),
      slot: (address, slot) =>
        slots.get(address)?.get(slot) ?? (cleared.has(address) ? EMPTY_BYTES : base.slot(address, slot)),
      code: (account) => this.readCode(account),
      changedAccounts: () => accounts.keys(),
      changed: () =>
        [...slots].map(([address, own]) => [address, [...own.keys()].map((slot): Hex => `0x${slot}`)]),
    };
  }

  // ---- what the EVM library calls

  readonly originalStorageCache = {
    get: async (address: Address, key: Uint8Array): Promise<Uint8Array> => {
      return this.originalSlot(toHex(address.bytes), bareHex(key));
    },
    clear: (): void => {
      this.originals.clear();
    },
  };

  async getAccount(address: Address): Promise<Account | undefined> {
    const account = this.read(toHex(address.bytes));
    if (account === undefined) return undefined;
    return new Account(account.nonce, account.balance, account.storageRoot, account.codeHash);
  }

  async putAccount(address: Address, account?: Account): Promise<void> {
    this.write(
      toHex(address.bytes),
      account === undefined
        ? undefined
        : {
            nonce: account.nonce,
            balance: account.balance,
            storageRoot: account.storageRoot,
            codeHash: account.codeHash,
          },
    );
  }

  async deleteAccount(address: Address): Promise<void> {
    const name = toHex(address.bytes);
    this.clearSlots(name);
    if (this.read(name) !== undefined || this.accounts.has(name)) this.write(name, undefined);
  }

  async modifyAccountFields(address: Address, fields: AccountFields): Promise<void> {
    const name = toHex(address.bytes);
    const account = this.read(name) ?? EMPTY_ACCOUNT;
    this.write(name, {
      nonce: fields.nonce ?? account.nonce,
      balance: fields.balance ?? account.balance,
      storageRoot: fields.storageRoot ?? account.storageRoot,
      codeHash: fields.codeHash ?? account.codeHash,
    });
  }

  async putCode(address: Address, code: Uint8Array): Promise<void> {
    this.writeCode(toHex(address.bytes), code);
  }

  async getCode(address: Address): Promise<Uint8Array> {
    return this.code(toHex(address.bytes));
  }

  async getCodeSize(address: Address): Promise<number> {
    return this.code(toHex(address.bytes)).length;
  }

  async getStorage(address: Address, key: Uint8Array): Promise<Uint8Array> {
    return this.readSlot(toHex(address.bytes), bareHex(key));
  }

  async putStorage(address: Address, key: Uint8Array, value: Uint8Array): Promise<void> {
    this.writeSlot(toHex(address.bytes), bareHex(key), value);
  }

  async clearStorage(address: Address): Promise<void> {
    this.clearSlots(toHex(address.bytes));
  }

  async checkpoint(): Promise<void> {
    this.begin();
  }

  async commit(): Promise<void> {
    this.keep();
  }

  async revert(): Promise<void> {
    this.takeBack();
  }

  async getStateRoot(): Promise<Uint8Array> {
    throw new Fault('the root of an unfinished state was asked for');
  }

  async setStateRoot(): Promise<void> {
    throw new Fault('a state cannot be moved to another root');
  }

  async hasStateRoot(): Promise<boolean> {
    return false;
  }

  clearCaches(): void {}

  shallowCopy(): StateManagerInterface {
    return new World(this.base);
  }
}

/** Slot of an unsigned number, as 64 hex digits. */
export function slotName(value: bigint | Uint8Array | Hex): string {
  if (typeof value === 'bigint') return value.toString(16).padStart(64, '0');
  return bareHex(typeof value === 'string' ? fromHex(value, 32) : value);
}
