/**
 * The blocks of the height being decided: bytes that came with proposals or were pulled by hash, and what the
 * executor says about them. Rule B1: an unknown block is asked about again and again; bytes that are not the block
 * are thrown away and fetched from somebody else; only facts reach the core.
 */
import type { Verdict } from '../../consensus/driver/inputs.ts';
import type { Hash, Height } from '../../consensus/types.ts';
import { LIMITS } from './limits.ts';
import { encodeBlockQuestion } from './messages.ts';
import type { App, Cancel, Clock, Net, PeerId, Random } from './ports.ts';

interface Entry {
  bytes: Uint8Array | undefined;
  /** The core waits for a verdict. */
  wanted: boolean;
  busy: boolean;
  settled: boolean;
  /** Valid, and kept from the core until it could be voted for. */
  deferred: Extract<Verdict, { answer: 'valid' }> | undefined;
  /** The core may vote for it, and others may commit it: its bytes stay. They are in the log too, which bounds them. */
  valid: boolean;
  attempts: number;
  /** Who served the bytes when we asked. Gossiped bodies have no such name: the proposer does not sign them. */
  servedBy: PeerId | undefined;
  /** Bytes without such a name were not the block. More of them could come before each answer and keep it out. */
  rubbishGossiped: boolean;
  /** Peers that mentioned the block: asked first, until one does not have it. */
  sources: PeerId[];
  /** Peers that did not have it, or said nothing: not preferred again. */
  silent: Set<PeerId>;
  /** Peers that served something else for it: asked last. */
  liars: Set<PeerId>;
  /** Peers that have been asked and may still answer: not asked twice at once. */
  owing: Set<PeerId>;
  /** Ends the search that is under way, since the bytes are here. */
  endSearch: (() => void) | undefined;
  cancelRetry: Cancel | undefined;
}

export interface Blocks {
  /** Bytes that somebody says are this block. */
  offer(blockHash: Hash, bytes: Uint8Array): void;
  /** A peer that should have it. */
  source(blockHash: Hash, peer: PeerId): void;
  /** Own or logged block, known to be valid. */
  keep(blockHash: Hash, bytes: Uint8Array): void;
  /** Fetch and check until there is a verdict. */
  want(blockHash: Hash): void;
  /** The executor may know more now. */
  ready(blockHash: Hash): void;
  /** The core knows more now: what could not be voted for may be of use. */
  reconsider(): void;
  get(blockHash: Hash): Uint8Array | undefined;
  /** The same for others, who blame whoever serves them rubbish: only what was judged here. */
  judged(blockHash: Hash): Uint8Array | undefined;
  /** Stops all work; late answers are ignored. */
  close(): void;
}

/**
 * @param onVerdict called once per wanted block, with its bytes
 * @param isPinned blocks that are never dropped although they are not known to be valid: proposed now, committed
 * @param isAwaited whether the core still waits for the verdict
 * @param isOfUse whether a valid block could be voted for. Others are neither logged nor told to the core: a proposer
 *   could otherwise fill the log with valid blocks that nobody may vote for
 * @param onFault the executor failed in a way that is no answer
 */
