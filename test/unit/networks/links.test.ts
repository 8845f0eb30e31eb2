import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLink, type Link } from '../../networks/links.ts';

let echo: ReturnType<typeof createServer>;
let link: Link;
const sockets: Socket[] = [];

beforeEach(async () => {
  echo = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  link = await createLink('a', 'b', (echo.address() as { port: number }).port);
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  link.close();
  echo.close();
});

async function dial(): Promise<Socket> {
  const socket = connect(link.port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}
const say = async (socket: Socket, word: string): Promise<string> => {
  socket.write(word);
  return String((await once(socket, 'data'))[0]);
};

describe('a wire', () => {
  it('carries bytes both ways', async () => {
    expect(await say(await dial(), 'hello')).toBe('hello');
  });

  it('when cut ends what is open and lets nobody in until it is whole', async () => {
    const socket = await dial();
    await say(socket, 'hello');
    link.set('cut');
    await once(socket, 'close');
    const late = await dial();
    await once(late, 'close');
    link.set('whole');
    expect(await say(await dial(), 'again')).toBe('again');
  });

  it('when silent keeps everything open and gives nothing back until it is whole', async () => {
    const socket = await dial();
    await say(socket, 'hello');
    link.set('silence');
    const late = await dial();
    let heard = '';
    socket.on('data', (bytes) => {
      heard += bytes;
    });
    socket.write('one ');
    late.write('three');
    // What another wire carries there and back meanwhile shows that time has passed.
    const other = await createLink('a', 'b', (echo.address() as { port: number }).port);
    const witness = connect(other.port, '127.0.0.1');
    sockets.push(witness);
    for (let i = 0; i < 20; i++) await say(witness, 'tick');
    other.close();
    expect(heard).toBe('');
    expect(socket.destroyed).toBe(false);
    link.set('whole');
    expect(String((await once(late, 'data'))[0])).toBe('three');
    expect(await say(socket, 'two')).toMatch(/two$/);
    expect(heard).toBe('one two');
  });
});
