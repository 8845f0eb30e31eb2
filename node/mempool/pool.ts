/**
 * The transaction pool: decides what is worth keeping, in which order it may be proposed, and what to tell peers.
 * It lives in the executor thread and reads the head's state synchronously; it never decides what is valid in a block.
 *
 * Each sender has one list by nonce. Its *executable* part runs without a gap from the account's nonce; the rest is
 * *queued*. A *held* transaction is executable but waits for something of this node (bytes, an attribution) and is
 * not proposed, and neither is what follows it.
 */

import { Fault, type Hex, type PooledTransaction } from '../../state/types.ts';
import { createTally, type Tally } from '../metrics/tally.ts';
import { LIMITS } from './limits.ts';
import type {
  AddResult,
  GateAnswer,
  Origin,
  PoolAccount,
  PoolChain,
  PoolJournal,
  Refusal,
  RefusalCode,
} from './types.ts';

export interface PoolOptions {
  chain: PoolChain;
  journal: PoolJournal;
  /** Milliseconds; only ages are measured with it. */
  nowMs: () => number;
  /** Transactions that became executable, in nonce order per sender. */
  onExecutable?: (transactions: readonly PooledTransaction[]) => void;
  /** Our own transactions that peers should hear of: when they become executable, and again while not included. */
  onBroadcast?: (transactions: readonly PooledTransaction[]) => void;
  /** Default `LIMITS.lifetimeMs`. */
  lifetimeMs?: number;
  limits?: { [K in 'accountSlots' | 'globalSlots' | 'accountQueue' | 'globalQueue']?: number };
}

/** Bytes: from a transfer to the largest that is taken. */
const SIZE_BOUNDS = [128, 256, 512, 1_024, 4_096, 16_384, 65_536, 131_072];

export interface PoolCounts {
  pending: number;
  queued: number;
  held: number;
  bytes: number;
  /** Transactions that were looked at again since the start, because a block touched their sender. */
  rechecked: number;
  /** Bytes of each transaction that was taken since the start. */
  sizes: Tally;
}

export interface Pool {
  /** One transaction; see `addAll`. */
  add(raw: Uint8Array, origin: Origin): AddResult;
  /** Each on its own; local ones that were taken are in the journal when this returns. */
  addAll(raws: readonly Uint8Array[], origin: Origin): AddResult[];
  /** Re-admits what the last run acknowledged; returns how many are still of use. */
  restore(): number;
  /** A block became the head: look again at the accounts it touched and forget what they have used up. */
  onHead(touched: Iterable<Hex>): void;
  /** Asks the gate again about held transactions. */
  recheck(): void;
  /** Best price first, each sender in nonce order; only what can pay `baseFee` and is not held. */
  candidates(baseFee: bigint): Generator<PooledTransaction, void, undefined>;
  /** Whether `candidates` would give anything now. */
  hasIncludable(): boolean;
  /** A proposer tried these: `dropped` can never be included; the others of `passedOver` rest for some blocks. */
  onBuilt(result: { dropped: readonly Hex[]; passedOver: readonly Hex[] }): void;
  get(hash: Hex): PooledTransaction | undefined;
  /** Next free nonce behind the executable ones; undefined if the pool holds none of the sender. */
  pendingNonce(address: Hex): bigint | undefined;
  counts(): PoolCounts;
  content(): { pending: PooledTransaction[]; queued: PooledTransaction[] };
  /** Sends local transactions that have waited long once more; call it now and then. */
  rebroadcast(): void;
  /** Forgets queued and held transactions past their lifetime; call it now and then. */
  expire(): void;
  /** Compacts the journal to what is still waiting and closes it. */
  close(): void;
}

