// Talks to the node that served this page: questions by POST, news by WebSocket with reconnection.

export class RpcError extends Error {
  constructor(error) {
    super(error.message);
    this.code = error.code;
  }
}

let nextId = 1;

export async function ask(method, ...params) {
  const response = await fetch('/', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: nextId++, method, params }),
  });
  const answer = await response.json();
  if (answer.error) throw new RpcError(answer.error);
  return answer.result;
}

const listeners = new Set();
let state = 'connecting';
let retry = 500;

/** listener({ kind: 'head', head } | { kind: 'state', state }); returns a function that stops it. */
export function listen(listener) {
  listeners.add(listener);
  listener({ kind: 'state', state });
  return () => listeners.delete(listener);
}

function tell(news) {
  for (const listener of [...listeners]) listener(news);
}

function setState(next) {
  state = next;
  tell({ kind: 'state', state });
}

export function connect() {
  const socket = new WebSocket(location.origin.replace(/^http/, 'ws'));
  socket.addEventListener('open', () => {
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['newHeads'] }));
  });
  socket.addEventListener('message', (event) => {
    const message = JSON.parse(event.data);
    if (message.id === 1 && message.result) {
      retry = 500;
      setState('live');
    }
    if (message.method === 'eth_subscription') tell({ kind: 'head', head: message.params.result });
  });
  socket.addEventListener('close', () => {
    setState('lost');
    setTimeout(connect, retry);
    retry = Math.min(10000, retry * 2);
  });
}
