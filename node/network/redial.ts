/**
 * Keeps the node in company. Peers named by the operator are redialed for ever with growing, jittered waits;
 * bootstrap peers and addresses heard from others only while there are too few peers. libp2p's own keep-alive tag did
 * not reconnect within 30 s of a restart when measured, hence this loop.
 */
import { NetworkError } from './errors.ts';
import type { NetworkLimits } from './limits.ts';
import type { Cancel, NetworkEnv, PeerId } from './types.ts';

export interface RedialPort {
  readonly self: PeerId;
  dial(address: string): Promise<PeerId>;
  isConnected(peer: PeerId): boolean;
  peerCount(): number;
}

export interface Redialer {
  start(): void;
  disconnected(peer: PeerId): void;
  /** Addresses that a peer told us; dialed once when company is short. */
  learn(addresses: readonly string[]): void;
  stop(): void;
}

interface Target {
  readonly address: string;
  readonly persistent: boolean;
  /** From the address, or learned by dialing it. */
  peer: PeerId | undefined;
  failures: number;
  /** When it was dialed with success. */
  sinceMs: number | undefined;
  isDialing: boolean;
  timer: Cancel | undefined;
}

/** The second of two nodes that name each other waits this long, so that they do not open two connections. */
const SECOND_DIALER_WAIT_MS = 250;
/** A peer of another chain does not change by asking again soon. */
const WRONG_CHAIN_WAIT_MS = 60_000;
const MAX_DOUBLINGS = 16;
/** Nodes that start together miss each other at first; that is nothing to tell people. */
const QUIET_FAILURES = 3;
/** Learned addresses tried at a time. */
const LEARNED_DIALS = 2;

export function peerIdOfAddress(address: string): PeerId | undefined {
  return /\/p2p\/([A-Za-z0-9]+)$/.exec(address)?.[1];
}

export function createRedialer(
  port: RedialPort,
  env: NetworkEnv,
  limits: NetworkLimits,
  persistent: readonly string[],
  bootstrap: readonly string[],
): Redialer {
  let stopped = false;
  const target = (address: string, isPersistent: boolean): Target => ({
    address,
    persistent: isPersistent,
    peer: peerIdOfAddress(address),
    failures: 0,
    sinceMs: undefined,
    isDialing: false,
    timer: undefined,
  });
  const targets = [
    ...[...new Set(persistent)].map((a) => target(a, true)),
    ...[...new Set(bootstrap)].filter((a) => !persistent.includes(a)).map((a) => target(a, false)),
  ].filter((t) => t.peer !== port.self);
  const learned = new Map<PeerId, string>();
  let learnedTimer: Cancel | undefined;

  function schedule(entry: Target, waitMs: number): void {
    if (stopped || entry.timer) return;
    entry.timer = env.clock.setTimer(waitMs, () => {
      entry.timer = undefined;
      void attempt(entry);
    });
  }

  /** Half of the wait is fixed, half is drawn, so that a cluster that restarts together does not dial in step. */
  function backoffMs(failures: number): number {
    const factor = 1 << Math.min(failures, MAX_DOUBLINGS);
    const wait = Math.min(limits.redialMaxMs, limits.redialMinMs * factor);
    return Math.ceil(wait / 2) + env.random.int(Math.floor(wait / 2) + 1);
  }

  /** A peer that lets us in only to send us away is dialed ever more rarely, like one that is not there. */
  function again(entry: Target, moreMs = 0): void {
    const wasBrief = entry.sinceMs !== undefined && env.clock.nowMs() - entry.sinceMs < limits.redialMaxMs;
    entry.failures = wasBrief ? entry.failures + 1 : 0;
    entry.sinceMs = undefined;
    schedule(entry, backoffMs(entry.failures) + moreMs);
  }

  async function attempt(entry: Target): Promise<void> {
    if (stopped) return;
    if (entry.peer && port.isConnected(entry.peer)) return;
    if (!entry.persistent && port.peerCount() >= limits.enoughPeers) {
      schedule(entry, limits.redialMaxMs);
      return;
    }
    entry.isDialing = true;
    try {
      entry.peer = await port.dial(entry.address);
      entry.sinceMs = env.clock.nowMs();
      if (!port.isConnected(entry.peer)) again(entry);
    } catch (error) {
      if (stopped) return;
      entry.failures += 1;
      const wrongChain = error instanceof NetworkError && error.code === 'WRONG_CHAIN';
      if (entry.failures === QUIET_FAILURES && !wrongChain)
        env.log('info', 'a peer is not reached, will keep trying', { reason: (error as Error).message });
      schedule(entry, wrongChain ? WRONG_CHAIN_WAIT_MS : backoffMs(entry.failures));
    } finally {
      entry.isDialing = false;
    }
  }

  function tryLearned(): void {
    learnedTimer = undefined;
    if (stopped || port.peerCount() >= limits.enoughPeers) return;
    for (const [peer, address] of [...learned].slice(0, LEARNED_DIALS)) {
      learned.delete(peer);
      if (!port.isConnected(peer)) port.dial(address).catch(() => {});
    }
    if (learned.size > 0) scheduleLearned(backoffMs(2));
  }

  function scheduleLearned(waitMs: number): void {
    learnedTimer ??= env.clock.setTimer(waitMs, tryLearned);
  }

  return {
    start() {
      for (const entry of targets)
        schedule(entry, entry.peer && port.self > entry.peer ? SECOND_DIALER_WAIT_MS : 0);
    },
    disconnected(peer) {
      // A dial that is not over yet fails by this, or finds the peer gone when it is.
      for (const entry of targets)
        if (entry.peer === peer && !entry.isDialing)
          again(entry, port.self > peer ? SECOND_DIALER_WAIT_MS : 0);
    },
    learn(addresses) {
      for (const address of addresses) {
        const peer = peerIdOfAddress(address);
        if (!peer || peer === port.self || port.isConnected(peer) || learned.has(peer)) continue;
        if (learned.size >= limits.maxLearnedAddresses) break;
        learned.set(peer, address);
      }
      if (learned.size > 0) scheduleLearned(backoffMs(0));
    },
    stop() {
      stopped = true;
      learnedTimer?.();
      for (const entry of targets) entry.timer?.();
    },
  };
}
