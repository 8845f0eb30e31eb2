/**
 * Hostile clients. Each attack uses one connection at a time until it is told to stop, and checks what it is answered:
 * an attack that is answered as it should be is only a load.
 */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { Hex } from '../../genesis/types.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
  /** An account with money and an address with a past. */
  readonly account: Hex;
}

export interface Tally {
  /** Answers as they should be. */
  right: number;
  /** Connections or answers that did not come: counted, no failure by themselves. */
  cut: number;
  /** Other answers, the first few in words. */
  wrong: string[];
}

/** Runs until `signal`; one connection. */
export type Attack = (target: Target, tally: Tally, signal: AbortSignal) => Promise<void>;

interface Answer {
  readonly status: number;
  readonly text: string;
}

interface Shot {
  readonly body: string | Buffer;
  readonly headers?: Record<string, string>;
  /** Whether the answer is as it should be. */
  isRight(answer: Answer): boolean;
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });

function post(target: Target, agent: Agent, { body, headers = {} }: Shot, signal: AbortSignal) {
  return new Promise<Answer>((resolve, reject) => {
    const { host, port } = target;
    const asking = request(
      {
        ...{ host, port, agent, signal, method: 'POST', path: '/' },
        headers: { 'content-type': 'application/json', ...headers },
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
        );
        response.on('error', reject);
      },
    );
    asking.on('error', reject);
    asking.end(body);
  });
}

/** Sends what `shots` gives, one after the other, over a connection that is kept. */
function firing(shots: (target: Target, turn: number) => Shot): Attack {
  return async (target, tally, signal) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let turn = 0; !signal.aborted; turn++) {
      const shot = shots(target, turn);
      try {
        const answer = await post(target, agent, shot, signal);
        if (shot.isRight(answer)) tally.right += 1;
        else if (tally.wrong.length < 5)
          tally.wrong.push(
            `${String(shot.body).slice(0, 120)} -> ${answer.status} ${answer.text.slice(0, 200)}`,
          );
      } catch {
        if (!signal.aborted) tally.cut += 1;
        await pause(20, signal);
      }
    }
    agent.destroy();
  };
}

const call = (method: string, params: unknown) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });

function codeOf({ text }: Answer): number | 'result' | undefined {
  try {
    const answer = JSON.parse(text);
    return answer.error?.code ?? ('result' in answer ? 'result' : undefined);
  } catch {
    return undefined;
  }
}
const answers =
  (...codes: (number | 'result')[]) =>
  (answer: Answer) =>
    codes.includes(codeOf(answer) as number);

const MALFORMED = ['{', '[1,', 'null null', '{"jsonrpc":"2.0"', '\u0000', '{"a":"\\u12"}', 'NaN'];
const WRONG_TYPES: [string, unknown][] = [
  ['eth_getBalance', [1, 2]],
  ['eth_getBlockByNumber', [{}, 'x']],
  ['eth_call', ['0x', []]],
  ['eth_getLogs', [{ address: 7, topics: 'x' }]],
  ['eth_getProof', ['0x12', 'x', 'latest']],
  ['debug_traceTransaction', [{}]],
  ['eth_sendRawTransaction', [['0x']]],
  ['eth_feeHistory', ['0xzz', 'latest', [5, 1]]],
];

/** `JUMPDEST PUSH0 JUMP`: runs until its gas is used up. */
const ENDLESS = '0x5b5f56';
/** Writes a fresh slot a turn. */
const STORING = '0x5b6001015b80805560005600';

/**
 * Whatever these may say: a result, a revert, out of gas, a queue, a time limit, an answer too large, a simulated block
 * that is full (the node gets to that when its queue happens to be short).
 */
