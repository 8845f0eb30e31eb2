/**
 * eth_subscribe: newHeads, logs, newPendingTransactions, syncing. What is sent for a block is written as text once,
 * however many listen. A subscription speaks only after its own answer was sent.
 */
import type { Block, Hex, Receipt } from '../state/types.ts';
import { limitExceeded } from './errors.ts';
import type { RpcLimits } from './limits.ts';
import { blockLogs, type LogFilter } from './logs.ts';
import type { Connection } from './method.ts';

export type Topic =
  | { readonly kind: 'newHeads' }
  | { readonly kind: 'logs'; readonly filter: LogFilter }
  | { readonly kind: 'newPendingTransactions'; readonly full: boolean }
  | { readonly kind: 'syncing' };

interface Subscription {
  readonly id: Hex;
  readonly connection: Connection;
  readonly topic: Topic;
  active: boolean;
}

/** A pending transaction as it is announced: by hash, or whole (text made when somebody wants it). */
export interface PendingNotice {
  readonly hash: Hex;
  json(): string;
}

export interface Subscriptions {
  /** @throws RpcError -32005 */
  add(connection: Connection, topic: Topic): Hex;
  remove(connection: Connection, id: string): boolean;
  /** The answers of this connection were sent: its new subscriptions may speak. */
  activate(connection: Connection): void;
  /** The connection is gone. */
  drop(connection: Connection): void;
  publishBlock(block: Block, receipts: readonly Receipt[], headJson: () => string): void;
  publishPending(notices: readonly PendingNotice[]): void;
  publishSyncing(json: string): void;
  readonly size: number;
  /** How many wait for pending transactions: the pool is only asked to tell them while somebody listens. */
  readonly pendingListeners: number;
}

export function createSubscriptions(
  limits: RpcLimits,
  newId: () => Hex,
  onChange: () => void = () => {},
): Subscriptions {
  const byConnection = new Map<Connection, Map<string, Subscription>>();
  let size = 0;

  function* active<K extends Topic['kind']>(
    kind: K,
  ): Generator<Subscription & { topic: Extract<Topic, { kind: K }> }> {
    for (const subscriptions of byConnection.values())
      for (const subscription of subscriptions.values())
        if (subscription.active && subscription.topic.kind === kind)
          yield subscription as Subscription & { topic: Extract<Topic, { kind: K }> };
  }

  function send(subscription: Subscription, json: string): void {
    subscription.connection.send(
      `{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"${subscription.id}","result":${json}}}`,
    );
  }

  return {
    add(connection, topic) {
      const own = byConnection.get(connection) ?? new Map<string, Subscription>();
      if (own.size >= limits.maxSubscriptionsPerSocket)
        throw limitExceeded('subscriptions on this connection', limits.maxSubscriptionsPerSocket);
      if (size >= limits.maxSubscriptionsTotal)
        throw limitExceeded('subscriptions on this node', limits.maxSubscriptionsTotal);
      const id = newId();
      own.set(id, { id, connection, topic, active: false });
      byConnection.set(connection, own);
      size += 1;
      onChange();
      return id;
    },
    remove(connection, id) {
      const removed = byConnection.get(connection)?.delete(id) ?? false;
      if (removed) size -= 1;
      if (removed) onChange();
      return removed;
    },
    activate(connection) {
      for (const subscription of byConnection.get(connection)?.values() ?? []) subscription.active = true;
    },
    drop(connection) {
      size -= byConnection.get(connection)?.size ?? 0;
      byConnection.delete(connection);
      onChange();
    },
    publishBlock(block, receipts, headJson) {
      let head: string | undefined;
      for (const subscription of active('newHeads')) {
        head ??= headJson();
        send(subscription, head);
      }
      if (!receipts.some((receipt) => receipt.logs.length > 0)) return;
      for (const subscription of active('logs'))
        for (const log of blockLogs(subscription.topic.filter, block, receipts))
          send(subscription, JSON.stringify(log));
    },
    publishPending(notices) {
      for (const subscription of active('newPendingTransactions'))
        for (const notice of notices)
          send(subscription, subscription.topic.full ? notice.json() : `"${notice.hash}"`);
    },
    publishSyncing(json) {
      for (const subscription of active('syncing')) send(subscription, json);
    },
    get size() {
      return size;
    },
    get pendingListeners() {
      let count = 0;
      for (const own of byConnection.values())
        for (const { topic } of own.values()) if (topic.kind === 'newPendingTransactions') count += 1;
      return count;
    },
  };
}
