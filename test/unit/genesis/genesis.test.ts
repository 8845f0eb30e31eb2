import { describe, expect, it } from 'vitest';
import { attributionUnitsOf, largestAttributionUnits } from '../../../genesis/attribution-units.ts';
import { DEFAULT_PARAMS, DEVNET_PARAMS, OPEN } from '../../../genesis/parameters.ts';
import { createGenesis } from '../../../genesis/presets.ts';
import { canonicalParams, GenesisError, parseGenesis, serialiseGenesis } from '../../../genesis/schema.ts';
import type { Genesis, Hex } from '../../../genesis/types.ts';

const address = (byte: number): Hex => `0x${byte.toString(16).padStart(2, '0').repeat(20)}`;

function sample(): Genesis {
  return createGenesis({
    timestamp: 1_700_000_000,
    balances: new Map([[address(0xaa), 7n * OPEN]]),
    validators: [1, 2].map((i) => ({
      address: address(i),
      blsPublicKey: `0x${i.toString(16).padStart(2, '0').repeat(48)}`,
      proofOfPossession: `0x${'cd'.repeat(96)}`,
      bond: 1_000n * OPEN,
      recipient: address(i),
    })),
  });
}

// biome-ignore lint/suspicious/noExplicitAny: tests break arbitrary places of the file
type Loose = any;

/** The file with one thing changed. */
function changed(change: (json: Loose) => void): string {
  const json = JSON.parse(serialiseGenesis(sample()));
  change(json);
  return JSON.stringify(json);
}

