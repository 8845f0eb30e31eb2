import { stakingInterface } from '../../../state/modules/interfaces.ts';
import { formatAmount, parseAmount } from '../amounts.ts';
import { defineCommand } from '../command.ts';
import { openAccount, openClient, SIGNER_FLAGS } from '../session.ts';

export const command = defineCommand({
  name: 'validator bond',
  summary: 'Add coins to the bond of your validator.',
  positionals: { usage: 'AMOUNT', min: 1, max: 1 },
  flags: SIGNER_FLAGS,
  async run(invocation) {
    const { flags, out, positionals } = invocation;
    const value = parseAmount(positionals[0]!);
    const account = await openAccount(invocation);
    const { hash } = await openClient(invocation).perform(account, stakingInterface, 'bond', [], { value });
    if (flags.json) out.json({ amount: value, transaction: hash });
    else out.line(`${formatAmount(value)} bonded`);
  },
});
