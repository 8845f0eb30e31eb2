/** Small contracts, written out: no compiler stands between a test and what it says. */
import { concat, fromHex } from '../../../state/crypto.ts';
import type { Hex } from '../../../state/types.ts';

/** Creation code that installs `runtime`. */
export function deploy(runtime: Uint8Array): Uint8Array {
  const size = runtime.length.toString(16).padStart(2, '0');
  return concat(fromHex(`0x60${size}600a5f3960${size}5ff3`), runtime);
}

/**
 * storage[word 0] = word 1, then a log with topic word 0; word 2 then chooses: 0 stop, 1 revert, 2 selfdestruct to
 * the caller.
 */
export const KEEPER = fromHex(
  '0x6020355f35555f355f5fa16040358060011460' + '1c57600214602057005b5f5ffd5b33ff',
);

type CallKind = 'CALL' | 'DELEGATECALL' | 'CALLCODE' | 'STATICCALL';
const OPCODE: Record<CallKind, string> = { CALL: 'f1', CALLCODE: 'f2', DELEGATECALL: 'f4', STATICCALL: 'fa' };

/** Hands its calldata and value to `target` by one kind of call; returns the success flag and what came back. */
export function forwarder(kind: CallKind, target: Hex): Uint8Array {
  const value = kind === 'CALL' || kind === 'CALLCODE' ? '34' : '';
  return fromHex(`0x365f5f375f5f365f${value}73${target.slice(2)}5a${OPCODE[kind]}5f523d5f60203e60203d015ff3`);
}

/** As `forwarder` with CALL, but reverts afterwards whatever happened. */
export function regretter(target: Hex): Uint8Array {
  return fromHex(`0x365f5f375f5f365f3473${target.slice(2)}5af15f5ffd`);
}
