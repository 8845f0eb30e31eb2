/**
 * The memory of a process that runs with `--inspect=127.0.0.1:0`, after a forced collection, all threads together: by
 * the debugger's protocol, so that the program itself has no door for it.
 */
import { readFileSync } from 'node:fs';
import WebSocket from 'ws';
import { within } from './load.ts';

/** Set it as NODE_OPTIONS before the processes start. */
export const INSPECT = '--inspect=127.0.0.1:0';
/** A collection of a heap of some hundred MiB on a busy machine. */
const ANSWER_MS = 60_000;
/** What finalisers give back is counted only after the next collection. */
const COLLECTIONS = 2;

/** Bytes. */
export interface Memory {
  /** Objects on the heaps of all threads. */
  readonly heap: number;
  /** Buffers and WebAssembly memories outside the heaps that their objects hold. */
  readonly external: number;
  /** Of the whole process: with code, stacks, native libraries, and what the allocators keep. */
  readonly resident: number;
  /** The heap of each thread, by what it runs; the main thread first. */
  readonly threads: readonly { readonly name: string; readonly heap: number; readonly external: number }[];
}

/**
 * How many times as much is held now as before. Some threads are there only while they are needed, and one more of a kind
 * is no growth: of each kind that was there both times, a thread has as much as they have on average.
 */
export function growthOf(part: 'heap' | 'external', before: Memory, after: Memory): number {
  const [old, young] = [averages(part, before), averages(part, after)];
  const kinds = [...young.keys()].filter((name) => old.has(name));
  const sum = (of: ReadonlyMap<string, number>) =>
    kinds.reduce((bytes, name) => bytes + (of.get(name) ?? 0), 0);
  return sum(young) / sum(old);
}

function averages(part: 'heap' | 'external', { threads }: Memory): Map<string, number> {
  const found = new Map<string, number>();
  for (const { name } of threads) {
    // One that ended while it was asked has told nothing.
    const same = threads.filter((thread) => thread.name === name && thread.heap > 0);
    if (same.length > 0)
      found.set(name, same.reduce((bytes, thread) => bytes + thread[part], 0) / same.length);
  }
  return found;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

interface Thread {
  readonly name: string;
  readonly session: Session;
}

/** @param logFile where the process wrote the address of its debugger */
export async function heapAfterCollection(logFile: string): Promise<Memory> {
  const url = [...readFileSync(logFile, 'utf8').matchAll(/Debugger listening on (ws:\S+)/g)].at(-1)?.[1];
  if (url === undefined) throw new Error(`${logFile} names no debugger`);
  const socket = new WebSocket(url);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
    const main = createSession((text) => socket.send(text));
    socket.on('message', (data) => main.hear(JSON.parse(String(data)) as Message));
    const threads = await withWorkers({ name: 'main', session: main });
    const used: { name: string; heap: number; external: number; resident: number }[] = [];
    for (const { name, session } of threads) used.push({ name, ...(await collect(session)) });
    const sum = (part: 'heap' | 'external') => used.reduce((bytes, one) => bytes + one[part], 0);
    return { heap: sum('heap'), external: sum('external'), resident: used[0]?.resident ?? 0, threads: used };
  } finally {
    socket.close();
  }
}

/** The thread, the threads that it has started, theirs, and so on. */
async function withWorkers(thread: Thread): Promise<Thread[]> {
  const workers: Thread[] = [];
  const bySession = new Map<string, Session>();
  const { session } = thread;
  session.onEvent = ({ method, params = {} }) => {
    const sessionId = String(params['sessionId']);
    if (method === 'NodeWorker.attachedToWorker') {
      const { url } = params['workerInfo'] as { url: string };
      const own = createSession(
        (message) =>
          void session.call('NodeWorker.sendMessageToWorker', { sessionId, message }).catch(() => {}),
      );
      bySession.set(sessionId, own);
      workers.push({ name: url.split('/').slice(-2).join('/'), session: own });
    } else if (method === 'NodeWorker.receivedMessageFromWorker')
      bySession.get(sessionId)?.hear(JSON.parse(String(params['message'])) as Message);
    else if (method === 'NodeWorker.detachedFromWorker') bySession.get(sessionId)?.end();
  };
  // Threads that run already are told of before the answer comes.
  await session.call('NodeWorker.enable', { waitForDebuggerOnStart: false });
  const found = [thread];
  // Where a thread cannot be asked for its own, all of them were told of above.
  for (const worker of [...workers]) found.push(...(await withWorkers(worker).catch(() => [worker])));
  return found;
}

/** Of a thread that ended meanwhile: nothing. */
async function collect(session: Session): Promise<{ heap: number; external: number; resident: number }> {
  try {
    await session.call('HeapProfiler.enable');
    for (let i = 0; i < COLLECTIONS; i++) await session.call('HeapProfiler.collectGarbage');
    await session.call('HeapProfiler.disable');
    const { result } = await session.call('Runtime.evaluate', {
      expression: 'process.memoryUsage()',
      returnByValue: true,
    });
    const { heapUsed, external, rss } = (result as { value: Record<string, number> }).value;
    return { heap: heapUsed ?? 0, external: external ?? 0, resident: rss ?? 0 };
  } catch (error) {
    if (session.ended) return { heap: 0, external: 0, resident: 0 };
    throw error;
  }
}

/** Questions and answers of one thread. */
interface Session {
  onEvent(message: Message): void;
  hear(message: Message): void;
  /** @throws Error when the thread has ended, or says so */
  call(method: string, params?: object): Promise<Record<string, unknown>>;
  readonly ended: boolean;
  end(): void;
}

function createSession(send: (text: string) => void): Session {
  const open = new Map<number, (message: Message) => void>();
  let nextId = 1;
  let ended = false;
  return {
    onEvent: () => {},
    hear(message) {
      if (message.id === undefined) this.onEvent(message);
      else open.get(message.id)?.(message);
    },
    async call(method, params = {}) {
      if (ended) throw new Error('the thread has ended');
      const id = nextId++;
      const answer = new Promise<Message>((resolve) => open.set(id, resolve));
      send(JSON.stringify({ id, method, params }));
      const { result, error } = await within(ANSWER_MS, answer);
      open.delete(id);
      if (error !== undefined) throw new Error(`${method}: ${error.message}`);
      return result ?? {};
    },
    get ended() {
      return ended;
    },
    end() {
      ended = true;
      for (const answer of open.values()) answer({ error: { message: 'the thread has ended' } });
    },
  };
}
