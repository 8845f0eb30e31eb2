import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { RpcLimits } from '../../../rpc/limits.ts';
import { startRpc } from '../../../rpc/start.ts';
import type { Caller, ChainReader } from '../../../state/types.ts';
import { http, openSocket, rpcCall, type TestRpc, testBackend, testRpc } from './support.ts';

/** Enough of a chain to answer eth_blockNumber and eth_chainId. */
const reader = {
  params: { chainId: 31337, contribution: { maxBytes: 1000, maxRecords: 10, maxRecordBytes: 100 } },
  head: () => ({ number: 7, hash: `0x${'11'.repeat(32)}` }),
} as unknown as ChainReader;

const running: TestRpc[] = [];
async function serve(limits: Partial<RpcLimits> = {}, more: Partial<Parameters<typeof testRpc>[0]> = {}) {
  const server = await testRpc({ reader, limits, ...more });
  running.push(server);
  return server;
}
afterEach(async () => {
  for (const { rpc } of running.splice(0)) await rpc.close();
});

const call = (method: string, params?: unknown, id: unknown = 1) =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

describe('a request', () => {
  it('is answered with its own id, be it a string, a number or null', async () => {
    const { url } = await serve();
    for (const id of [0, 'seven', null, 1.5]) {
      const { status, headers, body } = await http(url, { body: call('eth_blockNumber', [], id) });
      expect(status).toBe(200);
      expect(headers['content-type']).toBe('application/json');
      expect(JSON.parse(body)).toEqual({ jsonrpc: '2.0', id, result: '0x7' });
    }
  });

  it('without an id is carried out and not answered', async () => {
    const { url } = await serve();
    const { status, body } = await http(url, {
      body: JSON.stringify({ jsonrpc: '2.0', method: 'eth_chainId' }),
    });
    expect({ status, body }).toEqual({ status: 200, body: '' });
  });

  const wrong: [string, string, number, RegExp][] = [
    ['that is not JSON', '{', -32700, /not JSON/],
    ['that is empty', '', -32700, /not JSON/],
    ['that is a number', '5', -32600, /not an object/],
    [
      'of another version',
      '{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}',
      -32600,
      /jsonrpc must be '2.0'/,
    ],
    ['without a method', '{"jsonrpc":"2.0","id":1}', -32600, /method is not a string/],
    ['with an object as id', '{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', -32600, /id is neither/],
    [
      'with an endless id',
      `{"jsonrpc":"2.0","id":"${'x'.repeat(300)}","method":"eth_chainId"}`,
      -32600,
      /id longer/,
    ],
    [
      'for a method that does not exist',
      call('eth_sign'),
      -32601,
      /^the method eth_sign does not exist\/is not available$/,
    ],
    ['for an inherited name', call('toString'), -32601, /does not exist/],
    ['for __proto__', call('__proto__'), -32601, /does not exist/],
    ['with parameters by name', call('eth_chainId', { a: 1 }), -32602, /non-array args/],
    ['nested 40 deep', `${'['.repeat(40)}${']'.repeat(40)}`, -32600, /nested too deeply \(limit 32\)/],
    [
      'nested 100,000 deep inside parameters',
      `{"jsonrpc":"2.0","id":1,"method":"eth_call","params":${'['.repeat(100_000)}`,
      -32600,
      /nested/,
    ],
  ];
  for (const [what, body, code, message] of wrong)
    it(`${what} is refused with ${code}`, async () => {
      const { url, reported } = await serve();
      const answer = JSON.parse((await http(url, { body })).body);
      expect(answer.error.code).toBe(code);
      expect(answer.error.message).toMatch(message);
      expect(reported).toEqual([]);
    });

  it('with brackets inside strings is not deep', async () => {
    const { url } = await serve();
    const { body } = await http(url, { body: call('web3_sha3', ['0x'], `"${'['.repeat(50)}\\`) });
    expect(JSON.parse(body).result).toBe(
      '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470',
    );
  });

  it('that breaks a method is -32603 without details, and reported here', async () => {
    const backend = testBackend({
      peers: async () => {
        throw new Error('secret path of this machine');
      },
    });
    const { url, reported } = await serve({}, { backend });
    await expect(rpcCall(url, 'net_peerCount')).rejects.toMatchObject({
      code: -32603,
      message: 'internal error',
    });
    expect(String(reported[0])).toContain('secret path');
  });

  it('larger than its limit is refused with 413, also when it does not say its length', async () => {
    const { url } = await serve({ maxBodyBytes: 1_000 });
    const large = await http(url, { body: call('eth_chainId', ['x'.repeat(2_000)]) });
    expect(large.status).toBe(413);
    expect(JSON.parse(large.body).error.message).toBe('request too large (limit 1000 bytes)');
    const chunked = await http(url, { headers: { 'transfer-encoding': 'chunked' }, body: 'x'.repeat(2_000) });
    expect(chunked.status).toBe(413);
    expect((await http(url, { body: call('eth_chainId') })).status).toBe(200);
  });

  it('of another content type is refused: a form on a web page cannot send JSON', async () => {
    const { url } = await serve();
    const { status, body } = await http(url, {
      headers: { 'content-type': 'text/plain' },
      body: call('eth_chainId'),
    });
    expect(status).toBe(415);
    expect(body).toContain('only application/json is supported');
    const charset = await http(url, {
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: call('eth_chainId'),
    });
    expect(charset.status).toBe(200);
  });

  it('that does not end in time is cut: slow clients must not hold connections', async () => {
    const { rpc } = await serve({ headersTimeoutMs: 100, requestTimeoutMs: 100 });
    for (const start of [
      'POST / HTTP/1.1\r\nHost: localhost\r\n',
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{',
    ])
      await new Promise<void>((resolve) => {
        const socket = connect(rpc.port, '127.0.0.1', () => socket.write(start));
        socket.on('data', () => {});
        socket.on('error', () => resolve());
        socket.on('close', () => resolve());
      });
  });

  it('with too many values is refused before they are made', async () => {
    const { url } = await serve({ maxJsonValues: 1_000 });
    for (const [values, code] of [
      [`${'{},'.repeat(450)}{}`, -32602],
      [`${'{},'.repeat(1_000)}{}`, -32600],
    ] as const) {
      const { body } = await http(url, {
        body: `{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[${values}]}`,
      });
      expect(JSON.parse(body).error.code).toBe(code);
    }
  });

  it('that comes slowly pays for the memory of all, and small ones never do', async () => {
    const { rpc, url } = await serve({ maxHeldBytes: 1024 * 1024, freeHeldBytes: 1024 });
    const head =
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 400000\r\n\r\n';
    const answers: string[] = [];
    const slow = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const socket = connect(rpc.port, '127.0.0.1');
        answers[i] = '';
        socket.on('data', (data) => {
          answers[i] += data;
        });
        socket.on('error', () => {});
        const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
        await new Promise<void>((resolve) => socket.write(`${head}${'['.repeat(300_000)}`, () => resolve()));
        return { socket, closed };
      }),
    );
    // Three of them fit; each of the others is answered and ended.
    await expect.poll(() => answers.filter((text) => text.includes('-32005')).length).toBe(9);
    const { body } = await http(url, { body: call('eth_blockNumber') });
    expect(JSON.parse(body).result).toBe('0x7');
    for (const { socket } of slow) socket.destroy();
    await Promise.all(slow.map(({ closed }) => closed));
  });

  it('whose batch holds too much for too long is ended; another has its turn', async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const backend = testBackend({
      poolStatus: async () => {
        await gate;
        return { pending: 0, queued: 0, bytes: 0 };
      },
    });
    const { url } = await serve({ maxHeldBytes: 100_000, freeHeldBytes: 1024 }, { backend });
    const large = `[${call('txpool_status', [])},"${'x'.repeat(60_000)}"]`;
    const first = http(url, { body: large });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = http(url, { body: large });
    expect(JSON.parse((await first).body).error.code).toBe(-32005);
    release();
    expect(JSON.parse((await second).body)).toHaveLength(2);
  });

  it('never ends the server, whatever bytes it is made of', async () => {
    const { url, rpc, reported } = await serve();
    for (const bytes of [
      '\0\0\0',
      'GET',
      'POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n',
      'POST / HTTP/9\r\n\r\n',
      `GET /${'a'.repeat(40_000)} HTTP/1.1\r\n\r\n`,
    ]) {
      await new Promise<void>((resolve) => {
        const socket = connect(rpc.port, '127.0.0.1', () => socket.end(bytes));
        socket.on('data', () => {});
        socket.on('error', () => resolve());
        socket.on('close', () => resolve());
      });
    }
    expect(await rpcCall(url, 'eth_blockNumber')).toBe('0x7');
    expect(reported).toEqual([]);
  });
});

