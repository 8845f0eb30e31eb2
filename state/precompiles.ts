import type { Hex } from './types.ts';

/** The precompiles of the fork: 0x01 to 0x11 and 0x100. Modules are not among them: they cannot be moved. */
export function isPrecompile(address: Hex): boolean {
  const value = BigInt(address);
  return (value >= 1n && value <= 0x11n) || value === 0x100n;
}