const HEAVY = answers('result', 3, -32000, -32002, -32003, -32005, -32015, -38015);
const HEAVY_KINDS = 9;
function heavy({ account }: Target, turn: number): Shot {
  const loop = { from: account, to: '0x00000000000000000000000000000000000abce5', gas: '0x2faf080' };
  const code = { [loop.to]: { code: turn % 2 === 0 ? ENDLESS : STORING } };
  const kinds: [string, unknown[]][] = [
    ['eth_call', [loop, 'latest', code]],
    ['eth_estimateGas', [loop, 'latest', code]],
    ['debug_traceCall', [loop, 'latest', { stateOverrides: code }]],
    [
      'eth_simulateV1',
      [
        {
          blockStateCalls: Array.from({ length: 64 }, (_, i) => ({
            ...(i === 0 ? { stateOverrides: code } : {}),
            calls: Array.from({ length: 8 }, () => ({ ...loop, gas: '0x1000000' })),
          })),
        },
        'latest',
      ],
    ],
    ['eth_getLogs', [{ fromBlock: '0x0', toBlock: 'latest' }]],
    ['eth_getProof', [account, Array.from({ length: 1_024 }, (_, i) => `0x${i.toString(16)}`), 'latest']],
    ['debug_traceBlockByNumber', ['latest', {}]],
    ['ots_searchTransactionsBefore', [account, 0, 25]],
    ['eth_createAccessList', [loop, 'latest', code]],
  ];
  const [method, params] = kinds[turn % HEAVY_KINDS] as [string, unknown[]];
  return { body: call(method, params), isRight: HEAVY };
}

/** One of each heavy call, for a node that has to load what they need. */
export async function warmUp(target: Target): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let turn = 0; turn < HEAVY_KINDS; turn++)
    await post(target, agent, heavy(target, turn), AbortSignal.timeout(60_000));
  agent.destroy();
}

async function open(target: Target, signal: AbortSignal): Promise<Socket> {
  const socket = connect(target.port, target.host);
  socket.on('error', () => {});
  signal.addEventListener('abort', () => socket.destroy(), { once: true });
  await once(socket, 'connect', { signal });
  return socket;
}

/** Again and again opens a socket and does something with it until it is closed. */
function sockets(use: (socket: Socket, target: Target, signal: AbortSignal) => Promise<boolean>): Attack {
  return async (target, tally, signal) => {
    while (!signal.aborted) {
      try {
        const socket = await open(target, signal);
        if (await use(socket, target, signal)) tally.right += 1;
        else if (!signal.aborted) tally.cut += 1;
        socket.destroy();
      } catch {
        tally.cut += 1;
        await pause(20, signal);
      }
    }
  };
}

async function isClosed(socket: Socket, withinMs: number, signal: AbortSignal): Promise<boolean> {
  const ending = new AbortController();
  const closed = new Promise<boolean>((resolve) => socket.once('close', () => resolve(true)));
  socket.resume();
  const waited = pause(withinMs, AbortSignal.any([signal, ending.signal])).then(() => false);
  const outcome = await Promise.race([closed, waited]);
  ending.abort();
  return outcome && !signal.aborted;
}

/** The limit is 15 s for headers and 60 s for a body. */
const SLOW_LIMIT_MS = 90_000;

const REQUEST_HEAD = (target: Target, length: number) =>
  `POST / HTTP/1.1\r\nHost: ${target.host}:${target.port}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

function webSocket(target: Target, signal: AbortSignal): WebSocket {
  const socket = new WebSocket(`ws://${target.host}:${target.port}`);
  socket.on('error', () => {});
  signal.addEventListener('abort', () => socket.terminate(), { once: true });
  return socket;
}

/** Asks without end and reads nothing: the node has to stop reading from it, and to cut it off. */
const deafFlood: Attack = async (target, tally, signal) => {
  while (!signal.aborted) {
    const socket = webSocket(target, signal);
    const closed = once(socket, 'close').catch(() => {});
    try {
      await once(socket, 'open', { signal });
      socket.pause();
      for (const topic of ['newHeads', 'logs', 'newPendingTransactions'])
        for (let i = 0; i < 60; i++)
          socket.send(call('eth_subscribe', topic === 'logs' ? [topic, {}] : [topic]));
      while (!signal.aborted && socket.readyState === socket.OPEN) {
        // What the node does not take stays here; this side's memory is bounded, too.
        if (socket.bufferedAmount < 256 * 1024)
          for (let i = 0; i < 100; i++) socket.send(call('eth_getBlockByNumber', ['latest', true]));
        await pause(20, signal);
      }
      tally.right += 1;
    } catch {
      tally.cut += 1;
      await pause(50, signal);
    }
    socket.terminate();
    await closed;
  }
};