describe('a batch', () => {
  it('is answered in its order, each item by itself', async () => {
    const { url } = await serve();
    const body = `[${call('eth_blockNumber', [], 1)},${call('nope', [], 2)},{"jsonrpc":"2.0","method":"eth_chainId"},5]`;
    const answers = JSON.parse((await http(url, { body })).body);
    expect(
      answers.map((answer: { id: unknown; error?: { code: number } }) => [answer.id, answer.error?.code]),
    ).toEqual([
      [1, undefined],
      [2, -32601],
      [null, -32600],
    ]);
  });

  it('of nothing, or of too much, is refused', async () => {
    const { url } = await serve({ maxBatchItems: 2 });
    expect(JSON.parse((await http(url, { body: '[]' })).body).error).toEqual({
      code: -32600,
      message: 'empty batch',
    });
    const three = `[${[1, 2, 3].map((id) => call('eth_chainId', [], id)).join()}]`;
    expect(JSON.parse((await http(url, { body: three })).body)).toEqual([
      {
        jsonrpc: '2.0',
        id: 1,
        error: { code: -32600, message: 'batch too large: 3 requests (limit 2)' },
      },
    ]);
  });

  it('whose answers grow too large gets -32003 for the rest', async () => {
    const content = { pending: 0, queued: 0, bytes: 0 };
    const backend = testBackend({
      node: async () => ({ clientVersion: 'x'.repeat(600) }),
      poolStatus: async () => content,
    });
    const { url } = await serve({ maxBatchAnswerBytes: 1_000, maxBatchConcurrency: 1 }, { backend });
    const body = `[${[1, 2, 3].map((id) => call('web3_clientVersion', [], id)).join()}]`;
    const answers = JSON.parse((await http(url, { body })).body);
    expect(answers.map((answer: { error?: { code: number } }) => answer.error?.code)).toEqual([
      undefined,
      -32003,
      -32003,
    ]);
  });

  it('hands transactions to the pool in its order', async () => {
    const seen: number[] = [];
    const backend = testBackend({
      submitTransaction: async (raw) => {
        seen.push(raw[0] ?? -1);
        await new Promise(setImmediate);
        return { hash: `0x${'22'.repeat(32)}` };
      },
    });
    const { url } = await serve({}, { backend });
    const items = Array.from({ length: 200 }, (_, i) =>
      call('eth_sendRawTransaction', [`0x${i.toString(16).padStart(2, '0')}`], i),
    );
    const answers = JSON.parse((await http(url, { body: `[${items.join()}]` })).body);
    expect(answers).toHaveLength(200);
    expect(seen).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });
});

