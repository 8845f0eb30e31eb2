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
  /** The core may vote for it, and others may commit it: its bytes stay. They are in the log too, which bounds them. */
  valid: boolean;
  attempts: number;
  /** Who served the bytes when we asked. Gossiped bodies have no such name: the proposer does not sign them. */
  servedBy: PeerId | undefined;
  /** Bytes without such a name were not the block. More of them could come before each answer and keep it out. */
  rubbishGossiped: boolean;
  /** Peers that mentioned the block: asked first, until one does not have it. */
  sources: PeerId[];
  /** Peers that served something else for it: asked last. */
  liars: Set<PeerId>;
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
  readonly onFault: (error: unknown) => void;
}): Blocks {
  const entries = new Map<Hash, Entry>();
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
        valid: false,
        attempts: 0,
        servedBy: undefined,
        rubbishGossiped: false,
        sources: [],
        liars: new Set(),
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
    entry.busy = true;
    const work =
      entry.bytes === undefined ? fetchOnce(blockHash, entry) : checkOnce(blockHash, entry, entry.bytes);
    work.then(
      (again) => {
        entry.busy = false;
        if (!open || entry.settled) return;
        if (again) step(blockHash, entry);
        else retryLater(blockHash, entry);
      },
      (error) => {
        if (open) parts.onFault(error);
      },
    );
  };

  /**
   * True if something new is there to work on at once. Peers are asked one after the other, and the next one also when
   * the last has said nothing for a while: whoever answers a byte at a time must not cost the round.
   */
  const fetchOnce = (blockHash: Hash, entry: Entry): Promise<boolean> =>
    new Promise((resolve) => {
      const question = encodeBlockQuestion({ height: parts.height, blockHash });
      const peers = peersToAsk(entry, parts.net.peers(), parts.random);
      let pending = 0;
      let isDone = false;
      let cancelNext: Cancel = () => {};
      const finish = (again: boolean) => {
        isDone = true;
        cancelNext();
        resolve(again);
      };
      const askNext = () => {
        cancelNext();
        if (!open) return finish(false);
        const peer = peers.shift();
        if (peer === undefined) {
          if (pending === 0) finish(false);
          return;
        }
        pending++;
        cancelNext = parts.clock.setTimer(LIMITS.patienceMs, askNext);
        void parts.net.request(peer, 'block', question).then((bytes) => {
          pending--;
          if (isDone) return;
          if (!open || entry.bytes !== undefined) finish(open);
          else if (isServed(entry, peer, bytes)) {
            // Whether it is the block is known only after the check: remember whom to blame.
            entry.servedBy = peer;
            setBytes(blockHash, entry, bytes);
            finish(true);
          } else askNext();
        });
      };
      askNext();
    });

  const isServed = (entry: Entry, peer: PeerId, bytes: Uint8Array | undefined): bytes is Uint8Array => {
    if (bytes === undefined || bytes.length === 0) {
      // Whoever mentions a block and does not serve it must not be asked instead of those who have it.
      entry.sources = entry.sources.filter((one) => one !== peer);
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
      case 'invalid':
        entry.settled = true;
        entry.valid = answer.answer === 'valid';
        entry.cancelRetry?.();
        parts.onVerdict(blockHash, answer, bytes);
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
        if (entry.liars.size < LIMITS.maxBlockLiars) entry.liars.add(peer);
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
      if (!open || entry.bytes !== undefined || entry.rubbishGossiped) return;
      if (bytes.length > LIMITS.maxBlockBytes) return;
      setBytes(blockHash, entry, bytes);
      entry.cancelRetry?.();
      entry.cancelRetry = undefined;
      step(blockHash, entry);
    },
    source(blockHash, peer) {
      const { sources } = entryOf(blockHash);
      if (!sources.includes(peer) && sources.length < LIMITS.maxBlockPeers) sources.push(peer);
    },
    keep(blockHash, bytes) {
      const entry = entryOf(blockHash);
      entry.settled = true;
      entry.valid = true;
      setBytes(blockHash, entry, bytes);
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
    get: (blockHash) => entries.get(blockHash)?.bytes,
    judged(blockHash) {
      const entry = entries.get(blockHash);
      return entry?.settled === true ? entry.bytes : undefined;
    },
    close() {
      open = false;
      for (const entry of entries.values()) entry.cancelRetry?.();
    },
  };
}

/** Those that mentioned the block, then others in random order, and at last those that served another one for it. */
function peersToAsk(
  { sources, liars }: Pick<Entry, 'sources' | 'liars'>,
  peers: readonly PeerId[],
  random: Random,
): PeerId[] {
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
