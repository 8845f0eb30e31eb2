import type { Hex } from '../types.ts';

/** Transaction types of the native modules; the last byte of a module's addresses. */
export const TYPE = {
  datanet: 0x50,
  contribution: 0x51,
  model: 0x52,
  inference: 0x53,
  attestation: 0x54,
  staking: 0x55,
  reward: 0x58,
} as const;

const hex2 = (type: number): string => type.toString(16).padStart(2, '0');

/** 'OL' in ASCII, then zeros, then the transaction type: where calls go and small values live. */
export function moduleAddress(type: number): Hex {
  return `0x4f4c${'0'.repeat(34)}${hex2(type)}`;
}

/** The module's second account: every slot holds the keccak of a body. */
export function recordAddress(type: number): Hex {
  return `0x4f4c${'0'.repeat(33)}1${hex2(type)}`;
}
