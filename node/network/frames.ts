/**
 * Frames on a stream: `length u32be ‖ kind u8 ‖ payload`, where length counts kind and payload.
 * A request is one DATA frame. An answer is any number of DATA frames and then one END or ERROR frame; so an answer
 * that was cut off is never taken for a complete one.
 */
import type { Stream, StreamMessageEvent } from '@libp2p/interface';
import { RequestError } from './errors.ts';
import type { ByteBudget } from './quota.ts';
import type { Clock } from './types.ts';

export const FRAME = { data: 0, end: 1, error: 2 } as const;
const HEADER_BYTES = 5;
/** Received but unread bytes at which the peer is held back. One frame may exceed it: it is gathered whole. */
const HOLD_BACK_BYTES = 256 * 1024;

/**
 * Frames of one answer. Programs of this kind send tens; without a bound a peer could send empty ones for as long as
 * the exchange may last, each of which costs the reader a hundred times the five bytes that it cost the sender.
 */
const MAX_FRAMES = 1_024;
/**
 * A peer can send every byte as a message of its own: smaller ones are put together in blocks, so that neither the
 * memory nor the work for a byte is that of a message.
 */
const SMALL_BYTES = 4 * 1024;
const BLOCK_BYTES = 16 * 1024;

export interface Frame {
  readonly kind: number;
  readonly payload: Uint8Array;
  /** Gives the frame's bytes back to the budget; call it when the payload has been used. */
  readonly release: () => void;
}