/** Asks and reads as fast as it can. */
const eagerFlood: Attack = async (target, tally, signal) => {
  const socket = webSocket(target, signal);
  try {
    await once(socket, 'open', { signal });
    socket.on('message', (data) => {
      const answer = JSON.parse(String(data));
      if (answer.error !== undefined && tally.wrong.length < 5) tally.wrong.push(String(data).slice(0, 200));
      else tally.right += 1;
    });
    while (!signal.aborted && socket.readyState === socket.OPEN) {
      if (socket.bufferedAmount < 64 * 1024)
        for (let i = 0; i < 50; i++) socket.send(call('eth_blockNumber', []));
      await pause(10, signal);
    }
  } catch {
    tally.cut += 1;
  }
  socket.terminate();
};

/** Frames that are no frames. */
const rubbishFrames = sockets(async (socket, target, signal) => {
  socket.write(
    `GET / HTTP/1.1\r\nHost: ${target.host}:${target.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  await Promise.race([once(socket, 'data', { signal }), pause(5_000, signal)]);
  // Reserved bits, an unknown opcode, and a length of 2^63.
  socket.write(Buffer.from('ffff7fffffffffffffff00000000', 'hex'));
  return isClosed(socket, 10_000, signal);
});

export const ATTACKS: Readonly<Record<string, Attack>> = {
  'malformed JSON': firing((_, turn) => ({
    body: MALFORMED[turn % MALFORMED.length] ?? '',
    isRight: answers(-32700, -32600),
  })),
  'wrong types': firing((_, turn) => {
    const [method, params] = WRONG_TYPES[turn % WRONG_TYPES.length] ?? ['', []];
    return { body: call(method, params), isRight: answers(-32602) };
  }),
  'oversized bodies': firing(() => ({
    body: Buffer.alloc(6 * 1024 * 1024, 0x20),
    isRight: ({ status }) => status === 413,
  })),
  'over-long batches': firing(() => ({
    body: `[${Array.from({ length: 1_001 }, () => call('eth_chainId', [])).join(',')}]`,
    isRight: ({ status, text }) => status === 200 && text.startsWith('[') && text.includes('-32600'),
  })),
  'batches of heavy calls': firing((target, turn) => ({
    body: `[${Array.from({ length: 100 }, (_, i) => heavy(target, turn + i).body).join(',')}]`,
    // A large one that waits for long may be what is cut to make room.
    isRight: (answer) =>
      (answer.status === 200 && answer.text.startsWith('[')) ||
      (answer.status === 503 && codeOf(answer) === -32005),
  })),
  'unknown methods': firing((_, turn) => ({
    body: call(turn % 2 === 0 ? 'eth_nothing' : 'x'.repeat(10_000), []),
    isRight: answers(-32601),
  })),
  'deep nesting': firing(() => ({ body: '['.repeat(200_000), isRight: answers(-32600) })),
  'wrong Host': firing(() => ({
    body: call('eth_chainId', []),
    headers: { host: 'attacker.example' },
    isRight: ({ status, text }) => status === 403 && text.startsWith('INVALID_HOST'),
  })),
  'wrong Origin': firing(() => ({
    body: call('eth_chainId', []),
    headers: { origin: 'https://attacker.example' },
    isRight: ({ status, text }) => status === 403 && text.startsWith('INVALID_ORIGIN'),
  })),
  'rubbish transactions': firing((_, turn) => ({
    body: call('eth_sendRawTransaction', [
      turn % 2 === 0 ? `0x02${'f8'.repeat(300)}` : `0x${'ab'.repeat(130 * 1024)}`,
    ]),
    isRight: answers(-32000),
  })),
  'heavy calls': firing(heavy),
  'slow bodies': sockets(async (socket, target, signal) => {
    socket.write(REQUEST_HEAD(target, 100_000));
    const drip = setInterval(() => socket.write('['), 250);
    const closed = await isClosed(socket, SLOW_LIMIT_MS, signal);
    clearInterval(drip);
    return closed;
  }),
  'slow headers': sockets(async (socket, _, signal) => {
    const drip = setInterval(() => socket.write('P'), 250);
    const closed = await isClosed(socket, SLOW_LIMIT_MS, signal);
    clearInterval(drip);
    return closed;
  }),
  'idle sockets': sockets((socket, _, signal) => isClosed(socket, SLOW_LIMIT_MS, signal)),
  'bytes that are not HTTP': sockets((socket, _, signal) => {
    socket.write(Buffer.alloc(20_000, 0x16));
    return isClosed(socket, 10_000, signal);
  }),
  'WebSocket readers that do not read': deafFlood,
  'WebSocket floods': eagerFlood,
  'WebSocket frames that are none': rubbishFrames,
};