describe('access', () => {
  it('is refused for a foreign Host (DNS rebinding) and a foreign Origin, on every door', async () => {
    const { url } = await serve();
    const evil: Record<string, string>[] = [
      { host: 'evil.example' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
    ];
    for (const headers of evil) {
      for (const [method, path] of [
        ['POST', '/'],
        ['GET', '/'],
        ['GET', '/health'],
        ['OPTIONS', '/'],
        ['POST', '/artifacts'],
      ] as const) {
        const { status, body } = await http(url, {
          method,
          path,
          headers,
          ...(method === 'POST' ? { body: call('eth_chainId') } : {}),
        });
        expect([status, body.slice(0, 8)], `${method} ${path}`).toEqual([403, 'INVALID_']);
      }
      await expect(openSocket(url, headers)).rejects.toThrow('403');
    }
  });

  it('is given to pages of this machine, with the answer marked as theirs', async () => {
    const { url } = await serve();
    const headers = { origin: 'http://localhost:3000' };
    const answer = await http(url, { headers, body: call('eth_chainId') });
    expect(answer.status).toBe(200);
    expect(answer.headers['access-control-allow-origin']).toBe('http://localhost:3000');
    const preflight = await http(url, { method: 'OPTIONS', headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-headers']).toBe('Content-Type');
  });

  it('only reaches the namespaces that were chosen', async () => {
    const { url } = await serve({}, { config: { namespaces: ['eth', 'rpc'] } });
    await expect(rpcCall(url, 'txpool_status')).rejects.toMatchObject({ code: -32601 });
    expect(await rpcCall(url, 'rpc_modules')).toEqual({ eth: '1.0', rpc: '1.0' });
  });
});

describe('a WebSocket', () => {
  it('answers like HTTP, batches included', async () => {
    const { url } = await serve();
    const socket = await openSocket(url);
    expect(await socket.call('eth_blockNumber')).toBe('0x7');
    socket.socket.send(`[${call('eth_chainId', [], 'a')}]`);
    expect(await socket.next()).toEqual([{ jsonrpc: '2.0', id: 'a', result: '0x7a69' }]);
    socket.socket.send('nonsense');
    expect((await socket.next()).error.code).toBe(-32700);
  });

  it('is refused beyond the limit of connections, and a place becomes free again', async () => {
    const { url } = await serve({ maxWebSockets: 1 });
    const first = await openSocket(url);
    await expect(openSocket(url)).rejects.toThrow('503');
    first.socket.close();
    await first.closed;
    const second = await openSocket(url);
    expect(await second.call('eth_chainId')).toBe('0x7a69');
  });

  it('is closed for a message over the body limit; binary frames are read like text', async () => {
    const { url } = await serve({ maxBodyBytes: 100 });
    const large = await openSocket(url);
    large.socket.send('x'.repeat(200));
    expect(await large.closed).toEqual({ code: 1009 });
    const binary = await openSocket(url);
    binary.socket.send(Buffer.from(call('eth_chainId')));
    expect(await binary.next()).toMatchObject({ id: 1, result: expect.stringMatching(/^0x/) });
  });

  it('may subscribe a bounded number of times', async () => {
    const { url } = await serve({ maxSubscriptionsPerSocket: 2 });
    const socket = await openSocket(url);
    const first = await socket.call('eth_subscribe', 'newPendingTransactions');
    await socket.call('eth_subscribe', 'newHeads');
    await expect(socket.call('eth_subscribe', 'logs', {})).rejects.toMatchObject({
      code: -32005,
      message: 'limit exceeded: subscriptions on this connection (limit 2)',
    });
    expect(await socket.call('eth_unsubscribe', first)).toBe(true);
    await expect(socket.call('eth_unsubscribe', first)).rejects.toMatchObject({
      message: 'subscription not found',
    });
    await expect(socket.call('eth_subscribe', 'gossip')).rejects.toMatchObject({
      code: -32601,
      message: 'no "gossip" subscription in eth namespace',
    });
    await socket.call('eth_subscribe', 'logs', {});
  });

  it('cannot end the subscription of another', async () => {
    const { url } = await serve();
    const one = await openSocket(url);
    const other = await openSocket(url);
    const id = await one.call('eth_subscribe', 'newHeads');
    await expect(other.call('eth_unsubscribe', id)).rejects.toMatchObject({
      message: 'subscription not found',
    });
    expect(await one.call('eth_unsubscribe', id)).toBe(true);
  });

  it('hears when the node begins and ends to catch up', async () => {
    const head = { number: 7, hash: `0x${'11'.repeat(32)}` } as const;
    const { url, backend } = await serve();
    const socket = await openSocket(url);
    const subscription = await socket.call('eth_subscribe', 'syncing');
    backend.syncing = async () => ({ startingBlock: 0, currentBlock: 7, highestBlock: 90 });
    backend.announceHead(head);
    expect((await socket.next()).params).toEqual({
      subscription,
      result: { syncing: true, status: { StartingBlock: 0, CurrentBlock: 7, HighestBlock: 90 } },
    });
    backend.announceHead(head);
    backend.syncing = async () => undefined;
    backend.announceHead(head);
    expect((await socket.next()).params).toEqual({ subscription, result: false });
  });

  it('that does not read is cut, is told why if it reads again, and does not fill memory', async () => {
    const { url, backend } = await serve({ maxSocketBacklogBytes: 64 * 1024, slowReaderGraceMs: 60_000 });
    const slow = await openSocket(url);
    await slow.call('eth_subscribe', 'newPendingTransactions');
    slow.socket.pause();
    const hash = `0x${'33'.repeat(32)}` as const;
    const many = Array.from({ length: 1_000 }, () => ({
      hash,
      from: hash,
      nonce: 0n,
      raw: new Uint8Array(),
    }));
    const quick = await openSocket(url);
    await quick.call('eth_subscribe', 'newPendingTransactions');
    // The quick reader is kept up with; the slow one is cut once kernel and server buffers are full.
    for (let i = 0; i < 80; i++) {
      backend.announcePending(many);
      for (let n = 0; n < many.length; n++) await quick.next();
    }
    slow.socket.resume();
    expect((await slow.closed).code).toBe(1013);
    expect(await quick.call('eth_chainId')).toBe('0x7a69');
  });

  it('that does not read is cut when all together hold too much', async () => {
    const { url, backend } = await serve({ maxHeldBytes: 16 * 1024 * 1024, freeHeldBytes: 1024 });
    const both = await Promise.all([openSocket(url), openSocket(url)]);
    for (const client of both) await client.call('eth_subscribe', 'newPendingTransactions');
    const hash = `0x${'33'.repeat(250_000)}` as const;
    // Nobody reads before this turn ends: 20 MB for each, of which the kernel takes some.
    backend.announcePending(
      Array.from({ length: 40 }, () => ({ hash, from: hash, nonce: 0n, raw: new Uint8Array() })),
    );
    const { i, code } = await Promise.race(
      both.map(async ({ closed }, i) => ({ i, code: (await closed).code })),
    );
    expect(code).toBe(1006);
    const other = both[1 - i];
    for (let n = 0; n < 40; n++) expect((await other?.next())?.params.result).toHaveLength(hash.length);
    expect(await other?.call('eth_chainId')).toBe('0x7a69');
  });

  it('with half a message pays for the memory of all', async () => {
    const { url, rpc } = await serve({ maxHeldBytes: 1024 * 1024, freeHeldBytes: 1024 });
    const sockets = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const { socket, closed } = await openSocket(url);
        socket.send('['.repeat(300_000), { fin: false });
        return { socket, closed };
      }),
    );
    expect((await Promise.race(sockets.map(({ closed }) => closed))).code).toBe(1006);
    expect((await http(`http://127.0.0.1:${rpc.port}`, { body: call('eth_chainId') })).status).toBe(200);
    for (const { socket } of sockets) socket.terminate();
  });

  it('has its requests in flight bounded by reading no further, without an error', async () => {
    let open: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    let most = 0;
    let running = 0;
    const backend = testBackend({
      poolStatus: async () => {
        running += 1;
        most = Math.max(most, running);
        await gate;
        running -= 1;
        return { pending: 0, queued: 0, bytes: 0 };
      },
    });
    const { url } = await serve({ maxInFlightPerSocket: 3 }, { backend });
    const socket = await openSocket(url);
    // Long enough that they do not all arrive in one packet.
    const blanks = ' '.repeat(8_192);
    for (let i = 0; i < 50; i++) socket.socket.send(`${call('txpool_status', [], i)}${blanks}`);
    await rpcCall(url, 'eth_chainId');
    open?.();
    for (let i = 0; i < 50; i++)
      expect((await socket.next()).result).toEqual({ pending: '0x0', queued: '0x0' });
    // Frames that arrived in one packet before reading stopped are still handed over.
    expect(most).toBeLessThan(50);
  });
});

