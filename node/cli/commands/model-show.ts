import { checksumAddress } from '../../keys/hex.ts';
import { formatAmount } from '../amounts.ts';
import {
  engineName,
  modelKind,
  modelStatus,
  readAttributionRoot,
  readModel,
  readNewestTraining,
  refusalName,
  rootRefusal,
  rootStatus,
  trainingStatus,
} from '../chain-data.ts';
import { defineCommand } from '../command.ts';
import { printable } from '../output.ts';
import { NODE_FLAGS, openClient } from '../session.ts';
import { numericId } from '../values.ts';

/** By the status of a root, what a person is told. */
const ROOT_WORDS: Readonly<Record<string, string>> = {
  none: 'not asked for: validators had enough to do; pin again to ask',
  open: 'being attested',
  attested: 'attested ',
  refused: 'none: too many tokens for proofs',
  frozen: 'not attested in time; pin again to ask',
};

export const command = defineCommand({
  name: 'model show',
  summary: 'A model: who operates it, what it costs, what it pins.',
  positionals: { usage: 'ID', min: 1, max: 1 },
  flags: NODE_FLAGS,
  async run(invocation) {
    const { out, flags, positionals } = invocation;
    const client = openClient(invocation);
    const model = await readModel(client, numericId(positionals[0]!, 'ID'));
    const training = await readNewestTraining(client, model.id, model.engine);
    const root = await readAttributionRoot(client, model.id, model.engine);
    if (flags.json)
      return void out.json({
        ...model,
        engine: engineName(model.engine),
        status: modelStatus(model.status),
        ...(root && {
          attributionRoot: { ...root, status: rootStatus(root.status), refusal: rootRefusal(root.refusal) },
        }),
        ...(training && {
          training: {
            ...training,
            status: trainingStatus(training.status),
            refusal: refusalName(training.refusal),
          },
        }),
      });
    out.line(
      `${out.paint('bold', printable(model.name))}  (model ${model.id}, ${modelStatus(model.status)}, version ${model.version})`,
    );
    if (model.description) out.line(printable(model.description));
    out.line(`kind         ${modelKind(model.kind)}`);
    out.line(`attribution  ${engineName(model.engine)}`);
    out.line(`owner        ${checksumAddress(model.owner)}`);
    out.line(`operator     ${training ? 'every validator' : checksumAddress(model.operator)}`);
    out.line(`beneficiary  ${checksumAddress(model.beneficiary)}`);
    out.line(
      `price        ${formatAmount(model.basePrice)} and ${formatAmount(model.pricePerToken)} a token`,
    );
    out.line(`bond         ${formatAmount(model.bond)}`);
    out.line(`stake        ${formatAmount(model.totalStake)}`);
    out.line(`open         ${model.openRequests} requests`);
    if (training) {
      const refusal = training.refusal === 0n ? '' : ` (${refusalName(training.refusal)})`;
      out.line(`training     version ${training.version} ${trainingStatus(training.status)}${refusal}`);
      out.line(`attested as  ${training.subject}`);
    }
    if (root)
      out.line(
        `root         ${ROOT_WORDS[rootStatus(root.status)] ?? ''}${root.status === 2n ? root.root : ''}`,
      );
    for (const pin of model.snapshots)
      out.line(`pins         DataNet ${pin.dataNetId}: ${pin.length} contributions, ${pin.historyHash}`);
  },
});
