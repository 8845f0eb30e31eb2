/**
 * The heap of a process that runs with `--inspect=127.0.0.1:0`, after a forced collection, all threads together: by the
 * debugger's protocol, so that the program itself has no door for it.
 */
import { readFileSync } from 'node:fs';
import WebSocket from 'ws';
import { within } from './load.ts';

/** Set it as NODE_OPTIONS before the processes start. */
export const INSPECT = '--inspect=127.0.0.1:0';
/** A collection of a heap of some hundred MiB on a busy machine. */
const ANSWER_MS = 30_000;

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** @param logFile where the process wrote the address of its debugger. Bytes in use. */
export async function heapAfterCollection(logFile: string): Promise<number> {
  const url = [...readFileSync(logFile, 'utf8').matchAll(/Debugger listening on (ws:\S+)/g)].at(-1)?.[1];
  if (url === undefined) throw new Error(`${logFile} names no debugger`);
  const socket = new WebSocket(url);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
    const workers: string[] = [];
    const hearWorker = new Map<string, (message: Message) => void>();
    const main = session(
      (text) => socket.send(text),
      (message) => {
        const { sessionId } = (message.params ?? {}) as { sessionId: string };
        if (message.method === 'NodeWorker.attachedToWorker') workers.push(sessionId);
        if (message.method === 'NodeWorker.receivedMessageFromWorker')
          hearWorker.get(sessionId)?.(JSON.parse(String(message.params?.['message'])) as Message);
      },
    );
    socket.on('message', (data) => main.hear(JSON.parse(String(data)) as Message));
    // Threads that run already are told of before the answer comes.
    await main.call('NodeWorker.enable', { waitForDebuggerOnStart: false });
    let bytes = await collect(main.call);
    for (const sessionId of workers) {
      const worker = session(
        (message) => void main.call('NodeWorker.sendMessageToWorker', { sessionId, message }),
        () => {},
      );
      hearWorker.set(sessionId, worker.hear);
      bytes += await collect(worker.call);
    }
    return bytes;
  } finally {
    socket.close();
  }
}

type Call = (method: string, params?: object) => Promise<Record<string, unknown>>;

async function collect(call: Call): Promise<number> {
  await call('HeapProfiler.enable');
  await call('HeapProfiler.collectGarbage');
  const { usedSize } = await call('Runtime.getHeapUsage');
  await call('HeapProfiler.disable');
  return Number(usedSize);
}

/** Questions and answers of one thread. */
function session(send: (text: string) => void, onEvent: (message: Message) => void) {
  const open = new Map<number, (message: Message) => void>();
  let nextId = 1;
  return {
    hear(message: Message): void {
      if (message.id === undefined) onEvent(message);
      else open.get(message.id)?.(message);
    },
    call: (async (method, params = {}) => {
      const id = nextId++;
      const answer = new Promise<Message>((resolve) => open.set(id, resolve));
      send(JSON.stringify({ id, method, params }));
      const { result, error } = await within(ANSWER_MS, answer);
      open.delete(id);
      if (error !== undefined) throw new Error(`${method}: ${error.message}`);
      return result ?? {};
    }) satisfies Call,
  };
}
