import { readGenesisFile } from '../../config/genesis-file.ts';
import { formatAmount } from '../amounts.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'genesis validate',
  summary: 'Check a genesis file: form, bounds, and that every founder holds its key.',
  positionals: { usage: 'FILE', min: 1, max: 1 },
  flags: { json: { type: 'boolean', help: 'print JSON for programs' } },
  async run({ flags, positionals, out, workingDirectory }) {
    const genesis = readGenesisFile(positionals[0]!, workingDirectory);
    const supply = Object.values(genesis.alloc).reduce((sum, account) => sum + account.balance, 0n);
    const bonded = genesis.validators.reduce((sum, validator) => sum + validator.bond, 0n);
    const facts = {
      chainId: genesis.params.chainId,
      timestamp: genesis.timestamp,
      accounts: Object.keys(genesis.alloc).length,
      validators: genesis.validators.length,
      allocated: supply,
      bonded,
    };
    if (flags.json) return void out.json({ valid: true, ...facts });
    out.line(`${positionals[0]} is valid`);
    out.line(`chain id    ${facts.chainId}`);
    out.line(`accounts    ${facts.accounts}, ${formatAmount(supply)}`);
    out.line(`validators  ${facts.validators}, ${formatAmount(bonded)} bonded`);
  },
});
