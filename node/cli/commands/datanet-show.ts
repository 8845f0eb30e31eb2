import { contributionInterface } from '../../../state/modules/interfaces.ts';
import { checksumAddress } from '../../keys/hex.ts';
import {
  contributionStatus,
  dataNetStatus,
  mapBounded,
  newestIds,
  readContribution,
  readDataNet,
} from '../chain-data.ts';
import { defineCommand } from '../command.ts';
import { printable, table } from '../output.ts';
import { NODE_FLAGS, openClient } from '../session.ts';
import { numericId } from '../values.ts';

export const command = defineCommand({
  name: 'datanet show',
  summary: 'A DataNet and its contributions, among the newest 200 of the chain.',
  positionals: { usage: 'ID', min: 1, max: 1 },
  flags: NODE_FLAGS,
  async run(invocation) {
    const { out, flags, positionals } = invocation;
    const client = openClient(invocation);
    const dataNet = await readDataNet(client, numericId(positionals[0]!, 'ID'));
    const [count] = await client.view(contributionInterface, 'contributionCount', []);
    const all = await mapBounded(newestIds(count), async (sequence) => {
      const [id] = await client.view(contributionInterface, 'contributionAt', [sequence]);
      return readContribution(client, id);
    });
    const contributions = all
      .filter((one) => one.dataNetId === dataNet.id)
      .map((one) => ({ ...one, status: contributionStatus(one.status) }));
    if (flags.json)
      return void out.json({ ...dataNet, status: dataNetStatus(dataNet.status), contributions });
    out.line(
      `${out.paint('bold', printable(dataNet.name))}  (DataNet ${dataNet.id}, ${dataNetStatus(dataNet.status)})`,
    );
    if (dataNet.summary) out.line(printable(dataNet.summary));
    if (dataNet.description) out.line(printable(dataNet.description));
    if (dataNet.tags.length > 0) out.line(`tags      ${dataNet.tags.map(printable).join(', ')}`);
    out.line(`owner     ${checksumAddress(dataNet.owner)}`);
    out.line(`snapshot  ${dataNet.length} contributions, ${dataNet.historyHash}`);
    if (contributions.length === 0) return;
    out.line();
    const rows = contributions.map((one) => [
      one.id,
      one.status,
      one.status === 'approved' ? `${one.acceptedCount} of ${one.recordCount}` : String(one.recordCount),
      `${one.size} B`,
      checksumAddress(one.contributor),
    ]);
    for (const row of table([['contribution', 'status', 'records', 'size', 'contributor'], ...rows]))
      out.line(row);
  },
});