describe('health', () => {
  it('says that the process lives, and whether its answers are current', async () => {
    const backend = testBackend();
    const { url } = await serve({}, { backend });
    expect(JSON.parse((await http(url, { method: 'GET', path: '/health' })).body)).toEqual({ status: 'ok' });
    const ready = await http(url, { method: 'GET', path: '/ready' });
    expect([ready.status, JSON.parse(ready.body)]).toMatchObject([200, { ready: true, head: 7 }]);
    backend.syncing = async () => ({ startingBlock: 0, currentBlock: 7, highestBlock: 90 });
    const syncing = await http(url, { method: 'GET', path: '/ready' });
    expect([syncing.status, JSON.parse(syncing.body)]).toMatchObject([
      503,
      { ready: false, reason: 'syncing: 7 of 90' },
    ]);
    backend.syncing = async () => undefined;
    backend.node = async () => ({ clientVersion: 'x', standstill: 'no block for 40 s' });
    const still = await http(url, { method: 'GET', path: '/ready' });
    expect([still.status, JSON.parse(still.body)]).toMatchObject([
      503,
      { ready: false, reason: 'no block for 40 s' },
    ]);
    backend.node = async () => ({ clientVersion: 'x', halted: 'DOUBLE_SIGN: restore the key' });
    expect((await http(url, { method: 'GET', path: '/ready' })).body).toContain('DOUBLE_SIGN');
  });

  it('knows its paths: 404 elsewhere, 405 for other verbs', async () => {
    const { url } = await serve();
    expect((await http(url, { method: 'GET', path: '/nothing' })).status).toBe(404);
    expect((await http(url, { method: 'GET', path: '/../package.json' })).status).toBe(404);
    expect((await http(url, { method: 'POST', path: '/rpc', body: '{}' })).status).toBe(404);
    expect((await http(url, { method: 'DELETE' })).status).toBe(405);
  });
});

describe('starting', () => {
  it('on a port that is taken says so, with what to do', async () => {
    const { rpc } = await serve();
    const second = startRpc({
      reader,
      caller: undefined as unknown as Caller,
      backend: testBackend(),
      config: { port: rpc.port },
    });
    await expect(second).rejects.toMatchObject({ code: 'PORT_IN_USE' });
    await expect(second).rejects.toThrow(`127.0.0.1:${rpc.port} is already taken`);
    await expect(second).rejects.toThrow('--rpc-port');
  });

  it('listens on loopback unless told otherwise, and closing frees the port', async () => {
    const { rpc } = await serve();
    expect(rpc.host).toBe('127.0.0.1');
    const socket = await openSocket(`http://127.0.0.1:${rpc.port}`);
    await rpc.close();
    expect((await socket.closed).code).toBe(1001);
    const again = await serve({}, { config: { port: rpc.port } });
    expect(again.rpc.port).toBe(rpc.port);
  });
});
