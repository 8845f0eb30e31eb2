/**
 * Prices of slow precompiles (rule B3). The curve arithmetic of this fork runs in JavaScript here; at Ethereum's
 * prices a block full of the slowest (an addition on BLS12-381, 375 gas in over 2 ms) would take minutes. Each price
 * is multiplied so that none of them buys more than about 0.1 s with a million gas on the reference machine, which
 * `npm run bench -- worst-gas` measures. Contracts that use them work as they are, and pay more.
 */
import type { Common } from '@ethereumjs/common';
import { getActivePrecompiles, type PrecompileFunc, type PrecompileInput } from '@ethereumjs/evm';
import { Address } from '@ethereumjs/util';
import { fromHex } from '../crypto.ts';
import { Fault } from '../types.ts';

/** By address; what is not listed costs what it costs on Ethereum. Part of the protocol: docs/execution.md. */
export const PRICE_MULTIPLIERS: Readonly<Record<number, bigint>> = {
  /* bn254 addition, multiplication, pairing */
  6: 8n,
  7: 8n,
  8: 4n,
  /* blake2f */
  9: 8n,
  /* point evaluation (KZG) */
  10: 4n,
  /* BLS12-381: G1 addition, multi-scalar multiplication; G2 likewise; pairing; maps to G1 and G2 */
  11: 64n,
  12: 8n,
  13: 64n,
  14: 8n,
  15: 4n,
  16: 4n,
  17: 4n,
  /* P-256 verification */
  256: 4n,
};

/** The listed precompiles at their prices here, for the EVM's `customPrecompiles`. */
export function pricedPrecompiles(common: Common): { address: Address; function: PrecompileFunc }[] {
  const library = getActivePrecompiles(common);
  return Object.entries(PRICE_MULTIPLIERS).map(([number, multiplier]) => {
    const name = Number(number).toString(16).padStart(40, '0');
    const original = library.get(name);
    if (original === undefined) throw new Fault(`the fork has no precompile ${number}`);
    return {
      address: new Address(fromHex(`0x${name}`)),
      function: async (input: PrecompileInput) => {
        const result = await original({ ...input, gasLimit: input.gasLimit / multiplier });
        // A failed precompile takes all the gas of its call.
        const executionGasUsed =
          result.exceptionError === undefined ? result.executionGasUsed * multiplier : input.gasLimit;
        return { ...result, executionGasUsed };
      },
    };
  });
}
