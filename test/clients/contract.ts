/** A small contract that the client tests deploy: state, an event, a custom error. Compiled when first asked for. */
import solc from 'solc';

const source = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;
contract Tally {
    event Counted(address indexed by, uint256 total);
    error TooMuch(uint256 asked, uint256 limit);
    uint256 public total;
    function count(uint256 by) external {
        if (by > 100) revert TooMuch(by, 100);
        total += by;
        emit Counted(msg.sender, total);
    }
}`;

export interface CompiledContract {
  // The three clients have three ABI types; each narrows it for itself.
  abi: readonly unknown[];
  bytecode: `0x${string}`;
}

let compiled: CompiledContract | undefined;

export function tallyContract(): CompiledContract {
  if (compiled) return compiled;
  const input = {
    language: 'Solidity',
    sources: { 'Tally.sol': { content: source } },
    settings: {
      optimizer: { enabled: true, runs: 200 },
      evmVersion: 'cancun',
      outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object'] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const contract = output.contracts?.['Tally.sol']?.Tally;
  if (!contract) throw new Error(`Tally.sol does not compile: ${JSON.stringify(output.errors)}`);
  compiled = { abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` };
  return compiled;
}
