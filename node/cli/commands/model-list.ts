import { modelInterface } from '../../../state/modules/interfaces.ts';
import { ZERO_ADDRESS } from '../../../state/modules/storage.ts';
import { formatAmount } from '../amounts.ts';
import { engineName, mapBounded, modelStatus, newestIds, readModel, shortAddress } from '../chain-data.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { printable, table } from '../output.ts';
import { NODE_FLAGS, openClient } from '../session.ts';

export const command = defineCommand({
  name: 'model list',
  summary: 'The newest models, at most 200.',
  positionals: NO_POSITIONALS,
  flags: NODE_FLAGS,
  async run(invocation) {
    const { out, flags } = invocation;
    const client = openClient(invocation);
    const [count] = await client.view(modelInterface, 'modelCount', []);
    const models = await mapBounded(newestIds(count), (id) => readModel(client, id));
    if (flags.json)
      return void out.json(
        models.map((one) => ({
          ...one,
          engine: engineName(one.engine),
          status: modelStatus(one.status),
        })),
      );
    if (models.length === 0)
      return void out.note('no models yet; register one with openledger model register');
    const rows = models.map((one) => [
      String(one.id),
      modelStatus(one.status),
      engineName(one.engine),
      formatAmount(one.basePrice),
      one.snapshots.map((pin) => pin.dataNetId).join(','),
      one.operator === ZERO_ADDRESS ? 'every validator' : shortAddress(one.operator),
      printable(one.name),
    ]);
    for (const row of table([
      ['id', 'status', 'attribution', 'price', 'DataNets', 'operator', 'name'],
      ...rows,
    ]))
      out.line(row);
  },
});
