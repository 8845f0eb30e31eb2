/** Bytes of a stream become frames again, however a stranger cuts them up. */
import { readFileSync } from 'node:fs';
import type { Stream } from '@libp2p/interface';
import fc from 'fast-check';
import { Uint8ArrayList } from 'uint8arraylist';
import { beforeAll, describe, expect, it } from 'vitest';
import { createFrameReader } from '../../../node/network/frames.ts';
import { loadLibraries } from '../../../node/network/network.ts';
import { createByteBudget } from '../../../node/network/quota.ts';
import { realClock } from './support.ts';

/** As much of a stream as a reader touches, and a way to put messages into it. */
function cutUp() {
  const target = new EventTarget();
  const stream = Object.assign(target, {
    status: 'open',
    remoteWriteStatus: 'writable',
    readBufferLength: 0,
    pause() {},
    resume() {},
  });
  return {
    stream: stream as unknown as Stream,
    say: (data: Uint8Array) => target.dispatchEvent(Object.assign(new Event('message'), { data })),
  };
}

const bounds = (maxFrameBytes: number) => ({
  maxFrameBytes,
  maxTotalBytes: maxFrameBytes,
  idleTimeoutMs: 1_000,
  budget: createByteBudget(1 << 24),
  clock: realClock,
  signal: new AbortController().signal,
});

function frameOf(payload: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(5 + payload.length);
  frame.writeUInt32BE(payload.length + 1);
  frame.set(payload, 5);
  return frame;
}

describe('a frame', () => {
  it('is the same in whichever pieces it comes', async () => {
    const payload = Uint8Array.from({ length: 30_000 }, (_, i) => i * 7);
    for (const size of [1, 3, 1_000, 4_096, 8_191, 30_005]) {
      const { stream, say } = cutUp();
      const reader = createFrameReader(stream, bounds(1 << 20));
      const bytes = Buffer.concat([frameOf(payload), frameOf(Uint8Array.of(9))]);
      for (let at = 0; at < bytes.length; at += size) say(bytes.subarray(at, at + size));
      expect(Buffer.from((await reader.next())!.payload).equals(payload), `pieces of ${size}`).toBe(true);
      expect([...(await reader.next())!.payload]).toEqual([9]);
    }
  });

  it('does not hold the node up when its bytes come one by one', async () => {
    const { stream, say } = cutUp();
    const reader = createFrameReader(stream, bounds(1 << 20));
    const bytes = frameOf(new Uint8Array(250_000).fill(7));
    for (const byte of bytes) say(Uint8Array.of(byte));
    const began = process.cpuUsage();
    const frame = await reader.next();
    const { user } = process.cpuUsage(began);
    expect(frame!.payload).toHaveLength(250_000);
    // Some 20 ms of CPU; 25 s where each byte moves all before it.
    expect(user / 1000).toBeLessThan(5_000);
  });

  it('without a byte in it does not come for ever', async () => {
    const { stream, say } = cutUp();
    const reader = createFrameReader(stream, bounds(1 << 20));
    const empty = frameOf(new Uint8Array(0));
    for (let i = 0; i < 20_000; i++) say(empty);
    const read = async (): Promise<number> => {
      for (let count = 0; count < 20_000; count++) (await reader.next())!.release();
      return 20_000;
    };
    await expect(read()).rejects.toMatchObject({ code: 'BAD_FRAME' });
  });
});

describe('a list of bytes of libp2p', () => {
  beforeAll(async () => void (await loadLibraries()));

  it('is of one class for us and for libp2p: there is one version of it', () => {
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: object };
    expect(Object.keys(packages).filter((path) => path.endsWith('/uint8arraylist'))).toEqual([
      'node_modules/uint8arraylist',
    ]);
  });

  it('gives its bytes in order, in whichever pieces they are put in and taken out', () => {
    const step = fc.oneof(fc.uint8Array({ maxLength: 9 }), fc.integer({ min: -2, max: 20 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const list = new Uint8ArrayList();
        let expected: number[] = [];
        for (const one of steps) {
          if (typeof one === 'number') {
            list.consume(one);
            expected = expected.slice(Math.max(0, one));
          } else {
            list.append(one);
            expected.push(...one);
          }
          expect([...list.subarray()]).toEqual(expected);
          expect(list.byteLength).toBe(expected.length);
        }
      }),
      { verbose: 1 },
    );
  });

  it('does not hold the node up when a message of many pieces is taken out of it', () => {
    const list = new Uint8ArrayList();
    for (let i = 0; i < 400_000; i++) list.append(Uint8Array.of(i));
    const began = process.cpuUsage();
    list.consume(399_999);
    // Quadratic, it takes many seconds; a few milliseconds where it does not.
    expect(process.cpuUsage(began).user / 1000).toBeLessThan(3_000);
    expect([...list.subarray()]).toEqual([399_999 & 255]);
  });
});
