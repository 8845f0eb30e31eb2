import { stakingInterface } from '../../../state/modules/interfaces.ts';
import { UserError } from '../../config/errors.ts';
import { checksumAddress, toHex } from '../../keys/hex.ts';
import { formatAmount } from '../amounts.ts';
import { defineCommand } from '../command.ts';
import { addressOrName, NODE_FLAGS, openClient } from '../session.ts';

export const command = defineCommand({
  name: 'validator show',
  summary: 'Bond, power and jail of a validator, and what it is taking out.',
  positionals: { usage: 'ACCOUNT', min: 0, max: 1 },
  flags: NODE_FLAGS,
  async run(invocation) {
    const { flags, out, positionals, variables } = invocation;
    const who = positionals[0] ?? variables['OPENLEDGER_FROM'];
    if (who === undefined) throw new UserError('USAGE', 'which validator? Give a name or an address');
    const operator = addressOrName(who, 'ACCOUNT', invocation);
    const client = openClient(invocation);
    const [found] = await client.view(stakingInterface, 'validator', [operator]);
    const [unbondings] = await client.view(stakingInterface, 'unbondings', [operator]);
    if (flags.json) {
      out.json({ ...found, blsPublicKey: toHex(found.blsPublicKey), unbondings });
      return;
    }
    out.line(`operator   ${checksumAddress(operator)}`);
    out.line(`key        ${toHex(found.blsPublicKey)}`);
    out.line(`bond       ${formatAmount(found.bond)}`);
    out.line(`power      ${found.power}`);
    out.line(`tips to    ${checksumAddress(found.recipient)}`);
    if (found.jailed) out.line(`jailed     until block ${found.jailedUntil} at least`);
    for (const { amount, releasedAt } of unbondings)
      out.line(`unbonding  ${formatAmount(amount)} until block ${releasedAt}`);
  },
});
