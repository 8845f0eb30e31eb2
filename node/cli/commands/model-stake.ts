import { modelInterface } from '../../../state/modules/interfaces.ts';
import { formatAmount, parseAmount } from '../amounts.ts';
import { defineCommand } from '../command.ts';
import { openAccount, openClient, SIGNER_FLAGS } from '../session.ts';
import { numericId } from '../values.ts';

export const command = defineCommand({
  name: 'model stake',
  summary: "Stake OPEN on a model, for the stakers' share of its fees.",
  positionals: { usage: 'ID', min: 1, max: 1 },
  flags: {
    amount: { type: 'string', value: 'AMOUNT', help: 'how much', required: true },
    ...SIGNER_FLAGS,
  },
  async run(invocation) {
    const { flags, out, positionals } = invocation;
    const id = numericId(positionals[0]!, 'ID');
    const value = parseAmount(flags.amount);
    const account = await openAccount(invocation);
    const { hash } = await openClient(invocation).perform(account, modelInterface, 'stake', [id], { value });
    if (flags.json) out.json({ id, amount: value, transaction: hash });
    else out.line(`${formatAmount(value)} staked on model ${id}`);
  },
});
