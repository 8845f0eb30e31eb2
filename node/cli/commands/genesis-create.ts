import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { DEFAULT_PARAMS } from '../../../genesis/parameters.ts';
import { createGenesis } from '../../../genesis/presets.ts';
import { serialiseGenesis } from '../../../genesis/schema.ts';
import type { GenesisValidator } from '../../../genesis/types.ts';
import { systemReason, UserError } from '../../config/errors.ts';
import { checkGenesis } from '../../config/genesis-file.ts';
import { writeFileAtomic } from '../../keys/files.ts';
import { defineCommand } from '../command.ts';
import { FUND_FLAG, readFunding } from '../funding.ts';
import { wholeNumber } from '../values.ts';

export const command = defineCommand({
  name: 'genesis create',
  summary: "Write a genesis file from the founders' entries.",
  positionals: { usage: 'FOUNDERS...', min: 1, max: 100 },
  flags: {
    out: { type: 'string', value: 'FILE', help: 'where to write it', required: true },
    fund: FUND_FLAG,
    'chain-id': { type: 'string', value: 'ID', help: `chain id (default ${DEFAULT_PARAMS.chainId})` },
    timestamp: {
      type: 'string',
      value: 'SECONDS',
      help: 'time of block 0, seconds since 1970 (default: now)',
    },
  },
  details: `
FOUNDERS are files with what openledger genesis founder printed. The parameters are the defaults; edit the file to
change them before anybody starts a node, and check it with openledger genesis validate.`,
  async run({ flags, positionals, out, nowMs, workingDirectory }) {
    const founders = positionals.map((file) => readFounder(resolve(workingDirectory, file)));
    const chainId = wholeNumber(
      flags['chain-id'] ?? String(DEFAULT_PARAMS.chainId),
      '--chain-id',
      1,
      4_503_599_627_370_476,
    );
    const timestamp = wholeNumber(
      flags.timestamp ?? String(Math.floor(nowMs() / 1000)),
      '--timestamp',
      0,
      0xffff_ffff,
    );
    const balances = readFunding(flags.fund);
    const params = { ...DEFAULT_PARAMS, chainId };
    // Address order, so that the file does not depend on the order of the arguments.
    founders.sort((a, b) => (a.address < b.address ? -1 : 1));
    const text = serialiseGenesis(createGenesis({ validators: founders, balances, timestamp, params }));
    checkGenesis(text);
    writeFileAtomic(resolve(workingDirectory, flags.out), text, { mode: 0o644 });
    out.line(`${flags.out}: chain ${chainId}, ${founders.length} validators`);
  },
});

function readFounder(path: string): GenesisValidator {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError('FILE_MISSING', `cannot read ${path}: ${systemReason(error)}`);
  }
  try {
    const json = JSON.parse(text);
    // The rest is checked as part of the whole file.
    return { ...json, address: String(json.address), bond: BigInt(json.bond) };
  } catch (error) {
    throw new UserError('FOUNDER_INVALID', `${path} is not a founder's entry: ${(error as Error).message}`);
  }
}
