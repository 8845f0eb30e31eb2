import { rewardInterface } from '../../../state/modules/interfaces.ts';
import { UserError } from '../../config/errors.ts';
import { checksumAddress } from '../../keys/hex.ts';
import { formatAmount } from '../amounts.ts';
import { defineCommand } from '../command.ts';
import { addressOrName, NODE_FLAGS, openClient } from '../session.ts';

export const command = defineCommand({
  name: 'rewards show',
  summary: 'What an account has earned: what can be claimed now, and what is still vesting.',
  positionals: { usage: 'ACCOUNT', min: 0, max: 1 },
  flags: NODE_FLAGS,
  async run(invocation) {
    const { flags, out, positionals, variables } = invocation;
    const who = positionals[0] ?? variables['OPENLEDGER_FROM'];
    if (who === undefined) throw new UserError('USAGE', 'whose rewards? Give a name or an address');
    const address = addressOrName(who, 'ACCOUNT', invocation);
    const [reward] = await openClient(invocation).view(rewardInterface, 'reward', [address]);
    if (flags.json) return void out.json({ address, ...reward });
    out.line(`account    ${checksumAddress(address)}`);
    out.line(`claimable  ${formatAmount(reward.claimable)}`);
    if (reward.maturing > 0n)
      out.line(`vesting    ${formatAmount(reward.maturing)} until block ${reward.maturesAt}`);
    if (reward.filling > 0n)
      out.line(`vesting    ${formatAmount(reward.filling)} until block ${reward.fillingMaturesAt}`);
    if (reward.beneficiary !== address) out.line(`paid to    ${checksumAddress(reward.beneficiary)}`);
  },
});
