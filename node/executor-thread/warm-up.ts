/**
 * Indexes of pinned snapshots are built when a block pins them, not when the first answer needs one: a block with that
 * answer would be unknown for as long as the index takes.
 */
import { modelInterface } from '../../state/modules/interfaces.ts';
import { pinnedIndex } from '../../state/modules/views.ts';
import type { Receipt, StateView } from '../../state/types.ts';
import type { AttributionService } from './attribution.ts';
import { LIMITS } from './limits.ts';

export interface WarmUpOptions {
  /** State after the head. */
  view: () => StateView;
  attribution: Pick<AttributionService, 'prepare'>;
  /** Whether this node is on its way to a later head, as far as it knows. */
  isBehind: () => boolean;
  nowMs: () => number;
}

export interface WarmUp {
  onCommitted(receipts: readonly Receipt[]): void;
  /** Builds what has waited long enough; call it about once a second. */
  tick(): void;
}

interface Pinned {
  readonly modelId: number;
  readonly version: number;
  readonly seenMs: number;
}

export function createWarmUp({ view, attribution, isBehind, nowMs }: WarmUpOptions): WarmUp {
  /** By model: of one that pins again only what it pins now. The oldest first. */
  const waiting = new Map<number, Pinned>();

  function onCommitted(receipts: readonly Receipt[]): void {
    for (const { logs } of receipts)
      for (const log of logs) {
        if (log.address !== modelInterface.address) continue;
        const event = modelInterface.decodeEvent(log);
        if (event?.name !== 'Pinned') continue;
        const modelId = Number(event.named['modelId']);
        waiting.delete(modelId);
        waiting.set(modelId, { modelId, version: Number(event.named['version']), seenMs: nowMs() });
      }
    for (const oldest of waiting.keys()) {
      if (waiting.size <= LIMITS.warmUps) break;
      waiting.delete(oldest);
    }
    tick();
  }

  function tick(): void {
    if (waiting.size === 0) return;
    const behind = isBehind();
    for (const { modelId, version, seenMs } of [...waiting.values()]) {
      if (behind && nowMs() - seenMs < LIMITS.settleMs) continue;
      waiting.delete(modelId);
      const pinned = pinnedIndex(view(), modelId, version);
      if (pinned !== undefined) attribution.prepare(pinned);
    }
  }

  return { onCommitted, tick };
}
