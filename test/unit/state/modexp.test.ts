/** Powers modulo a number: the same answers and prices as the library's precompile, whatever stands in the input. */
import { createEVM, getActivePrecompiles } from '@ethereumjs/evm';
import { expect, test } from 'vitest';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import { bigintToBytes, concat, padLeft } from '../../../state/crypto.ts';
import { commonOf } from '../../../state/execution/common.ts';
import { modexp } from '../../../state/execution/modexp.ts';

const CASES = 1_500;
const SIZES = [0, 1, 2, 3, 8, 31, 32, 33, 40, 64, 100, 1_024, 1_025];
const GAS = [0, 499, 500, 4_080, 30_000, 30_000_000];

function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test('agrees with the library on random, short and impossible inputs', async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const next = generator(seed);
  const common = commonOf(DEFAULT_PARAMS.chainId);
  // Gives the rules their prices.
  await createEVM({ common });
  const library = getActivePrecompiles(common).get('5'.padStart(40, '0'));
  if (library === undefined) throw new Error('the library has no such precompile');
  for (let index = 0; index < CASES; index++) {
    // Mostly small ones, since the library takes long for the largest.
    const size = () => SIZES[next(next(20) === 0 ? SIZES.length : SIZES.length - 2)]!;
    const lengths = [size(), size(), size()];
    const fill = next(4);
    const body = Uint8Array.from({ length: lengths[0]! + lengths[1]! + lengths[2]! }, () =>
      fill === 0 ? 0 : fill === 1 ? 0xff : next(256) >> next(8),
    );
    const input = concat(...lengths.map((length) => padLeft(bigintToBytes(BigInt(length)), 32)), body);
    const data = next(8) === 0 ? input.slice(0, next(input.length + 1)) : input;
    const gasLimit = GAS[next(GAS.length)]!;
    const theirs = await library({ data, gasLimit: BigInt(gasLimit), common } as Parameters<
      typeof library
    >[0]);
    const ours = modexp(data, gasLimit);
    const context = `seed ${seed}, case ${index}: lengths ${lengths}, ${data.length} bytes, gas ${gasLimit}`;
    if (theirs.exceptionError !== undefined) expect(ours, context).toBeUndefined();
    else
      expect(ours, context).toEqual({
        gasUsed: Number(theirs.executionGasUsed),
        output: Uint8Array.from(theirs.returnValue),
      });
  }
});