export function createBlocks(parts: {
  readonly height: Height;
  readonly app: App;
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly onVerdict: (blockHash: Hash, verdict: Verdict, bytes: Uint8Array) => void;
  readonly isPinned: (blockHash: Hash) => boolean;
  readonly isAwaited: (blockHash: Hash) => boolean;
  readonly isOfUse: (blockHash: Hash, verdict: Extract<Verdict, { answer: 'valid' }>) => boolean;
  readonly onFault: (error: unknown) => void;
}): Blocks {
  const entries = new Map<Hash, Entry>();
  const deferred = new Set<Hash>();
  let bytesHeld = 0;
  let open = true;

  const entryOf = (blockHash: Hash): Entry => {
    let entry = entries.get(blockHash);
    if (entry === undefined) {
      entry = {
        bytes: undefined,
        wanted: false,
        busy: false,
        settled: false,
        deferred: undefined,
        valid: false,
        attempts: 0,
        servedBy: undefined,
        rubbishGossiped: false,
        sources: [],
        silent: new Set(),
        liars: new Set(),
        owing: new Set(),
        endSearch: undefined,
        cancelRetry: undefined,
      };
      entries.set(blockHash, entry);
    }
    return entry;
  };

  const setBytes = (blockHash: Hash, entry: Entry, bytes: Uint8Array | undefined) => {
    bytesHeld += (bytes?.length ?? 0) - (entry.bytes?.length ?? 0);
    entry.bytes = bytes;
    if (bytes === undefined) return;
    // Other bytes than those that were judged, perhaps.
    entry.deferred = undefined;
    deferred.delete(blockHash);
    for (const [other, candidate] of entries) {
      if (bytesHeld <= LIMITS.maxBlockBytesHeld) return;
      if (other === blockHash || candidate.bytes === undefined || candidate.busy) continue;
      if (candidate.valid || parts.isPinned(other)) continue;
      bytesHeld -= candidate.bytes.length;
      candidate.bytes = undefined;
      candidate.servedBy = undefined;
    }
  };

  const retryLater = (blockHash: Hash, entry: Entry) => {
    if (!open || entry.cancelRetry !== undefined) return;
    const delayMs = Math.min(LIMITS.retryMs << Math.min(entry.attempts, 10), LIMITS.maxRetryMs);
    entry.attempts++;
    entry.cancelRetry = parts.clock.setTimer(delayMs, () => {
      entry.cancelRetry = undefined;
      step(blockHash, entry);
    });
  };

  const step = (blockHash: Hash, entry: Entry) => {
    if (!open || !entry.wanted || entry.busy || entry.settled || !parts.isAwaited(blockHash)) return;
    if (entry.deferred !== undefined) {
      if (!parts.isOfUse(blockHash, entry.deferred)) return;
      if (entry.bytes !== undefined) return settle(blockHash, entry, entry.deferred, entry.bytes);
    }
    entry.busy = true;
    const isSearch = entry.bytes === undefined;
    const work =
      entry.bytes === undefined ? fetchOnce(blockHash, entry) : checkOnce(blockHash, entry, entry.bytes);
    work.then(
      (again) => {
        entry.busy = false;
        if (!open || entry.settled || (entry.deferred !== undefined && entry.bytes !== undefined)) return;
        if (again || (isSearch && entry.bytes !== undefined)) step(blockHash, entry);
        else retryLater(blockHash, entry);
      },
      (error) => {
        if (open) parts.onFault(error);
      },
    );
  };

  const settle = (blockHash: Hash, entry: Entry, verdict: Verdict, bytes: Uint8Array) => {
    entry.settled = true;
    entry.valid = verdict.answer === 'valid';
    entry.deferred = undefined;
    deferred.delete(blockHash);
    entry.cancelRetry?.();
    entry.cancelRetry = undefined;
    parts.onVerdict(blockHash, verdict, bytes);
  };

  /** New bytes are here, or somebody who may have them. */
  const wake = (blockHash: Hash, entry: Entry) => {
    entry.cancelRetry?.();
    entry.cancelRetry = undefined;
    if (entry.bytes !== undefined && entry.endSearch !== undefined) entry.endSearch();
    else step(blockHash, entry);
  };

  /**
   * True if something new is there to work on at once. Peers are asked one after the other, and the next one also when
   * the last has said nothing for a while: whoever answers a byte at a time must not cost the round. Their answers are
   * taken later, too.
   */
  const fetchOnce = (blockHash: Hash, entry: Entry): Promise<boolean> =>
    new Promise((resolve) => {
      const question = encodeBlockQuestion({ height: parts.height, blockHash });
      const peers = peersToAsk(entry, parts.net.peers(), parts.random);
      let pending = 0;
      let isDone = false;
      let cancelNext: Cancel = () => {};
      const finish = (again: boolean) => {
        if (isDone) return;
        isDone = true;
        entry.endSearch = undefined;
        cancelNext();
        resolve(again);
      };
      const ask = (peer: PeerId) => {
        pending++;
        entry.owing.add(peer);
        cancelNext = parts.clock.setTimer(LIMITS.patienceMs, () => {
          passOver(entry, peer);
          if (peers.length > 0) askNext();
          else finish(false);
        });
        void parts.net.request(peer, 'block', question).then((bytes) => {
          pending--;
          entry.owing.delete(peer);
          if (!open) return finish(false);
          if (entry.bytes === undefined && !entry.settled && isServed(entry, peer, bytes)) {
            // Whether it is the block is known only after the check: remember whom to blame.
            entry.servedBy = peer;
            setBytes(blockHash, entry, bytes);
            wake(blockHash, entry);
          } else if (!isDone) askNext();
        });
      };
      const askNext = () => {
        const peer = open ? peers.shift() : undefined;
        if (peer !== undefined) {
          cancelNext();
          ask(peer);
        } else if (pending === 0 || !open) finish(false);
      };
      entry.endSearch = () => finish(true);
      askNext();
    });

  /** Whoever mentions a block and does not serve it must not be asked instead of those who have it. */
  const passOver = (entry: Entry, peer: PeerId) => {
    entry.sources = entry.sources.filter((one) => one !== peer);
    if (entry.silent.size < LIMITS.maxPeersRemembered) entry.silent.add(peer);
  };

  const isServed = (entry: Entry, peer: PeerId, bytes: Uint8Array | undefined): bytes is Uint8Array => {
    if (bytes === undefined || bytes.length === 0) {
      passOver(entry, peer);
      return false;
    }
    if (bytes.length <= LIMITS.maxBlockBytes) return true;
    parts.net.penalise(peer, 'BAD_ANSWER');
    return false;
  };

  const checkOnce = async (blockHash: Hash, entry: Entry, bytes: Uint8Array): Promise<boolean> => {
    const answer = await parts.app.check({ blockHash, bytes });
    if (!open || entry.settled) return false;
    switch (answer.answer) {
      case 'valid':
        if (!parts.isOfUse(blockHash, answer)) {
          entry.deferred = answer;
          deferred.add(blockHash);
          return false;
        }
        settle(blockHash, entry, answer, bytes);
        return false;
      case 'invalid':
        settle(blockHash, entry, answer, bytes);
        return false;
      case 'mismatch': {
        const peer = entry.servedBy;
        entry.servedBy = undefined;
        setBytes(blockHash, entry, undefined);
        if (peer === undefined) {
          entry.rubbishGossiped = true;
          return true;
        }
        parts.net.penalise(peer, 'WRONG_BLOCK');
        const isNew = !entry.liars.has(peer);
        if (entry.liars.size < LIMITS.maxPeersRemembered) entry.liars.add(peer);
        // The next peer is asked at once, and each that lies only once without a pause.
        return isNew && entry.liars.has(peer) && parts.net.peers().some((one) => !entry.liars.has(one));
      }
      case 'unknown':
        return false;
    }
  };

  return {
    offer(blockHash, bytes) {
      const entry = entryOf(blockHash);
      if (!open || entry.settled || entry.bytes !== undefined || entry.rubbishGossiped) return;
      if (bytes.length > LIMITS.maxBlockBytes) return;
      setBytes(blockHash, entry, bytes);
      wake(blockHash, entry);
    },
    source(blockHash, peer) {
      const entry = entryOf(blockHash);
      const { sources } = entry;
      if (sources.includes(peer) || entry.silent.has(peer) || entry.liars.has(peer)) return;
      if (sources.length >= LIMITS.maxBlockPeers) return;
      sources.push(peer);
      // Nobody had it before.
      if (entry.bytes === undefined && entry.cancelRetry !== undefined) wake(blockHash, entry);
    },
    keep(blockHash, bytes) {
      const entry = entryOf(blockHash);
      entry.settled = true;
      entry.valid = true;
      setBytes(blockHash, entry, bytes);
      entry.endSearch?.();
    },
    want(blockHash) {
      const entry = entryOf(blockHash);
      entry.wanted = true;
      // Its bytes may be from a log that a crash cut before the verdict on them.
      entry.settled = false;
      step(blockHash, entry);
    },
    ready(blockHash) {
      const entry = entries.get(blockHash);
      if (entry === undefined) return;
      entry.cancelRetry?.();
      entry.cancelRetry = undefined;
      entry.attempts = 0;
      step(blockHash, entry);
    },
    reconsider() {
      for (const blockHash of deferred) step(blockHash, entries.get(blockHash)!);
    },
    get: (blockHash) => entries.get(blockHash)?.bytes,
    judged(blockHash) {
      const entry = entries.get(blockHash);
      return entry?.settled === true || entry?.deferred !== undefined ? entry.bytes : undefined;
    },
    close() {
      open = false;
      for (const entry of entries.values()) entry.cancelRetry?.();
    },
  };
}

/** Those that mentioned the block, then others in random order, and at last those that served another one for it. */
function peersToAsk(
  { sources, liars, owing }: Pick<Entry, 'sources' | 'liars' | 'owing'>,
  connected: readonly PeerId[],
  random: Random,
): PeerId[] {
  const peers = connected.filter((peer) => !owing.has(peer));
  const first = sources.filter((peer) => peers.includes(peer));
  const others = shuffled(
    peers.filter((peer) => !first.includes(peer)),
    random,
  );
  const order = [...first, ...others];
  const isLiar = (peer: PeerId): boolean => liars.has(peer);
  return [...order.filter((peer) => !isLiar(peer)), ...order.filter(isLiar)].slice(0, LIMITS.maxBlockPeers);
}

export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const list = [...items];
  for (let i = list.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}
