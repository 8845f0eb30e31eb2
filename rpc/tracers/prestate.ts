/** geth's prestateTracer: the accounts that a transaction needs, or what it changed of them. */
import type { AccountState, Hex, StateChange } from '../../state/types.ts';
import { hexOf, quantity } from '../encode.ts';
import type { TraceFormat } from './options.ts';

type PrestateFormat = Extract<TraceFormat, { tracer: 'prestateTracer' }>;
type Shown = { balance?: string; nonce?: number; code?: string; storage?: Record<Hex, Hex> };

const NOTHING: AccountState = { balance: 0n, nonce: 0n, code: new Uint8Array(0), storage: {} };
const ZERO_WORD: Hex = `0x${'0'.repeat(64)}`;

export function prestateJson({ before, after }: StateChange, format: PrestateFormat): object {
  const addresses = Object.keys(before) as Hex[];
  if (format.diffMode) return diffJson({ before, after }, format, addresses);
  const pre: Record<Hex, Shown> = {};
  for (const address of addresses) {
    const state = before[address] ?? null;
    // What the transaction created was not there before it.
    if (state === null && (after[address]?.code.length ?? 0) > 0) continue;
    pre[address] = accountJson(state ?? NOTHING, format);
  }
  return pre;
}

function accountJson({ balance, nonce, code, storage }: AccountState, format: PrestateFormat): Shown {
  return {
    balance: quantity(balance),
    ...(nonce === 0n ? {} : { nonce: Number(nonce) }),
    ...(code.length === 0 || format.disableCode ? {} : { code: hexOf(code) }),
    ...(Object.keys(storage).length === 0 || format.disableStorage ? {} : { storage }),
  };
}

function diffJson({ before, after }: StateChange, format: PrestateFormat, addresses: Hex[]): object {
  const pre: Record<Hex, Shown> = {};
  const post: Record<Hex, Shown> = {};
  for (const address of addresses) {
    const old = before[address] ?? null;
    const now = after[address] ?? null;
    const changed = changesOf(old ?? NOTHING, now ?? NOTHING, format);
    if (changed === undefined) continue;
    if (old !== null) pre[address] = accountJson({ ...old, storage: changed.slotsBefore }, format);
    // A deleted account is in `pre` alone.
    if (now !== null) post[address] = changed.post;
  }
  return { post, pre };
}

/** undefined if nothing changed. */
function changesOf(
  old: AccountState,
  now: AccountState,
  format: PrestateFormat,
): { post: Shown; slotsBefore: Record<Hex, Hex> } | undefined {
  const post: Shown = {};
  const slotsBefore: Record<Hex, Hex> = {};
  const slotsAfter: Record<Hex, Hex> = {};
  let changed = false;
  if (old.balance !== now.balance) post.balance = quantity(now.balance);
  if (old.nonce !== now.nonce) post.nonce = Number(now.nonce);
  if (!format.disableCode && hexOf(old.code) !== hexOf(now.code)) post.code = hexOf(now.code);
  if (!format.disableStorage)
    for (const slot of new Set([...Object.keys(old.storage), ...Object.keys(now.storage)]) as Set<Hex>) {
      const was = old.storage[slot] ?? ZERO_WORD;
      const is = now.storage[slot] ?? ZERO_WORD;
      if (was === is) continue;
      changed = true;
      if (was !== ZERO_WORD) slotsBefore[slot] = was;
      if (is !== ZERO_WORD) slotsAfter[slot] = is;
    }
  if (Object.keys(slotsAfter).length > 0) post.storage = slotsAfter;
  return changed || Object.keys(post).length > 0 ? { post, slotsBefore } : undefined;
}

type ParityChange = '=' | { '+': string } | { '-': string } | { '*': { from: string; to: string } };

/** The `stateDiff` of Parity's trace_replayTransaction: only accounts that changed. */
export function stateDiffJson({ before, after }: StateChange): object {
  const diff: Record<Hex, object> = {};
  for (const address of Object.keys(before) as Hex[]) {
    const old = before[address] ?? null;
    const now = after[address] ?? null;
    const change = (field: (state: AccountState) => string): ParityChange =>
      parityChange(old === null ? undefined : field(old), now === null ? undefined : field(now));
    const slots = new Set([
      ...Object.keys(old?.storage ?? {}),
      ...Object.keys(now?.storage ?? {}),
    ]) as Set<Hex>;
    const storage = Object.fromEntries(
      [...slots]
        .map((slot): [Hex, ParityChange] => [
          slot,
          parityChange(old?.storage[slot] ?? ZERO_WORD, now?.storage[slot] ?? ZERO_WORD),
        ])
        .filter(([, item]) => item !== '='),
    );
    const shown = {
      balance: change(({ balance }) => quantity(balance)),
      nonce: change(({ nonce }) => quantity(nonce)),
      code: change(({ code }) => hexOf(code)),
      storage,
    };
    const same = shown.balance === '=' && shown.nonce === '=' && shown.code === '=';
    if (!same || Object.keys(storage).length > 0) diff[address] = shown;
  }
  return diff;
}

function parityChange(old: string | undefined, now: string | undefined): ParityChange {
  if (old === now) return '=';
  if (old === undefined) return { '+': now! };
  return now === undefined ? { '-': old } : { '*': { from: old, to: now } };
}
