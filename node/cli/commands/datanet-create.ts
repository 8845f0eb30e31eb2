import { dataNetInterface } from '../../../state/modules/interfaces.ts';
import { eventNamed } from '../../client/client.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { openAccount, openClient, SIGNER_FLAGS } from '../session.ts';

export const command = defineCommand({
  name: 'datanet create',
  summary: 'Create a DataNet: a collection that people contribute to and models answer from.',
  positionals: NO_POSITIONALS,
  flags: {
    name: { type: 'string', value: 'TEXT', help: 'its name; stays for ever', required: true },
    summary: { type: 'string', value: 'TEXT', help: 'one sentence' },
    description: { type: 'string', value: 'TEXT', help: 'what belongs into it' },
    tag: { type: 'string', value: 'WORD', help: 'to be found by', multiple: true },
    publish: { type: 'boolean', help: 'open it for contributions at once' },
    ...SIGNER_FLAGS,
  },
  async run(invocation) {
    const { flags, out } = invocation;
    const client = openClient(invocation);
    const account = await openAccount(invocation);
    const created = await client.perform(account, dataNetInterface, 'create', [
      flags.name,
      flags.summary ?? '',
      flags.description ?? '',
      flags.tag,
    ]);
    const id = eventNamed(created, 'Created')['id'] as bigint;
    if (flags.publish) await client.perform(account, dataNetInterface, 'publish', [id]);
    if (flags.json) out.json({ id, published: flags.publish, transaction: created.hash });
    else
      out.line(
        `DataNet ${id} is ${flags.publish ? 'open for contributions' : `created; open it with openledger datanet publish ${id}`}`,
      );
  },
});
