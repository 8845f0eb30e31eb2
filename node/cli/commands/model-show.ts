import { checksumAddress } from '../../keys/hex.ts';
import { formatAmount } from '../amounts.ts';
import { engineName, modelStatus, readModel } from '../chain-data.ts';
import { defineCommand } from '../command.ts';
import { printable } from '../output.ts';
import { NODE_FLAGS, openClient } from '../session.ts';
import { numericId } from '../values.ts';

export const command = defineCommand({
  name: 'model show',
  summary: 'A model: who operates it, what it costs, what it pins.',
  positionals: { usage: 'ID', min: 1, max: 1 },
  flags: NODE_FLAGS,
  async run(invocation) {
    const { out, flags, positionals } = invocation;
    const model = await readModel(openClient(invocation), numericId(positionals[0]!, 'ID'));
    if (flags.json)
      return void out.json({
        ...model,
        engine: engineName(model.engine),
        status: modelStatus(model.status),
      });
    out.line(
      `${out.paint('bold', printable(model.name))}  (model ${model.id}, ${modelStatus(model.status)}, version ${model.version})`,
    );
    if (model.description) out.line(printable(model.description));
    out.line(`attribution  ${engineName(model.engine)}`);
    out.line(`owner        ${checksumAddress(model.owner)}`);
    out.line(`operator     ${checksumAddress(model.operator)}`);
    out.line(`beneficiary  ${checksumAddress(model.beneficiary)}`);
    out.line(
      `price        ${formatAmount(model.basePrice)} and ${formatAmount(model.pricePerToken)} a token`,
    );
    out.line(`bond         ${formatAmount(model.bond)}`);
    out.line(`stake        ${formatAmount(model.totalStake)}`);
    out.line(`open         ${model.openRequests} requests`);
    for (const pin of model.snapshots)
      out.line(`pins         DataNet ${pin.dataNetId}: ${pin.length} contributions, ${pin.historyHash}`);
  },
});
