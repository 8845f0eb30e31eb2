import { readGenesisFile } from '../../config/genesis-file.ts';
import { defineCommand } from '../command.ts';

export const command = defineCommand({
  name: 'genesis hash',
  summary: 'Hash of the first block: names the chain. Two nodes of one chain print the same.',
  positionals: { usage: 'FILE', min: 1, max: 1 },
  flags: { json: { type: 'boolean', help: 'print JSON for programs' } },
  async run({ flags, positionals, out, workingDirectory }) {
    const genesis = readGenesisFile(positionals[0]!, workingDirectory);
    const [{ makeGenesisBlock }, { moduleTable }] = await Promise.all([
      import('../../../state/genesis-block.ts'),
      import('../../../state/execution/module-table.ts'),
    ]);
    const { block } = await makeGenesisBlock(genesis, moduleTable);
    if (flags.json) out.json({ hash: block.hash });
    else out.line(block.hash);
  },
});