interface Entry {
  readonly tx: PooledTransaction;
  readonly nonce: number;
  readonly cost: bigint;
  readonly slots: number;
  readonly addedMs: number;
  /** Order of arrival: breaks ties of price. */
  readonly sequence: number;
  readonly local: boolean;
  executable: boolean;
  held: string | undefined;
  /** Not proposed before this height. */
  sleepUntil: number;
  sleeps: number;
  broadcastMs: number;
}

interface Sender {
  readonly address: Hex;
  account: PoolAccount;
  /** Head at which `account` was read. */
  readAt: number;
  readonly entries: Map<number, Entry>;
  /** First nonce behind the gapless run from the account's nonce. */
  end: number;
  /** Sum of the costs of the executable entries. */
  spend: bigint;
}

export function createPool(options: PoolOptions): Pool {
  const { chain, journal, nowMs } = options;
  const limits = { ...LIMITS, ...options.limits };
  const senders = new Map<Hex, Sender>();
  const byHash = new Map<Hex, Entry>();
  const held = new Set<Entry>();
  let sequence = 0;
  let executableSlots = 0;
  let queuedSlots = 0;
  let localSlots = 0;
  let bytes = 0;
  let sweep: Iterator<Sender> = senders.values();
  let rechecked = 0;
  const sizes = createTally(SIZE_BOUNDS);
  /** Since the last head: prices up to this were evicted, so that equally cheap newcomers are refused at once. */
  let crowdedPrice: bigint | undefined;
  let fresh: Entry[] = [];

  // --- admission -------------------------------------------------------------------------------------------------

  function addAll(raws: readonly Uint8Array[], origin: Origin): AddResult[] {
    const results = raws.map((raw) => admit(raw, origin === 'local'));
    if (origin === 'local') {
      const taken = raws.filter((_, i) => results[i]?.ok);
      if (taken.length > 0) {
        journal.append(taken);
        compactJournal(false);
      }
    }
    announce();
    return results;
  }

  function admit(raw: Uint8Array, local: boolean): AddResult {
    if (raw.length > limits.maxTransactionBytes)
      return refuse(
        'OVERSIZED',
        `oversized data: transaction size ${raw.length}, limit ${limits.maxTransactionBytes}`,
      );
    let tx: PooledTransaction;
    try {
      tx = chain.decode(raw);
    } catch (error) {
      if (error instanceof Fault) throw error;
      return refuse('INVALID', error instanceof Error ? error.message : String(error));
    }
    if (byHash.has(tx.hash)) return refuse('ALREADY_KNOWN', 'already known');
    const refused = checkStateless(tx);
    if (refused !== undefined) return refused;

    const known = senders.get(tx.from);
    const sender = known ?? newSender(tx.from);
    refresh(sender);
    const verdict = checkAgainstAccount(tx, sender);
    if (verdict !== undefined) return verdict;
    const entry: Entry = {
      tx,
      nonce: Number(tx.nonce),
      cost: costOf(tx),
      slots: Math.ceil(raw.length / limits.slotBytes),
      addedMs: nowMs(),
      sequence: sequence++,
      local,
      executable: false,
      held: undefined,
      sleepUntil: 0,
      sleeps: 0,
      broadcastMs: 0,
    };
    const replaced = sender.entries.get(entry.nonce);
    if (replaced === undefined) {
      const full = makeRoom(entry, sender);
      if (full !== undefined) return full;
    }
    // Making room may have removed the sender's last other transaction and with it the sender.
    if (senders.get(tx.from) !== sender) senders.set(tx.from, sender);
    if (replaced !== undefined) take(replaced, sender);
    insert(entry, sender);
    promote(sender);
    return { ok: true, hash: tx.hash, executable: entry.executable };
  }

  /** What the transaction says by itself, against constants of the chain. */
  function checkStateless(tx: PooledTransaction): Refusal | undefined {
    if (tx.chainId === null)
      return refuse('UNPROTECTED', 'only replay-protected (EIP-155) transactions allowed over RPC');
    if (tx.nonce > BigInt(Number.MAX_SAFE_INTEGER)) return refuse('NONCE_TOO_HIGH', 'nonce has max value');
    if (tx.maxPriorityFeePerGas > tx.maxFeePerGas)
      return refuse(
        'FEES',
        `max priority fee per gas higher than max fee per gas: address ${tx.from}, maxPriorityFeePerGas: ${tx.maxPriorityFeePerGas}, maxFeePerGas: ${tx.maxFeePerGas}`,
      );
    if (tx.maxFeePerGas < chain.minBaseFee())
      return refuse(
        'UNDERPRICED',
        `transaction underpriced: max fee per gas less than block base fee: maxFeePerGas: ${tx.maxFeePerGas}, least baseFee: ${chain.minBaseFee()}`,
      );
    const { perTransaction, perBlock } = chain.maxTransactionGas();
    if (tx.gasLimit > perBlock)
      return refuse('GAS_LIMIT', `exceeds block gas limit: gas limit ${tx.gasLimit}, block ${perBlock}`);
    if (tx.gasLimit > perTransaction)
      return refuse(
        'GAS_LIMIT',
        `transaction gas limit too high (cap: ${perTransaction}, tx: ${tx.gasLimit})`,
      );
    const { intrinsic, floor } = chain.intrinsicGas(tx);
    if (tx.gasLimit < intrinsic)
      return refuse(
        'INTRINSIC_GAS',
        `intrinsic gas too low: gas ${tx.gasLimit}, minimum needed ${intrinsic}`,
      );
    if (tx.gasLimit < floor)
      return refuse(
        'INTRINSIC_GAS',
        `insufficient gas for floor data gas cost: gas ${tx.gasLimit}, minimum needed ${floor}`,
      );
    return undefined;
  }

  function checkAgainstAccount(tx: PooledTransaction, sender: Sender): Refusal | undefined {
    const { account } = sender;
    if (account.code === 'contract')
      return refuse('SENDER_HAS_CODE', `sender not an eoa: address ${tx.from} has code of its own`);
    if (tx.nonce < account.nonce)
      return refuse('NONCE_TOO_LOW', `nonce too low: next nonce ${account.nonce}, tx nonce ${tx.nonce}`);
    const cost = costOf(tx);
    if (cost > account.balance)
      return refuse(
        'INSUFFICIENT_FUNDS',
        `insufficient funds for gas * price + value: balance ${account.balance}, tx cost ${cost}, overshot ${cost - account.balance}`,
      );
    const nonce = Number(tx.nonce);
    const replaced = sender.entries.get(nonce);
    const spend = sender.spend - (replaced?.executable ? replaced.cost : 0n);
    // Only what would run before or with it counts; queued ones may never run.
    if (nonce <= sender.end && spend + cost > account.balance)
      return refuse(
        'INSUFFICIENT_FUNDS',
        `insufficient funds for gas * price + value: balance ${account.balance}, queued cost ${spend}, tx cost ${cost}, overshot ${spend + cost - account.balance}`,
      );
    if (replaced !== undefined) {
      if (
        !pays(tx.maxFeePerGas, replaced.tx.maxFeePerGas) ||
        !pays(tx.maxPriorityFeePerGas, replaced.tx.maxPriorityFeePerGas)
      )
        return refuse('REPLACEMENT_UNDERPRICED', 'replacement transaction underpriced');
      return undefined;
    }
    // Anybody may spend a delegated account's balance by calling its code, which would invalidate a whole list.
    if (account.code === 'delegation' && (sender.entries.size > 0 || tx.nonce !== account.nonce))
      return refuse('ACCOUNT_LIMIT', 'in-flight transaction limit reached for delegated accounts');
    if (nonce > sender.end && queuedOf(sender) >= limits.accountQueue)
      return refuse(
        'ACCOUNT_LIMIT',
        `account limit exceeded: ${limits.accountQueue} transactions wait for a lower nonce`,
      );
    return undefined;
  }

  // --- room ------------------------------------------------------------------------------------------------------

  /**
   * Our own users' transactions stay, up to half of the pool: whoever reaches a public RPC is a user, and could fill the
   * whole of it for nothing with transactions that no block takes at the present base fee.
   */
  function isProtected(entry: Entry): boolean {
    return entry.local && 2 * localSlots <= limits.globalSlots;
  }

  /** Evicts what is worth less than `entry` until it fits; a refusal if nothing is. */
  function makeRoom(entry: Entry, sender: Sender): Refusal | undefined {
    const willRun = entry.nonce <= sender.end;
    if (!willRun && queuedSlots + entry.slots > limits.globalQueue) {
      evictQueued(entry.slots, sender);
      if (queuedSlots + entry.slots > limits.globalQueue)
        return refuse(
          'POOL_FULL',
          `txpool is full: ${limits.globalQueue} transactions wait for a lower nonce`,
        );
    }
    if (willRun && executableSlots + entry.slots > limits.globalSlots) {
      const price = tip(entry, chain.nextBaseFee());
      if (!entry.local && crowdedPrice !== undefined && price <= crowdedPrice)
        return refuse('UNDERPRICED', 'transaction underpriced');
      evictSpammers(sender);
      if (executableSlots + entry.slots > limits.globalSlots) evictCheapest(price, sender);
      if (executableSlots + entry.slots > limits.globalSlots)
        return entry.local
          ? refuse('POOL_FULL', `txpool is full: ${limits.globalSlots} executable transactions`)
          : refuse('UNDERPRICED', 'transaction underpriced');
    }
    return undefined;
  }

  /** Drops the furthest queued transactions of the senders that hold most of them. */
  function evictQueued(slots: number, spared: Sender): void {
    const crowd = [...senders.values()].filter((s) => s !== spared && queuedOf(s) > 0);
    crowd.sort((a, b) => queuedOf(b) - queuedOf(a));
    let freed = 0;
    for (const sender of crowd) {
      for (const entry of descending(sender)) {
        if (freed >= slots) return;
        if (entry.executable) break;
        if (isProtected(entry)) continue;
        remove(entry);
        freed += entry.slots;
      }
    }
  }

  /** Takes the tails of senders with more than their guaranteed slots, longest list first. */
  function evictSpammers(spared: Sender): void {
    const crowd = [...senders.values()].filter((s) => s !== spared && s.entries.size > limits.accountSlots);
    crowd.sort((a, b) => b.entries.size - a.entries.size);
    let left: number = limits.evictionBatch;
    for (const sender of crowd) {
      for (const entry of descending(sender)) {
        if (left === 0 || sender.entries.size <= limits.accountSlots) break;
        if (isProtected(entry)) continue;
        remove(entry);
        left -= 1;
      }
      if (left === 0) return;
    }
  }

  /** Takes the cheapest tails that pay less than `price`. */
  function evictCheapest(price: bigint, spared: Sender): void {
    const baseFee = chain.nextBaseFee();
    const tails: { entry: Entry; price: bigint }[] = [];
    for (const sender of senders.values()) {
      if (sender === spared) continue;
      const last = descending(sender)[0];
      if (last !== undefined && !isProtected(last) && tip(last, baseFee) < price)
        tails.push({ entry: last, price: tip(last, baseFee) });
    }
    tails.sort((a, b) =>
      a.price < b.price ? -1 : a.price > b.price ? 1 : b.entry.sequence - a.entry.sequence,
    );
    for (const tail of tails.slice(0, limits.evictionBatch)) {
      // Those before may have been the last of our own above half of the pool.
      if (isProtected(tail.entry)) continue;
      remove(tail.entry);
      crowdedPrice = tail.price;
    }
  }

  // --- lists -----------------------------------------------------------------------------------------------------

  function newSender(address: Hex): Sender {
    const account = chain.account(address);
    return {
      address,
      account,
      readAt: chain.headNumber(),
      entries: new Map(),
      end: Number(account.nonce),
      spend: 0n,
    };
  }

  /** Reads the account again if the head has moved since, and puts the list in order with it. */
  function refresh(sender: Sender): void {
    if (sender.readAt === chain.headNumber()) return;
    sender.readAt = chain.headNumber();
    sender.account = chain.account(sender.address);
    reorder(sender);
  }

  /** Forgets what is used up, marks as queued what cannot be paid any more, promotes the rest. */
  function reorder(sender: Sender): void {
    const nonce = Number(sender.account.nonce);
    for (const entry of [...sender.entries.values()]) {
      if (entry.nonce < nonce) remove(entry);
      else demote(entry, sender);
    }
    sender.end = nonce;
    sender.spend = 0n;
    promote(sender);
  }

  function demote(entry: Entry, sender: Sender): void {
    if (!entry.executable) return;
    entry.executable = false;
    executableSlots -= entry.slots;
    queuedSlots += entry.slots;
    sender.spend -= entry.cost;
  }

  /** Extends the executable run as far as nonces and money reach. */
  function promote(sender: Sender): void {
    for (;;) {
      const entry = sender.entries.get(sender.end);
      if (entry === undefined || sender.spend + entry.cost > sender.account.balance) return;
      sender.end += 1;
      sender.spend += entry.cost;
      entry.executable = true;
      queuedSlots -= entry.slots;
      executableSlots += entry.slots;
      ask(entry);
      fresh.push(entry);
    }
  }

  function ask(entry: Entry): void {
    const answer: GateAnswer = chain.gate(entry.tx);
    entry.held = answer.state === 'held' ? answer.reason : undefined;
    if (entry.held === undefined) held.delete(entry);
    else held.add(entry);
  }

  function insert(entry: Entry, sender: Sender): void {
    sender.entries.set(entry.nonce, entry);
    byHash.set(entry.tx.hash, entry);
    queuedSlots += entry.slots;
    if (entry.local) localSlots += entry.slots;
    bytes += entry.tx.raw.length;
    sizes.observe(entry.tx.raw.length);
  }

  /** Takes the entry out and leaves a gap: what follows it becomes queued. */
  function take(entry: Entry, sender: Sender): void {
    if (entry.executable) {
      for (let nonce = entry.nonce; nonce < sender.end; nonce++) {
        const later = sender.entries.get(nonce);
        if (later !== undefined) demote(later, sender);
      }
      sender.end = Math.min(sender.end, entry.nonce);
    }
    sender.entries.delete(entry.nonce);
    byHash.delete(entry.tx.hash);
    held.delete(entry);
    queuedSlots -= entry.slots;
    if (entry.local) localSlots -= entry.slots;
    bytes -= entry.tx.raw.length;
  }

  function remove(entry: Entry): void {
    const sender = senders.get(entry.tx.from);
    if (sender === undefined || sender.entries.get(entry.nonce) !== entry) return;
    take(entry, sender);
    if (sender.entries.size === 0) senders.delete(sender.address);
  }

  function queuedOf(sender: Sender): number {
    return sender.entries.size - (sender.end - Number(sender.account.nonce));
  }

  /** Newly executable ones, told once each; a demotion and promotion within one step is no news. */
  function announce(): void {
    if (fresh.length === 0) return;
    const news = fresh.filter((e) => e.executable && byHash.get(e.tx.hash) === e && e.broadcastMs === 0);
    fresh = [];
    if (news.length === 0) return;
    const now = nowMs();
    for (const entry of news) entry.broadcastMs = Math.max(1, now);
    options.onExecutable?.(news.map((e) => e.tx));
    const own = news.filter((e) => e.local);
    if (own.length > 0) options.onBroadcast?.(own.map((e) => e.tx));
  }

  // --- the head moves --------------------------------------------------------------------------------------------

  function onHead(touched: Iterable<Hex>): void {
    crowdedPrice = undefined;
    const stale = new Set<Sender>();
    for (const address of touched) {
      const sender = senders.get(address);
      if (sender !== undefined) stale.add(sender);
    }
    // Others lose money only through code that a delegation lets strangers call. They are looked at in turn; until
    // then a proposer who picks one is told by the executor that it no longer works.
    for (let i = 0; i < limits.sweepPerBlock && i < senders.size; i++) {
      let next = sweep.next();
      if (next.done) {
        sweep = senders.values();
        next = sweep.next();
      }
      if (!next.done) stale.add(next.value);
    }
    for (const sender of stale) {
      rechecked += sender.entries.size;
      refresh(sender);
      if (sender.entries.size === 0 && senders.get(sender.address) === sender) senders.delete(sender.address);
    }
    recheck();
    compactJournal(false);
  }

  function recheck(): void {
    for (const entry of [...held]) if (entry.executable) ask(entry);
    announce();
  }

  function onBuilt(result: { dropped: readonly Hex[]; passedOver: readonly Hex[] }): void {
    for (const hash of result.dropped) {
      const entry = byHash.get(hash);
      if (entry !== undefined) remove(entry);
    }
    for (const hash of result.passedOver) {
      const entry = byHash.get(hash);
      if (entry === undefined) continue;
      entry.sleepUntil =
        chain.headNumber() + Math.min(limits.maxSleepBlocks, 2 << Math.min(entry.sleeps, 16));
      entry.sleeps += 1;
    }
  }

  // --- proposing -------------------------------------------------------------------------------------------------

  function includable(entry: Entry | undefined, baseFee: bigint, height: number): entry is Entry {
    if (entry === undefined) return false;
    return (
      entry.executable &&
      entry.held === undefined &&
      entry.sleepUntil < height &&
      entry.tx.maxFeePerGas >= baseFee
    );
  }

  function* candidates(baseFee: bigint): Generator<PooledTransaction, void, undefined> {
    const height = chain.headNumber() + 1;
    const heap = createHeap<{ entry: Entry; sender: Sender; price: bigint }>(
      (a, b) => a.price > b.price || (a.price === b.price && a.entry.sequence < b.entry.sequence),
    );
    const offer = (sender: Sender, nonce: number): void => {
      const entry = sender.entries.get(nonce);
      if (includable(entry, baseFee, height)) heap.push({ entry, sender, price: tip(entry, baseFee) });
    };
    for (const sender of senders.values()) offer(sender, Number(sender.account.nonce));
    for (let best = heap.pop(); best !== undefined; best = heap.pop()) {
      yield best.entry.tx;
      offer(best.sender, best.entry.nonce + 1);
    }
  }

  function hasIncludable(): boolean {
    const baseFee = chain.nextBaseFee();
    const height = chain.headNumber() + 1;
    for (const sender of senders.values())
      if (includable(sender.entries.get(Number(sender.account.nonce)), baseFee, height)) return true;
    return false;
  }

  // --- time ------------------------------------------------------------------------------------------------------

  function rebroadcast(): void {
    if (options.onBroadcast === undefined) return;
    const now = nowMs();
    const again: PooledTransaction[] = [];
    for (const entry of byHash.values()) {
      if (again.length >= limits.rebroadcastTransactions) break;
      if (!entry.local || !entry.executable || now - entry.broadcastMs < limits.rebroadcastAfterMs) continue;
      entry.broadcastMs = now;
      again.push(entry.tx);
    }
    if (again.length > 0) options.onBroadcast(again);
  }

  function expire(): void {
    const oldest = nowMs() - (options.lifetimeMs ?? limits.lifetimeMs);
    for (const entry of [...byHash.values()])
      if (entry.addedMs < oldest && (!entry.executable || entry.held !== undefined)) remove(entry);
  }

  // --- journal ---------------------------------------------------------------------------------------------------

  function localRaws(): Uint8Array[] {
    const own = [...byHash.values()].filter((entry) => entry.local);
    // Nonce order per sender, so that a restart admits them without a detour through the queue.
    own.sort((a, b) => (a.tx.from === b.tx.from ? a.nonce - b.nonce : a.sequence - b.sequence));
    return own.map((entry) => entry.tx.raw);
  }

  function compactJournal(always: boolean): void {
    if (!always) {
      if (journal.size() < limits.journalSlackBytes) return;
      let live = 0;
      for (const entry of byHash.values()) if (entry.local) live += entry.tx.raw.length;
      if (journal.size() < 2 * live + limits.journalSlackBytes) return;
    }
    journal.rewrite(localRaws());
  }

  function restore(): number {
    let taken = 0;
    for (const raw of journal.load()) if (admit(raw, true).ok) taken += 1;
    journal.rewrite(localRaws());
    announce();
    return taken;
  }

  return {
    add: (raw, origin) => addAll([raw], origin)[0] as AddResult,
    addAll,
    restore,
    onHead,
    recheck,
    candidates,
    hasIncludable,
    onBuilt,
    get: (hash) => byHash.get(hash)?.tx,
    pendingNonce(address) {
      const sender = senders.get(address);
      if (sender === undefined) return undefined;
      refresh(sender);
      return sender.entries.size === 0 ? undefined : BigInt(sender.end);
    },
    counts() {
      let pending = 0;
      for (const sender of senders.values()) pending += sender.end - Number(sender.account.nonce);
      const queued = byHash.size - pending;
      return { pending, queued, held: held.size, bytes, rechecked, sizes: sizes.read() };
    },
    content() {
      const pending: PooledTransaction[] = [];
      const queued: PooledTransaction[] = [];
      for (const entry of byHash.values()) (entry.executable ? pending : queued).push(entry.tx);
      return { pending, queued };
    },
    rebroadcast,
    expire,
    close() {
      compactJournal(true);
      journal.close();
    },
  };
}

