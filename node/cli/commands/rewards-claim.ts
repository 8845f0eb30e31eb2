import { rewardInterface } from '../../../state/modules/interfaces.ts';
import type { Hex } from '../../../state/types.ts';
import { eventNamed } from '../../client/client.ts';
import { checksumAddress } from '../../keys/hex.ts';
import { formatAmount } from '../amounts.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { openAccount, openClient, SIGNER_FLAGS } from '../session.ts';

export const command = defineCommand({
  name: 'rewards claim',
  summary: 'Take out the rewards that have vested.',
  positionals: NO_POSITIONALS,
  flags: SIGNER_FLAGS,
  async run(invocation) {
    const { flags, out } = invocation;
    const account = await openAccount(invocation);
    const claimed = await openClient(invocation).perform(account, rewardInterface, 'claim', []);
    const { to, amount } = eventNamed(claimed, 'Claimed');
    if (flags.json) out.json({ to, amount, transaction: claimed.hash });
    else out.line(`${formatAmount(amount as bigint)} paid to ${checksumAddress(to as Hex)}`);
  },
});
