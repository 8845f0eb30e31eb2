/** OpenZeppelin's ERC-20 with EIP-2612, compiled with solc from npm: the contract that most projects start from. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import solc from 'solc';
import type { Hex } from '../../../genesis/types.ts';
import { projectRoot } from '../state/fixtures.ts';

export const TOKEN_SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
contract Gold is ERC20, ERC20Permit {
    constructor(uint256 supply) ERC20("Gold", "GLD") ERC20Permit("Gold") {
        _mint(msg.sender, supply);
    }
}
`;

/** Where the token keeps the balances: a mapping at this slot. */
export const BALANCES_SLOT = 0n;

export interface CompiledToken {
  // The clients have ABI types of their own; each narrows it for itself.
  readonly abi: readonly unknown[];
  readonly bytecode: Hex;
}

let compiled: CompiledToken | undefined;

/** Compiled when first asked for. @throws Error with the compiler's words */
export function goldToken(): CompiledToken {
  compiled ??= compile();
  return compiled;
}

function compile(): CompiledToken {
  const input = {
    language: 'Solidity',
    sources: { 'Gold.sol': { content: TOKEN_SOURCE } },
    settings: {
      optimizer: { enabled: true, runs: 200 },
      evmVersion: 'osaka',
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
    },
  };
  const read = (path: string) => {
    try {
      return { contents: readFileSync(join(projectRoot(), 'node_modules', path), 'utf8') };
    } catch (error) {
      return { error: String(error) };
    }
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: read }));
  const contract = output.contracts?.['Gold.sol']?.Gold;
  if (!contract) throw new Error(`Gold.sol does not compile: ${JSON.stringify(output.errors)}`);
  return { abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` };
}

/** EIP-712 types of `permit`. */
export const PERMIT_TYPES = {
  Permit: [
    { name: 'owner', type: 'address' },
    { name: 'spender', type: 'address' },
    { name: 'value', type: 'uint256' },
    { name: 'nonce', type: 'uint256' },
    { name: 'deadline', type: 'uint256' },
  ],
};

/** Of permits: the end of the year 2100. */
export const FAR_DEADLINE = 4_133_980_799n;
