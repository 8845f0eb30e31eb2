import { resolve } from 'node:path';
import { graphShape } from '../../../attribution/trained/api.ts';
import { modelInterface } from '../../../state/modules/interfaces.ts';
import { MODEL_KIND } from '../../../state/modules/model/types.ts';
import { ZERO_HASH } from '../../../state/modules/storage.ts';
import { eventNamed } from '../../client/client.ts';
import { putGraph } from '../../client/graph.ts';
import { waitForTraining } from '../../client/training.ts';
import { createRuntimePool } from '../../runtime-pool/index.ts';
import { parseAmount } from '../amounts.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { addressOrName, openAccount, openClient, SIGNER_FLAGS } from '../session.ts';
import { type GraphSettings, readTrainingFile } from '../training-file.ts';
import { hashId, numericId, wholeNumber } from '../values.ts';
import { readModelFile } from './model-check.ts';

export const command = defineCommand({
  name: 'model train',
  summary: 'Register a model that every validator trains from DataNets as they are now, and answers for.',
  positionals: NO_POSITIONALS,
  flags: {
    name: { type: 'string', value: 'TEXT', help: 'its name', required: true },
    description: { type: 'string', value: 'TEXT', help: 'what it is' },
    datanet: { type: 'string', value: 'ID', help: 'a DataNet that it is trained on', multiple: true },
    settings: {
      type: 'string',
      value: 'FILE',
      help: 'how it is trained, as JSON (docs/trained-models.md)',
      required: true,
    },
    graph: {
      type: 'string',
      value: 'FILE',
      help: 'ONNX file that makes the features; it is checked, and put on the chain as a contribution',
    },
    'graph-datanet': {
      type: 'string',
      value: 'ID',
      help: 'the DataNet of that contribution (default: the first one)',
    },
    wait: { type: 'boolean', help: 'return when validators have trained it, or refused to' },
    base: { type: 'string', value: 'ID', help: 'the trained base that an adapter rests on' },
    royalty: {
      type: 'string',
      value: 'BPS',
      help: "the base's part of its income, basis points (default 0)",
    },
    claim: { type: 'string', value: 'HASH', help: 'hash that the trained parameters must have' },
    beneficiary: {
      type: 'string',
      value: 'NAME',
      help: "account that gets the model's share (default: the signer)",
    },
    price: { type: 'string', value: 'AMOUNT', help: 'price of an answer (default 0.01)' },
    bond: {
      type: 'string',
      value: 'AMOUNT',
      help: 'put down until it is retired or refused (default 100)',
    },
    ...SIGNER_FLAGS,
  },
  async run(invocation) {
    const { flags, out } = invocation;
    const graph = flags.graph === undefined ? undefined : resolve(invocation.workingDirectory, flags.graph);
    const checked = graph === undefined ? undefined : await checkedGraph(graph);
    // What is wrong with the settings shows before anything is sent.
    let settings = readTrainingFile(flags.settings, checked?.settings);
    const client = openClient(invocation);
    const account = await openAccount(invocation);
    // The chain wants them in ascending order, so that one set has one form.
    const dataNets = [...new Set(flags.datanet.map((id) => numericId(id, '--datanet')))].sort((a, b) =>
      a < b ? -1 : 1,
    );
    if (checked !== undefined) {
      const [first = 0n] = dataNets;
      const dataNetId =
        flags['graph-datanet'] === undefined ? first : numericId(flags['graph-datanet'], '--graph-datanet');
      const place = await putGraph(client, account, { dataNetId, file: checked.file }, invocation.signal);
      settings = readTrainingFile(flags.settings, { ...checked.settings, ...place });
    }
    const base = flags.base === undefined ? undefined : numericId(flags.base, '--base');
    const royalty = BigInt(wholeNumber(flags.royalty ?? '0', '--royalty', 0, 10_000));
    const registered = await client.perform(
      account,
      modelInterface,
      'registerTrained',
      [
        BigInt(MODEL_KIND[settings.kind]),
        flags.name,
        flags.description ?? '',
        base === undefined ? [] : [base],
        base === undefined ? [] : [royalty],
        dataNets,
        base ?? 0n,
        flags.beneficiary === undefined
          ? account.address
          : addressOrName(flags.beneficiary, '--beneficiary', invocation),
        parseAmount(flags.price ?? '0.01'),
        settings.bytes,
        flags.claim === undefined ? ZERO_HASH : hashId(flags.claim, '--claim'),
      ],
      { value: parseAmount(flags.bond ?? '100') },
    );
    const id = eventNamed(registered, 'Registered')['modelId'] as bigint;
    const subject = eventNamed(registered, 'TrainingOpened')['subject'];
    if (flags.wait) await waitForTraining(client, id);
    if (flags.json) out.json({ id, subject, transaction: registered.hash });
    else {
      out.line(
        flags.wait
          ? `Model ${id} is active: every validator has trained it.`
          : `Model ${id} is registered; validators train it now. openledger model show ${id} says how it goes.`,
      );
      out.line(`Then ask it with openledger infer --model ${id} --prompt "..."`);
    }
  },
});

/** Where the file will be is not known before it is put there. */
const NO_PLACE = { contributionId: ZERO_HASH, artifactRoot: ZERO_HASH };

/** Every validator checks it as this does. @throws ModelError, UserError FILE_MISSING */
async function checkedGraph(path: string): Promise<{ file: Uint8Array; settings: GraphSettings }> {
  const file = readModelFile(path);
  const pool = createRuntimePool({ native: false });
  try {
    const profile = await pool.prepare(file);
    const { modelHash, modelBytes } = profile;
    return { file, settings: { ...graphShape(profile), modelHash, modelBytes, ...NO_PLACE } };
  } finally {
    await pool.close();
  }
}