function failure(text: string): GenesisError {
  try {
    parseGenesis(text);
  } catch (error) {
    if (error instanceof GenesisError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('the genesis file', () => {
  it('is read back exactly as it was written', () => {
    const genesis = sample();
    expect(parseGenesis(serialiseGenesis(genesis))).toEqual(genesis);
    expect(serialiseGenesis(parseGenesis(serialiseGenesis(genesis)))).toBe(serialiseGenesis(genesis));
  });

  it('takes balances and limits in decimal, in hexadecimal and as small JSON integers', () => {
    const genesis = parseGenesis(
      changed((json) => {
        json.gasLimit = '0x1c9c380';
        json.baseFeePerGas = 1_000_000_000;
        json.timestamp = '0x6553f100';
        json.alloc[address(0xbb).slice(2)] = { balance: '0x10' };
      }),
    );
    expect(genesis).toMatchObject({ timestamp: 1_700_000_000, params: { block: { gasLimit: 30_000_000n } } });
    expect(genesis.alloc[address(0xbb)]).toEqual({ balance: 16n });
  });

  it('names an unknown key at every depth', () => {
    expect(failure(changed((json) => (json.nonce = '0x0'))).path).toBe('nonce');
    expect(failure(changed((json) => (json.config.homesteadBlock = 0))).path).toBe('config.homesteadBlock');
    expect(failure(changed((json) => (json.config.openledger.block.gasLimit = '1'))).path).toBe(
      'config.openledger.block.gasLimit',
    );
    expect(failure(changed((json) => (json.alloc[address(0xaa)].foo = 1))).path).toBe(
      `alloc.${address(0xaa)}.foo`,
    );
    expect(failure(changed((json) => (json.validators[1].name = 'x'))).path).toBe('validators[1].name');
  });

  it('asks for every parameter, so that a later default cannot change a chain', () => {
    const { openledger } = JSON.parse(serialiseGenesis(sample())).config;
    for (const [group, values] of Object.entries(openledger)) {
      if (typeof values !== 'object') continue;
      for (const key of Object.keys(values as object)) {
        const error = failure(changed((json) => delete json.config.openledger[group][key]));
        expect(error.message).toBe(`config.openledger.${group}.${key}: is missing`);
      }
    }
  });

  it.each([
    [
      'balance',
      (json: Loose) => (json.alloc[address(0xaa)].balance = '1.5'),
      `alloc.${address(0xaa)}.balance`,
    ],
    ['negative', (json: Loose) => (json.alloc[address(0xaa)].balance = -1), `alloc.${address(0xaa)}.balance`],
    [
      'inexact',
      (json: Loose) => (json.alloc[address(0xaa)].balance = 1e20),
      `alloc.${address(0xaa)}.balance`,
    ],
    ['chain id 0', (json: Loose) => (json.config.chainId = 0), 'config.chainId'],
    [
      'fraction',
      (json: Loose) => (json.config.openledger.attribution.lmin = 1.5),
      'config.openledger.attribution.lmin',
    ],
    ['short key', (json: Loose) => (json.validators[0].blsPublicKey = '0x12'), 'validators[0].blsPublicKey'],
    ['no validators', (json: Loose) => (json.validators = []), 'validators'],
    ['bond below one unit of power', (json: Loose) => (json.validators[0].bond = '5'), 'validators[0].bond'],
    [
      'two of one address',
      (json: Loose) =>
        (json.validators[1].address = json.validators[0].address.toUpperCase().replace('0X', '0x')),
      'validators[1].address',
    ],
    [
      'two of one key',
      (json: Loose) => (json.validators[1].blsPublicKey = json.validators[0].blsPublicKey),
      'validators[1].blsPublicKey',
    ],
    [
      'an account twice',
      (json: Loose) => (json.alloc[address(0xaa).slice(2)] = { balance: '1' }),
      `alloc.${address(0xaa).slice(2)}`,
    ],
    [
      'shares above the whole',
      (json: Loose) => (json.config.openledger.inference.dataBps = 5_001),
      'config.openledger.inference',
    ],
    [
      'records larger than contributions',
      (json: Loose) => (json.config.openledger.contribution.maxRecordBytes = 6 << 20),
      'config.openledger.contribution.maxRecordBytes',
    ],
    ['a list for an object', (json: Loose) => (json.alloc = []), 'alloc'],
  ])('refuses %s and says where', (_name, change, path) => {
    expect(failure(changed(change)).path).toBe(path);
  });

  it('says that a text is not JSON', () => {
    expect(failure('{').message).toMatch(/^genesis: not JSON/);
  });
});

describe('parameters', () => {
  it('D3: every limit of attribution and contribution is a parameter of the file', () => {
    const { openledger } = JSON.parse(serialiseGenesis(sample())).config;
    expect(openledger.attribution).toEqual({ ...DEFAULT_PARAMS.attribution });
    expect(Object.keys(openledger.contribution).sort()).toEqual(
      Object.keys(DEFAULT_PARAMS.contribution).sort(),
    );
  });

  it('D3: a block holds the largest settlement, whose cost grows with its tokens', () => {
    const { block, attribution, retrieval } = DEFAULT_PARAMS;
    expect(largestAttributionUnits(attribution, retrieval)).toBe((16_384 + 4_096) / 4 + 4 * 512 * 16);
    expect(largestAttributionUnits(attribution, retrieval)).toBeLessThanOrEqual(block.attributionUnits);
    // A short answer has no more tokens than bytes; a request that allows few tokens costs little.
    expect(attributionUnitsOf({ outputBytes: 7, promptBytes: 3, maxOutputTokens: 512, lmax: 16 })).toBe(
      3 + 196,
    );
    expect(attributionUnitsOf({ outputBytes: 900, promptBytes: 0, maxOutputTokens: 40, lmax: 16 })).toBe(
      225 + 4 * 40 * 16,
    );
    const withUnits = (units: number) =>
      changed((json) => (json.config.openledger.block.attributionUnits = units));
    expect(() => parseGenesis(withUnits(37_888))).not.toThrow();
    const error = failure(withUnits(37_887));
    expect(error.path).toBe('config.openledger.block.attributionUnits');
    expect(error.message).toContain('37888 units');
  });

  it('the canonical bytes change with every single parameter', () => {
    const seen = new Set([new TextDecoder().decode(canonicalParams(DEVNET_PARAMS))]);
    let changes = 0;
    const again = (params: Loose) => {
      changes++;
      seen.add(new TextDecoder().decode(canonicalParams(params)));
    };
    for (const [group, values] of Object.entries(DEVNET_PARAMS)) {
      if (typeof values === 'number') again({ ...DEVNET_PARAMS, [group]: values + 1 });
      else if (typeof values === 'string') again({ ...DEVNET_PARAMS, [group]: address(9) });
      else
        for (const [key, value] of Object.entries(values as Record<string, Loose>)) {
          const other = Array.isArray(value)
            ? [...value, 3]
            : typeof value === 'bigint'
              ? value + 1n
              : value + 1;
          again({ ...DEVNET_PARAMS, [group]: { ...values, [key]: other } });
        }
    }
    expect(changes).toBeGreaterThan(45);
    expect(seen.size).toBe(changes + 1);
  });

  it('the canonical bytes are frozen', () => {
    expect(new TextDecoder().decode(canonicalParams(DEFAULT_PARAMS))).toMatchInlineSnapshot(
      `"{"attestation":{"activationBlocks":"2","expiryBlocks":"10000","maxOpen":"256","maxPerBlock":"64"},"attribution":{"commons":[],"contributorCapPermille":"500","coverageCapPermille":"600","lmax":"16","lmin":"4","maxContributors":"64","maxOutputBytes":"16384","maxOutputTokens":"512","maxPromptBytes":"4096","recordCapPermille":"100","sminQ16":"2097152","version":"3","wmaxQ16":"786432"},"block":{"attributionUnits":"65536","gasLimit":"30000000","initialBaseFeePerGas":"1000000000","maxBytes":"4000000","minBaseFeePerGas":"10000000"},"chainId":"20300","consensus":{"commitWaitMs":"25","downtimeWindowBlocks":"1000","evidenceMaxAgeBlocks":"100000","gossipGraceMs":"500","heartbeatMs":"5000","messageDelayMs":"2000","minBlockIntervalMs":"100","precisionMs":"500","precommitTimeoutMs":"500","prevoteTimeoutMs":"500","proposeTimeoutMs":"1000","timeoutDeltaMs":"500"},"contribution":{"commitDeposit":"1000000000000000000","gasPerArtifactByte":"2","maxBytes":"5242880","maxMetadataBytes":"4096","maxRecordBytes":"1048576","maxRecords":"4096","revealWindowBlocks":"600"},"inference":{"dataBps":"5000","expiryBlocks":"600","maxSnapshotsPerModel":"16","minOperatorBond":"100000000000000000000","modelBps":"2000","platformBps":"1000","slashFeeMultiple":"10","stakersBps":"2000","vestingBlocks":"10000"},"retrieval":{"contributorCapPermille":"500","coverageCapPermille":"600","encoderHash":"0xd3904378d60d46e5c05083a9b3d424d8a5ecd809aaf50c30ea8cd7820261a952","maxCitations":"16","maxRecords":"65536","recordCapPermille":"100","thresholdPermille":"250","version":"1"},"runtime":{"onnxGlueSha256":"0xe13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b","onnxWasmSha256":"0x3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"},"staking":{"equivocationSlashBps":"500","maxValidators":"100","powerUnit":"1000000000000000000"},"treasury":"0x4f4c00000000000000000000000000000000ffff"}"`,
    );
  });
});
