import { dataNetInterface } from '../../../state/modules/interfaces.ts';
import { dataNetStatus, mapBounded, newestIds, readDataNet, shortAddress } from '../chain-data.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { printable, table } from '../output.ts';
import { NODE_FLAGS, openClient } from '../session.ts';

export const command = defineCommand({
  name: 'datanet list',
  summary: 'The newest DataNets, at most 200.',
  positionals: NO_POSITIONALS,
  flags: NODE_FLAGS,
  async run(invocation) {
    const { out, flags } = invocation;
    const client = openClient(invocation);
    const [count] = await client.view(dataNetInterface, 'dataNetCount', []);
    const dataNets = await mapBounded(newestIds(count), (id) => readDataNet(client, id));
    if (flags.json)
      return void out.json(dataNets.map((one) => ({ ...one, status: dataNetStatus(one.status) })));
    if (dataNets.length === 0)
      return void out.note('no DataNets yet; create one with openledger datanet create');
    const rows = dataNets.map((one) => [
      String(one.id),
      dataNetStatus(one.status),
      String(one.length),
      shortAddress(one.owner),
      printable(one.name),
    ]);
    for (const row of table([['id', 'status', 'contributions', 'owner', 'name'], ...rows])) out.line(row);
  },
});
