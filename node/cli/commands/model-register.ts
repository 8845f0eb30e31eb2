import { modelInterface } from '../../../state/modules/interfaces.ts';
import { ENGINE, MODEL_KIND } from '../../../state/modules/model/types.ts';
import { eventNamed } from '../../client/client.ts';
import { parseAmount } from '../amounts.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { addressOrName, openAccount, openClient, SIGNER_FLAGS } from '../session.ts';
import { engineValue, numericId } from '../values.ts';

export const command = defineCommand({
  name: 'model register',
  summary: 'Register a model whose operator answers from DataNets. It pins them as they are now.',
  positionals: NO_POSITIONALS,
  flags: {
    name: { type: 'string', value: 'TEXT', help: 'its name', required: true },
    description: { type: 'string', value: 'TEXT', help: 'what it is' },
    datanet: { type: 'string', value: 'ID', help: 'a DataNet that it answers from', multiple: true },
    operator: { type: 'string', value: 'NAME', help: 'account that answers (default: the signer)' },
    beneficiary: {
      type: 'string',
      value: 'NAME',
      help: "account that gets the model's share (default: the signer)",
    },
    price: { type: 'string', value: 'AMOUNT', help: 'price of an answer (default 0.01)' },
    'token-price': {
      type: 'string',
      value: 'AMOUNT',
      help: 'price of each word of the answer (default 0.0001)',
    },
    bond: {
      type: 'string',
      value: 'AMOUNT',
      help: 'what the operator loses for a wrong attribution (default 100)',
    },
    engine: {
      type: 'string',
      value: 'RULE',
      help: 'how answers are attributed: token, by what they quote (default), or retrieval, by the records nearest to the prompt',
    },
    ...SIGNER_FLAGS,
  },
  async run(invocation) {
    const { flags, out } = invocation;
    const client = openClient(invocation);
    const account = await openAccount(invocation);
    // The chain wants them in ascending order, so that one set has one form.
    const dataNets = [...new Set(flags.datanet.map((id) => numericId(id, '--datanet')))].sort((a, b) =>
      a < b ? -1 : 1,
    );
    const who = (name: string | undefined, flag: string) =>
      name === undefined ? account.address : addressOrName(name, flag, invocation);
    const registered = await client.perform(
      account,
      modelInterface,
      'register',
      [
        BigInt(MODEL_KIND.external),
        BigInt(ENGINE[engineValue(flags.engine ?? 'token', '--engine')]),
        flags.name,
        flags.description ?? '',
        [],
        [],
        dataNets,
        who(flags.operator, '--operator'),
        who(flags.beneficiary, '--beneficiary'),
        parseAmount(flags.price ?? '0.01'),
        parseAmount(flags['token-price'] ?? '0.0001'),
      ],
      { value: parseAmount(flags.bond ?? '100') },
    );
    const id = eventNamed(registered, 'Registered')['modelId'] as bigint;
    if (flags.json) out.json({ id, transaction: registered.hash });
    else out.line(`Model ${id} is registered; ask it with openledger infer --model ${id} --prompt "..."`);
  },
});
