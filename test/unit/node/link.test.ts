import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { createLink, type Link, LinkError, movable, moving } from '../../../node/threads/index.ts';

interface Kitchen {
  cook(dish: string): Promise<string>;
  wait(): Promise<void>;
  bytes(length: number): Uint8Array;
  burn(): never;
}
interface Bell {
  ring: { table: number };
}
type NoCalls = Record<never, never>;

const opened: Link<never, never>[] = [];
afterEach(() => {
  for (const link of opened.splice(0)) link.close();
});

function restaurant(options: { maxInFlight?: number } = {}) {
  const { port1, port2 } = new MessageChannel();
  const rings: number[] = [];
  let announce: (finish: () => void) => void = () => {};
  const started = new Promise<() => void>((resolve) => {
    announce = resolve;
  });
  const kitchen = createLink<Kitchen, NoCalls, Bell>(port2, {
    handlers: {
      cook: async (dish) => `hot ${dish}`,
      wait: () =>
        new Promise<void>((resolve) => {
          announce(resolve);
        }),
      bytes: (length) => {
        const bytes = new Uint8Array(length).fill(7);
        return moving(bytes, movable(bytes));
      },
      burn: () => {
        throw Object.assign(new Error('the pan is on fire'), { code: 'FIRE', data: new Uint8Array([1]) });
      },
    },
  });
  const guest = createLink<NoCalls, Kitchen, object, Bell>(port1, {
    handlers: {},
    onEvent: { ring: ({ table }) => rings.push(table) },
    ...options,
  });
  opened.push(kitchen as never, guest as never);
  return { kitchen, guest, rings, started };
}

describe('a link between threads', () => {
  it('answers calls, each with its own answer', async () => {
    const { guest } = restaurant();
    expect(await Promise.all(['soup', 'fish', 'cake'].map((dish) => guest.call('cook', dish)))).toEqual([
      'hot soup',
      'hot fish',
      'hot cake',
    ]);
    expect(guest.inFlight()).toBe(0);
  });

  it('keeps the code, the message and plain data of an error', async () => {
    const { guest } = restaurant();
    const error = await guest.call('burn', undefined).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(LinkError);
    expect(error).toMatchObject({ code: 'FIRE', message: 'the pan is on fire', data: new Uint8Array([1]) });
  });

  it('says so when the other side does not know the call', async () => {
    const { guest } = restaurant();
    await expect(guest.call('dance' as 'cook', 'x')).rejects.toMatchObject({ code: 'NO_SUCH_CALL' });
  });

  it('moves bytes instead of copying them when asked to', async () => {
    const { guest } = restaurant();
    expect(await guest.call('bytes', 3)).toEqual(new Uint8Array([7, 7, 7]));
    const slice = Buffer.from('a small buffer of the pool');
    expect(movable(slice)).toEqual([]);
  });

  it('delivers events in order', async () => {
    const { kitchen, guest, rings } = restaurant();
    for (const table of [3, 1, 2]) kitchen.emit('ring', { table });
    await guest.call('cook', 'soup');
    expect(rings).toEqual([3, 1, 2]);
  });

  it('refuses more open calls than its limit', async () => {
    const { guest, started } = restaurant({ maxInFlight: 1 });
    const first = guest.call('wait', undefined);
    await expect(guest.call('cook', 'soup')).rejects.toMatchObject({ code: 'BUSY' });
    (await started)();
    await first;
    expect(await guest.call('cook', 'soup')).toBe('hot soup');
  });

  it('fails every open call at once when either side closes', async () => {
    const { guest, kitchen } = restaurant();
    const open = guest.call('wait', undefined);
    const refused = expect(open).rejects.toMatchObject({ code: 'THREAD_CLOSED' });
    kitchen.close();
    await refused;
    await guest.closed;
    await expect(guest.call('cook', 'soup')).rejects.toMatchObject({ code: 'THREAD_CLOSED' });
    guest.emit('x' as never, undefined as never);
  });

  it('leaves a raw port usable to its owner only through the link', async () => {
    const { port1, port2 } = new MessageChannel();
    const link = createLink<NoCalls, NoCalls>(port1, { handlers: {} });
    const ended = once(port2, 'close');
    link.close();
    await ended;
  });
});
