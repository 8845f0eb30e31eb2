/**
 * The executor as the validator sees it. Answers that consensus needs at once (the head, whether something could be
 * included) are kept on this side and change only together with what they describe.
 */
import { decodeCertificate, encodeCertificate } from '../../consensus/codec.ts';
import { type Address, asHeight, type ValidatorSet } from '../../consensus/types.ts';
import { createValidatorSet } from '../../consensus/validator-set/set.ts';
import { fromHex } from '../../state/crypto.ts';
import type { Hex, Head as StateHead, ValidatorRecord } from '../../state/types.ts';
import type { ExecutorClient } from '../executor-thread/client.ts';
import type { HeadReport } from '../executor-thread/protocol.ts';
import type { App, Cancel, Head } from '../validator/ports.ts';

export interface ExecutorApp extends App {
  /** Told after a block became the head; the block is durable by then. */
  onHead(listener: (head: Head) => void): Cancel;
}

/** @param opened what the executor said when it opened the chain */
/** @param syncingTo height of the best peer while this node catches up with it */
export function createExecutorApp(
  executor: ExecutorClient,
  opened: HeadReport,
  syncingTo: () => number | undefined = () => undefined,
): ExecutorApp {
  let head = toHead(opened.head);
  let hasTransactions = opened.hasTransactions;
  const transactionListeners = new Set<() => void>();
  const readyListeners = new Set<(blockHash: Hex) => void>();
  const headListeners = new Set<(head: Head) => void>();

  executor.on('hasTransactions', (value) => {
    const risen = value && !hasTransactions;
    hasTransactions = value;
    if (risen) for (const listener of [...transactionListeners]) listener();
  });
  executor.on('ready', (blockHash) => {
    for (const listener of [...readyListeners]) listener(blockHash);
  });

  return {
    head: () => head,
    build: (request) =>
      executor.link.call('build', {
        height: request.height,
        round: request.round,
        timestampMs: request.timestampMs,
        reveal: request.reveal,
        lastCommit: request.lastCommit ?? null,
      }),
    check: (block) => executor.link.call('check', { blockHash: block.blockHash, bytes: block.bytes }),
    async commit(block) {
      const report = await executor.link.call('commit', {
        blockHash: block.blockHash,
        bytes: block.bytes,
        certificate: encodeCertificate(block.certificate),
        syncingTo: syncingTo() ?? null,
      });
      head = toHead(report.head);
      hasTransactions = report.hasTransactions;
      for (const listener of [...headListeners]) listener(head);
      return head;
    },
    hasTransactions: () => hasTransactions,
    onTransactions: (listener) => subscribe(transactionListeners, listener),
    onReady: (listener) => subscribe(readyListeners, listener),
    onHead: (listener) => subscribe(headListeners, listener),
    async getBlock(height) {
      const stored = await executor.link.call('getBlock', height);
      if (stored === undefined) return undefined;
      return {
        height,
        blockHash: stored.blockHash,
        bytes: stored.bytes,
        certificate: stored.certificate.length === 0 ? undefined : decodeCertificate(stored.certificate),
      };
    },
    async validatorsAt(height) {
      const records = await executor.link.call('validatorsAt', height);
      return records && toSet(records);
    },
    addEvidence(evidence) {
      // Evidence is a duty, not a condition of progress: a refusal is logged by the executor.
      executor.link.call('addEvidence', evidence).catch(() => {});
    },
  };
}

export function toHead(head: StateHead): Head {
  return {
    height: asHeight(head.number),
    blockHash: head.hash,
    timestampMs: head.timestampMs,
    validators: toSet(head.nextValidators),
    nextValidators: toSet(head.afterNextValidators),
  };
}

function toSet(records: readonly ValidatorRecord[]): ValidatorSet {
  return createValidatorSet(
    records.map((record) => ({
      address: record.address as Address,
      blsPublicKey: fromHex(record.blsPublicKey),
      power: record.power,
      recipient: record.recipient as Address,
      priority: record.priority,
    })),
  );
}

function subscribe<T>(listeners: Set<T>, listener: T): Cancel {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
