import { stakingInterface } from '../../../state/modules/interfaces.ts';
import { eventNamed } from '../../client/client.ts';
import { formatAmount } from '../amounts.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { openAccount, openClient, SIGNER_FLAGS } from '../session.ts';

export const command = defineCommand({
  name: 'validator withdraw',
  summary: 'Take out what was unbonded and is released.',
  positionals: NO_POSITIONALS,
  flags: SIGNER_FLAGS,
  async run(invocation) {
    const { flags, out } = invocation;
    const account = await openAccount(invocation);
    const done = await openClient(invocation).perform(account, stakingInterface, 'withdraw', []);
    const { amount } = eventNamed(done, 'Withdrawn');
    if (flags.json) out.json({ amount, transaction: done.hash });
    else out.line(`${formatAmount(amount as bigint)} withdrawn`);
  },
});
