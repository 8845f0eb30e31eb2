import { stakingInterface } from '../../../state/modules/interfaces.ts';
import { eventNamed } from '../../client/client.ts';
import { formatAmount, parseAmount } from '../amounts.ts';
import { defineCommand } from '../command.ts';
import { openAccount, openClient, SIGNER_FLAGS } from '../session.ts';

export const command = defineCommand({
  name: 'validator unbond',
  summary: 'Take coins out of the bond of your validator, or all of them with `all`.',
  positionals: { usage: 'AMOUNT|all', min: 1, max: 1 },
  flags: SIGNER_FLAGS,
  details:
    'Power goes with the second block after this one; keep the node running until then. The coins can be withdrawn when no evidence counts against them any more.',
  async run(invocation) {
    const { flags, out, positionals } = invocation;
    const account = await openAccount(invocation);
    const client = openClient(invocation);
    const amount =
      positionals[0] === 'all'
        ? (await client.view(stakingInterface, 'validator', [account.address]))[0].bond
        : parseAmount(positionals[0]!);
    const done = await client.perform(account, stakingInterface, 'unbond', [amount]);
    const { releasedAt } = eventNamed(done, 'Unbonding');
    if (flags.json) out.json({ amount, releasedAt, transaction: done.hash });
    else out.line(`${formatAmount(amount)} can be withdrawn from block ${releasedAt} on`);
  },
});
