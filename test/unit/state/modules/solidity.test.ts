import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import type { JsonAbi } from '../../../../state/modules/abi.ts';
import { interfaces } from '../../../../state/modules/interfaces.ts';

const solc = createRequire(import.meta.url)('solc') as { compile(input: string): string };
const folder = new URL('../../../../state/modules/', import.meta.url);

const files = [
  'IModule.sol',
  ...Object.entries(interfaces).map(([module, { name }]) => `${module}/${name}.sol`),
];

interface Output {
  errors?: { severity: string; formattedMessage: string }[];
  contracts: Record<string, Record<string, { abi: unknown[] }>>;
}

const output = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: 'Solidity',
      sources: Object.fromEntries(
        files.map((file) => [file, { content: readFileSync(new URL(file, folder), 'utf8') }]),
      ),
      settings: { outputSelection: { '*': { '*': ['abi'] } } },
    }),
  ),
) as Output;

/** Without what only people need, in an order of its own. */
function comparable(abi: JsonAbi | unknown[]): string[] {
  return abi
    .map((item) =>
      JSON.stringify(item, (key, value) =>
        key === 'internalType'
          ? undefined
          : value && typeof value === 'object' && !Array.isArray(value)
            ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
            : value,
      ),
    )
    .sort();
}

describe('the Solidity interfaces', () => {
  it('compile without a warning other than shadowed names', () => {
    const messages = (output.errors ?? []).filter((message) => !/shadows/.test(message.formattedMessage));
    expect(messages.map((message) => message.formattedMessage)).toEqual([]);
  });

  for (const [module, declared] of Object.entries(interfaces))
    it(`${declared.name} is what the node runs`, () => {
      const compiled = output.contracts[`${module}/${declared.name}.sol`]?.[declared.name]?.abi;
      expect(compiled).toBeDefined();
      expect(comparable(declared.abi)).toEqual(comparable(compiled as unknown[]));
    });
});
