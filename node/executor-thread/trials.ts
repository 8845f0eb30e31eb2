/**
 * B6, B1: transactions whose execution needs something of this node (bytes of an artifact, an attribution) are tried
 * on the head before they are proposed. The trial runs the very handler, so it starts only what the handler's own
 * checks allow (the request's operator, an open request, a commit that is in the state), it warms the result that
 * the block will need, and it says what is missing. A trial decides nothing but when *this* node proposes.
 */
import { Fault, type Hex, type Missing, type PooledTransaction, Unavailable } from '../../state/types.ts';
import type { GateAnswer } from '../mempool/index.ts';
import { LIMITS } from './limits.ts';

export interface TrialOptions {
  /** Whether executing this transaction may ask for bytes or an attribution. */
  needsTrial(transaction: PooledTransaction): boolean;
  /** Runs it on a throw-away state after the head. True: succeeded. Throws `Unavailable` or `Fault`. */
  run(transaction: PooledTransaction): Promise<boolean>;
  /** Whether this is the sender's next nonce at the head. */
  isNext(transaction: PooledTransaction): boolean;
  headNumber(): number;
  nowMs(): number;
  /** Something is missing here: get it. */
  onMissing(missing: Missing): void;
  /** An answer may have changed: ask the gate again. */
  onChange(): void;
  onFault(fault: Fault): void;
}

type Trial =
  | { state: 'waiting' | 'running'; transaction: PooledTransaction }
  | { state: 'ready' }
  | { state: 'missing'; what: string; transaction: PooledTransaction }
  /** It fails on this head. It may be waiting for its sender's earlier transactions. */
  | { state: 'reverted'; head: number; transaction: PooledTransaction };

export interface Trials {
  gate(transaction: PooledTransaction): GateAnswer;
  /** Bytes arrived or an attribution finished: those that missed `what` are tried again. */
  available(what: string): void;
  /** Forgets transactions that the pool no longer holds. */
  retain(isHeld: (hash: Hex) => boolean): void;
  /** A clock tick: allowances grow back. */
  tick(): void;
  size(): number;
}

/** Name of a missing thing, the same for everyone who misses it. */
export function missingName(missing: Missing): string {
  switch (missing.kind) {
    case 'artifact':
      return `artifact ${missing.root}`;
    case 'parent':
      return `parent ${missing.hash}`;
    case 'attribution':
      return `attribution ${missing.requestId}`;
    case 'model':
      return `model ${missing.modelId} version ${missing.version}`;
  }
}

export function createTrials(options: TrialOptions): Trials {
  const trials = new Map<Hex, Trial>();
  const waiting: PooledTransaction[] = [];
  const allowances = new Map<Hex, { left: number; atMs: number }>();
  let running = 0;

  function gate(transaction: PooledTransaction): GateAnswer {
    if (!options.needsTrial(transaction)) return { state: 'ready' };
    const trial = trials.get(transaction.hash);
    if (trial === undefined) {
      enqueue(transaction);
      return { state: 'held', reason: 'being tried' };
    }
    switch (trial.state) {
      case 'ready':
        return { state: 'ready' };
      case 'waiting':
      case 'running':
        return { state: 'held', reason: 'being tried' };
      case 'missing':
        return { state: 'held', reason: `waits for ${trial.what}` };
      case 'reverted':
        // It fails although nothing of its sender comes before it: let it fail in a block, as any transaction may.
        if (options.isNext(transaction) && trial.head === options.headNumber()) return { state: 'ready' };
        if (trial.head !== options.headNumber()) enqueue(transaction);
        return { state: 'held', reason: 'waits for earlier transactions' };
    }
  }

  function enqueue(transaction: PooledTransaction): void {
    trials.set(transaction.hash, { state: 'waiting', transaction });
    waiting.push(transaction);
    pump();
  }

  function pump(): void {
    for (let i = 0; i < waiting.length && running < LIMITS.trialsRunning; ) {
      const transaction = waiting[i] as PooledTransaction;
      if (trials.get(transaction.hash)?.state !== 'waiting') waiting.splice(i, 1);
      else if (spend(transaction.from)) {
        waiting.splice(i, 1);
        void run(transaction);
      } else i += 1;
    }
  }

  async function run(transaction: PooledTransaction): Promise<void> {
    running += 1;
    trials.set(transaction.hash, { state: 'running', transaction });
    const head = options.headNumber();
    let result: Trial;
    try {
      const succeeded = await options.run(transaction);
      result = succeeded ? { state: 'ready' } : { state: 'reverted', head, transaction };
    } catch (error) {
      if (error instanceof Unavailable) {
        result = { state: 'missing', what: missingName(error.missing), transaction };
        options.onMissing(error.missing);
      } else {
        result = { state: 'reverted', head, transaction };
        options.onFault(error instanceof Fault ? error : new Fault(`a trial run failed: ${String(error)}`));
      }
    }
    running -= 1;
    // The pool may have let it go meanwhile.
    if (trials.has(transaction.hash)) trials.set(transaction.hash, result);
    options.onChange();
    pump();
  }

  /** One from the sender's allowance; false if it is used up. */
  function spend(sender: Hex): boolean {
    const now = options.nowMs();
    const old = allowances.get(sender) ?? { left: LIMITS.trialBurst, atMs: now };
    const grown = old.left + (Math.max(0, now - old.atMs) * LIMITS.trialsPerSecond) / 1000;
    const left = Math.min(LIMITS.trialBurst, grown);
    if (left < 1) return false;
    allowances.delete(sender);
    allowances.set(sender, { left: left - 1, atMs: now });
    if (allowances.size > LIMITS.trialSenders) {
      const [oldest] = allowances.keys();
      if (oldest !== undefined) allowances.delete(oldest);
    }
    return true;
  }

  return {
    gate,
    available(what) {
      for (const trial of [...trials.values()])
        if (trial.state === 'missing' && trial.what === what) enqueue(trial.transaction);
    },
    retain(isHeld) {
      for (const hash of [...trials.keys()]) if (!isHeld(hash)) trials.delete(hash);
    },
    tick: pump,
    size: () => trials.size,
  };
}