export interface FrameBounds {
  readonly maxFrameBytes: number;
  readonly maxTotalBytes: number;
  readonly idleTimeoutMs: number;
  readonly budget: ByteBudget;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface FrameReader {
  /** The next frame, or undefined after the peer closed its side between two frames. @throws RequestError */
  next(): Promise<Frame | undefined>;
  close(): void;
}

/** Reads frames with back-pressure: while nobody calls next(), the peer's window is not renewed. */
export function createFrameReader(stream: Stream, bounds: FrameBounds): FrameReader {
  let chunks: Uint8Array[] = [];
  /** What the last of the chunks is a part of, and how much of that is taken up, if small messages were put together. */
  let block: Uint8Array | undefined;
  let blockUsed = 0;
  let buffered = 0;
  let frames = 0;
  /** Bytes needed before next() can go on; above HOLD_BACK_BYTES only for a frame that was granted room. */
  let wanted = HEADER_BYTES;
  let paused = false;
  let total = 0;
  let failure: Error | undefined;
  let remoteClosed = stream.remoteWriteStatus === 'closed';
  let wake: (() => void) | undefined;

  function append(bytes: Uint8Array): void {
    const last = chunks.at(-1);
    const isSmall = bytes.byteLength < SMALL_BYTES;
    if (last === undefined) block = undefined;
    if (last !== undefined && block !== undefined && isSmall && blockUsed + bytes.byteLength <= BLOCK_BYTES) {
      block.set(bytes, blockUsed);
      blockUsed += bytes.byteLength;
      chunks[chunks.length - 1] = block.subarray(last.byteOffset - block.byteOffset, blockUsed);
      return;
    }
    block = undefined;
    if (last === undefined || !isSmall || last.byteLength >= SMALL_BYTES) {
      chunks.push(bytes);
      return;
    }
    block = new Uint8Array(BLOCK_BYTES);
    block.set(last);
    block.set(bytes, last.byteLength);
    blockUsed = last.byteLength + bytes.byteLength;
    chunks[chunks.length - 1] = block.subarray(0, blockUsed);
  }

  const onMessage = (event: StreamMessageEvent) => {
    const bytes = event.data instanceof Uint8Array ? event.data : event.data.subarray();
    append(bytes);
    buffered += bytes.byteLength;
    if (!paused && !remoteClosed && buffered >= Math.max(HOLD_BACK_BYTES, wanted)) {
      paused = true;
      stream.pause();
    }
    wake?.();
  };
  const flow = () => {
    if (!paused) return;
    paused = false;
    try {
      stream.resume();
    } catch {
      // Closed in the meantime: what was readable has been delivered.
    }
  };
  const onRemoteClose = () => {
    remoteClosed = true;
    flow();
    wake?.();
  };
  const onClose = (event: Event) => {
    remoteClosed = true;
    const { error } = event as Event & { error?: Error };
    if (error) failure = error;
    flow();
    wake?.();
  };
  const onAbort = () => wake?.();
  stream.addEventListener('remoteCloseWrite', onRemoteClose);
  stream.addEventListener('close', onClose);
  stream.addEventListener('message', onMessage);
  bounds.signal.addEventListener('abort', onAbort);
  if (stream.status === 'aborted' || stream.status === 'reset')
    failure = new RequestError('DISCONNECTED', 'the stream was reset');

  /** Waits until `bytes` are buffered. False if the peer finished before. */
  async function need(bytes: number): Promise<boolean> {
    wanted = bytes;
    while (buffered < bytes) {
      if (bounds.signal.aborted) throw bounds.signal.reason;
      if (failure) throw new RequestError('DISCONNECTED', `the connection was lost: ${failure.message}`);
      if (remoteClosed && stream.readBufferLength === 0) return false;
      flow();
      if (buffered >= bytes) break;
      let timedOut = false;
      await new Promise<void>((resolve) => {
        const cancel = bounds.clock.setTimer(bounds.idleTimeoutMs, () => {
          timedOut = true;
          resolve();
        });
        wake = () => {
          cancel();
          resolve();
        };
      });
      wake = undefined;
      if (timedOut) throw new RequestError('TIMEOUT', `no byte for ${bounds.idleTimeoutMs} ms`);
    }
    return true;
  }

  function takeBytes(count: number): Uint8Array {
    buffered -= count;
    const first = chunks[0];
    if (first && first.byteLength >= count) {
      const out = first.subarray(0, count);
      if (first.byteLength === count) chunks.shift();
      else chunks[0] = first.subarray(count);
      return out;
    }
    const out = new Uint8Array(count);
    let at = 0;
    while (at < count) {
      const chunk = chunks[0]!;
      const part = chunk.subarray(0, Math.min(chunk.byteLength, count - at));
      out.set(part, at);
      at += part.byteLength;
      if (part.byteLength === chunk.byteLength) chunks.shift();
      else chunks[0] = chunk.subarray(part.byteLength);
    }
    return out;
  }

  return {
    async next() {
      if (!(await need(HEADER_BYTES))) {
        if (buffered === 0) return undefined;
        throw new RequestError('DISCONNECTED', 'the peer stopped inside a frame');
      }
      const header = takeBytes(HEADER_BYTES);
      const length = new DataView(header.buffer, header.byteOffset).getUint32(0);
      const kind = header[4]!;
      const size = length - 1;
      if (size < 0 || size > bounds.maxFrameBytes)
        throw new RequestError('BAD_FRAME', `a frame of ${size} bytes, the limit is ${bounds.maxFrameBytes}`);
      frames += 1;
      if (frames > MAX_FRAMES)
        throw new RequestError('BAD_FRAME', `more than ${MAX_FRAMES} frames in one answer`);
      total += size;
      if (total > bounds.maxTotalBytes)
        throw new RequestError('BAD_FRAME', `more than ${bounds.maxTotalBytes} bytes in one answer`);
      const release = await bounds.budget.take(size, bounds.signal);
      try {
        if (!(await need(size))) throw new RequestError('DISCONNECTED', 'the peer stopped inside a frame');
        const payload = takeBytes(size);
        wanted = HEADER_BYTES;
        return { kind, payload, release };
      } catch (error) {
        release();
        throw error;
      }
    },
    close() {
      chunks = [];
      buffered = 0;
      stream.removeEventListener('remoteCloseWrite', onRemoteClose);
      stream.removeEventListener('close', onClose);
      stream.removeEventListener('message', onMessage);
      bounds.signal.removeEventListener('abort', onAbort);
    },
  };
}

/**
 * Sends one frame and waits until the stream has handed all of it on, so that a slow peer never makes us keep more
 * than one frame of it. Progress restarts the idle time-out.
 * @throws RequestError TIMEOUT, DISCONNECTED, or the signal's reason
 */
export async function sendFrame(
  stream: Stream,
  kind: number,
  payload: Uint8Array,
  bounds: Pick<FrameBounds, 'budget' | 'clock' | 'idleTimeoutMs' | 'signal'>,
): Promise<void> {
  const release = await bounds.budget.take(payload.byteLength, bounds.signal);
  try {
    const frame = new Uint8Array(HEADER_BYTES + payload.byteLength);
    new DataView(frame.buffer).setUint32(0, payload.byteLength + 1);
    frame[4] = kind;
    frame.set(payload, HEADER_BYTES);
    try {
      stream.send(frame);
    } catch (error) {
      throw new RequestError('DISCONNECTED', `cannot write: ${(error as Error).message}`);
    }
    await drained(stream, bounds);
  } finally {
    release();
  }
}

async function drained(
  stream: Stream,
  bounds: Pick<FrameBounds, 'clock' | 'idleTimeoutMs' | 'signal'>,
): Promise<void> {
  while (stream.writeBufferLength > 0) {
    if (bounds.signal.aborted) throw bounds.signal.reason;
    if (stream.writeStatus === 'closed') throw new RequestError('DISCONNECTED', 'the peer closed the stream');
    const before = stream.writeBufferLength;
    // Stream.onDrain() keeps its first promise for ever, so the events are awaited directly.
    const moved = await new Promise<boolean>((resolve) => {
      const done = (value: boolean) => {
        cancel();
        for (const type of ['idle', 'drain', 'close'] as const) stream.removeEventListener(type, onEvent);
        bounds.signal.removeEventListener('abort', onEvent);
        resolve(value);
      };
      const onEvent = () => done(true);
      const cancel = bounds.clock.setTimer(bounds.idleTimeoutMs, () => done(false));
      for (const type of ['idle', 'drain', 'close'] as const) stream.addEventListener(type, onEvent);
      bounds.signal.addEventListener('abort', onEvent);
    });
    if (!moved && stream.writeBufferLength >= before)
      throw new RequestError('TIMEOUT', `the peer took no byte for ${bounds.idleTimeoutMs} ms`);
  }
}