function refuse(code: RefusalCode, message: string): Refusal {
  return { ok: false, code, message };
}

function costOf(tx: PooledTransaction): bigint {
  return tx.gasLimit * tx.maxFeePerGas + tx.value;
}

/** What the proposer earns per gas; negative if the transaction cannot pay the base fee. */
function tip(entry: Entry, baseFee: bigint): bigint {
  const room = entry.tx.maxFeePerGas - baseFee;
  if (room < entry.tx.maxPriorityFeePerGas) return room;
  return entry.tx.maxPriorityFeePerGas;
}

/** A replacement's fee: strictly more, and at least the bump, rounded down as geth does. */
function pays(offered: bigint, old: bigint): boolean {
  return offered > old && offered >= (old * (100n + LIMITS.priceBumpPercent)) / 100n;
}

function descending(sender: Sender): Entry[] {
  return [...sender.entries.values()].sort((a, b) => b.nonce - a.nonce);
}

/** Binary heap; `before(a, b)` is a strict order. */
function createHeap<T>(before: (a: T, b: T) => boolean): { push(item: T): void; pop(): T | undefined } {
  const items: T[] = [];
  const at = (i: number): T => items[i] as T;
  return {
    push(item) {
      let i = items.length;
      items.push(item);
      while (i > 0) {
        const parent = (i - 1) >> 1;
        if (!before(item, at(parent))) break;
        items[i] = at(parent);
        i = parent;
      }
      items[i] = item;
    },
    pop() {
      const top = items[0];
      const last = items.pop();
      if (top === undefined || last === undefined || items.length === 0) return top;
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= items.length) break;
        if (child + 1 < items.length && before(at(child + 1), at(child))) child += 1;
        if (!before(at(child), last)) break;
        items[i] = at(child);
        i = child;
      }
      items[i] = last;
      return top;
    },
  };
}
