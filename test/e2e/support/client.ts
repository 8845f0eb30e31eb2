/** JSON-RPC over one WebSocket, with waiting for what happens instead of sleeping. */
import WebSocket from 'ws';

export type Hex = `0x${string}`;

export interface HeadEvent {
  number: number;
  hash: Hex;
  stateRoot: Hex;
}

export class RpcFailure extends Error {
  override name = 'RpcFailure';
  readonly code: number;
  readonly data: unknown;
  constructor(code: number, message: string, data: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

export interface Client {
  call<T = unknown>(method: string, ...params: unknown[]): Promise<T>;
  /** Resolves with the first head, now or later, for which `wanted` is true. Rejects at the deadline. */
  untilHead(wanted: (head: HeadEvent) => boolean, deadlineMs?: number): Promise<HeadEvent>;
  /** Resolves when `ask` gives something else than undefined or null; asked at each new head. */
  until<T>(ask: () => Promise<T | undefined | null>, deadlineMs?: number): Promise<T>;
  close(): void;
}

/** Connects and subscribes to heads. */
export async function connect(port: number): Promise<Client> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  const open = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  const watchers = new Set<(head: HeadEvent) => void>();
  const losers = new Set<(error: Error) => void>();
  let last: HeadEvent | undefined;
  let nextId = 1;

  socket.on('error', () => {});
  socket.on('close', () => {
    const gone = new Error('the connection to the node was lost');
    for (const { reject } of open.values()) reject(gone);
    for (const lose of [...losers]) lose(gone);
    open.clear();
  });
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as {
      id?: number;
      result?: unknown;
      error?: { code: number; message: string; data?: unknown };
      method?: string;
      params?: { result: { number: Hex; hash: Hex; stateRoot?: Hex } };
    };
    if (message.method === 'eth_subscription' && message.params !== undefined) {
      const { number, hash, stateRoot } = message.params.result;
      // Of another subscription, by a caller of its own.
      if (stateRoot === undefined) return;
      last = { number: Number(number), hash, stateRoot };
      for (const watcher of [...watchers]) watcher(last);
      return;
    }
    const waiting = open.get(message.id ?? 0);
    open.delete(message.id ?? 0);
    if (message.error !== undefined)
      waiting?.reject(new RpcFailure(message.error.code, message.error.message, message.error.data));
    else waiting?.resolve(message.result);
  });

  function call<T>(method: string, ...params: unknown[]): Promise<T> {
    if (socket.readyState !== WebSocket.OPEN) return Promise.reject(new Error('the connection is closed'));
    const id = nextId++;
    return new Promise<T>((resolve, reject) => {
      open.set(id, { resolve: resolve as (value: unknown) => void, reject });
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  /** Runs `look` at each head until it gives something. */
  function watch<T>(
    look: (head: HeadEvent | undefined) => Promise<T | undefined>,
    deadlineMs: number,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let asking = false;
      let again = false;
      const timer = setTimeout(
        () =>
          end(() => reject(new Error(`did not happen within ${deadlineMs} ms; the head is ${last?.number}`))),
        deadlineMs,
      );
      const end = (how: () => void): void => {
        clearTimeout(timer);
        watchers.delete(onHead);
        losers.delete(onLoss);
        how();
      };
      const onLoss = (error: Error): void => end(() => reject(error));
      const onHead = (): void => {
        if (asking) {
          again = true;
          return;
        }
        asking = true;
        look(last).then(
          (found) => {
            asking = false;
            if (found !== undefined) end(() => resolve(found));
            else if (again) {
              again = false;
              onHead();
            }
          },
          (error: Error) => end(() => reject(error)),
        );
      };
      watchers.add(onHead);
      losers.add(onLoss);
      onHead();
    });
  }

  await call('eth_subscribe', 'newHeads');
  const block = await call<{ number: Hex; hash: Hex; stateRoot: Hex }>(
    'eth_getBlockByNumber',
    'latest',
    false,
  );
  last ??= { number: Number(block.number), hash: block.hash, stateRoot: block.stateRoot };
  return {
    call,
    untilHead: (wanted, deadlineMs = 30_000) =>
      watch(async (head) => (head !== undefined && wanted(head) ? head : undefined), deadlineMs),
    until: (ask, deadlineMs = 30_000) => watch(async () => (await ask()) ?? undefined, deadlineMs),
    close: () => socket.close(),
  };
}
