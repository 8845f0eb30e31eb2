import { contributionInterface } from '../../../state/modules/interfaces.ts';
import { defineCommand } from '../command.ts';
import { openAccount, openClient, SIGNER_FLAGS } from '../session.ts';
import { hashId } from '../values.ts';

export const command = defineCommand({
  name: 'datanet reject',
  summary: 'Refuse a contribution to a DataNet of yours.',
  positionals: { usage: 'CONTRIBUTION', min: 1, max: 1 },
  flags: {
    reason: {
      type: 'string',
      value: 'TEXT',
      help: 'why, for the contributor and everybody else',
      required: true,
    },
    ...SIGNER_FLAGS,
  },
  async run(invocation) {
    const { flags, out, positionals } = invocation;
    const id = hashId(positionals[0]!, 'CONTRIBUTION');
    const account = await openAccount(invocation);
    const { hash } = await openClient(invocation).perform(account, contributionInterface, 'reject', [
      id,
      flags.reason,
    ]);
    if (flags.json) out.json({ id, transaction: hash });
    else out.line('rejected');
  },
});
