/**
 * The genesis file: strict reading and writing. The outer shape is the one Ethereum clients use (config, alloc,
 * timestamp, gasLimit, baseFeePerGas); what this chain adds stands under `config.openledger` and `validators`.
 * One table a group of parameters drives reading, writing and the canonical bytes, so that they cannot differ.
 */
import { largestAttributionUnits } from './attribution-units.ts';
import type {
  AttestationParams,
  AttributionParams,
  BlockParams,
  ChainParams,
  ConsensusParams,
  ContributionParams,
  Genesis,
  GenesisAccount,
  GenesisValidator,
  Hex,
  InferenceParams,
  RetrievalParams,
  RuntimeParams,
  StakingParams,
} from './types.ts';

/** The file is wrong: `path` says where, the message what and what was expected. */
export class GenesisError extends Error {
  override name = 'GenesisError';
  readonly code = 'GENESIS_INVALID';
  readonly path: string;
  constructor(path: string, problem: string) {
    super(`${path || 'genesis'}: ${problem}`);
    this.path = path;
  }
}

/** Bounds of the file itself. */
export const GENESIS_LIMITS = {
  /** Characters. A million accounts with code belong into a snapshot, not a genesis file. */
  maxFileChars: 64 * 1024 * 1024,
  maxAccounts: 1_000_000,
  /** EIP-170. */
  maxCodeBytes: 24_576,
  maxSlotsPerAccount: 100_000,
  maxCommons: 256,
} as const;

type Json = Record<string, unknown>;
type InnerBlock = Omit<BlockParams, 'gasLimit' | 'initialBaseFeePerGas'>;

/** How one parameter is read, written and bounded. */
type Field =
  | { kind: 'int'; min: number; max: number }
  | { kind: 'wei'; min: bigint; max: bigint }
  | { kind: 'ints'; min: number; max: number; count: number }
  | { kind: 'hash' };
type Fields<T> = { readonly [K in keyof Required<T>]: Field };

const MAX_WEI = (1n << 128n) - 1n;
const DAY_MS = 86_400_000;
const int = (min: number, max: number): Field => ({ kind: 'int', min, max });
const wei = (min: bigint, max: bigint = MAX_WEI): Field => ({ kind: 'wei', min, max });

const CONSENSUS: Fields<ConsensusParams> = {
  minBlockIntervalMs: int(0, DAY_MS),
  heartbeatMs: int(1, DAY_MS),
  commitWaitMs: int(0, DAY_MS),
  gossipGraceMs: int(0, DAY_MS),
  proposeTimeoutMs: int(1, DAY_MS),
  prevoteTimeoutMs: int(1, DAY_MS),
  precommitTimeoutMs: int(1, DAY_MS),
  timeoutDeltaMs: int(1, DAY_MS),
  precisionMs: int(0, DAY_MS),
  messageDelayMs: int(1, DAY_MS),
  evidenceMaxAgeBlocks: int(1, 100_000_000),
  // A7: at least 1,000 blocks. The upper bound keeps the window inside the ring of certificates.
  downtimeWindowBlocks: int(1_000, 8_191),
};

const BLOCK: Fields<BlockParams> = {
  gasLimit: wei(5_000n, (1n << 63n) - 1n),
  attributionUnits: int(0, 1_000_000_000),
  // The largest block that the network carries.
  maxBytes: int(65_536, 16 * 1024 * 1024),
  initialBaseFeePerGas: wei(1n),
  minBaseFeePerGas: wei(1n),
};

const STAKING: Fields<StakingParams> = {
  powerUnit: wei(1n),
  maxValidators: int(1, 1_000),
  equivocationSlashBps: int(0, 10_000),
};

const ATTESTATION: Fields<AttestationParams> = {
  activationBlocks: int(1, 1_000_000),
  expiryBlocks: int(1, 100_000_000),
  maxPerBlock: int(1, 1_024),
  maxOpen: int(1, 4_096),
};

const CONTRIBUTION: Fields<ContributionParams> = {
  maxBytes: int(1, 1024 * 1024 * 1024),
  maxRecordBytes: int(1, 64 * 1024 * 1024),
  // What is attested about them, 8 bytes and a bit a record, must fit a transaction of 128 KiB.
  maxRecords: int(1, 16_000),
  maxMetadataBytes: int(0, 1024 * 1024),
  revealWindowBlocks: int(1, 100_000_000),
  commitDeposit: wei(0n),
  gasPerArtifactByte: wei(0n, 1_000_000n),
};

const ATTRIBUTION: Fields<AttributionParams> = {
  version: int(1, 3),
  lmin: int(1, 64),
  lmax: int(1, 4_096),
  sminQ16: int(0, 1 << 28),
  wmaxQ16: int(1, 1 << 28),
  maxOutputTokens: int(1, 65_536),
  maxOutputBytes: int(1, 1024 * 1024),
  maxPromptBytes: int(1, 1024 * 1024),
  recordCapPermille: int(1, 1_000),
  contributorCapPermille: int(1, 1_000),
  coverageCapPermille: int(1, 1_000),
  maxContributors: int(1, 1_024),
  commons: { kind: 'ints', min: 0, max: Number.MAX_SAFE_INTEGER, count: GENESIS_LIMITS.maxCommons },
};

const RETRIEVAL: Fields<RetrievalParams> = {
  version: int(1, 1),
  encoderHash: { kind: 'hash' },
  // No more records than a model can pin, 1 GiB of vectors.
  maxRecords: int(1, 1_048_576),
  maxCitations: int(1, 64),
  thresholdPermille: int(0, 1_000),
  recordCapPermille: int(1, 1_000),
  contributorCapPermille: int(1, 1_000),
  coverageCapPermille: int(1, 1_000),
};

const INFERENCE: Fields<InferenceParams> = {
  platformBps: int(0, 10_000),
  modelBps: int(0, 10_000),
  stakersBps: int(0, 10_000),
  dataBps: int(0, 10_000),
  expiryBlocks: int(1, 100_000_000),
  minOperatorBond: wei(0n),
  slashFeeMultiple: wei(0n, 1_000_000n),
  vestingBlocks: int(0, 100_000_000),
  maxSnapshotsPerModel: int(1, 256),
};

const RUNTIME: Fields<RuntimeParams> = {
  onnxWasmSha256: { kind: 'hash' },
  onnxGlueSha256: { kind: 'hash' },
};

/** The outer, Ethereum-shaped part of the file carries the gas limit and the first base fee. */
const { gasLimit: GAS_LIMIT, initialBaseFeePerGas: BASE_FEE, ...INNER_BLOCK } = BLOCK;

/**
 * Reads a genesis file.
 * @param text JSON as written by `serialiseGenesis` or by hand.
 * @throws GenesisError naming the path of the first problem: unknown or missing keys, wrong types, values out of
 * bounds, repeated addresses or keys, shares that do not sum to 10,000.
 */
export function parseGenesis(text: string): Genesis {
  if (text.length > GENESIS_LIMITS.maxFileChars) throw new GenesisError('', 'the file is larger than 64 MiB');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new GenesisError('', `not JSON: ${(error as Error).message}`);
  }
  return readGenesis(json);
}

/** The same for a value that is already parsed. @throws GenesisError */
export function readGenesis(json: unknown): Genesis {
  const top = object(json, '', ['config', 'timestamp', 'gasLimit', 'baseFeePerGas', 'alloc', 'validators']);
  const config = object(top['config'], 'config', ['chainId', 'openledger']);
  const own = object(config['openledger'], 'config.openledger', [
    'consensus',
    'block',
    'staking',
    'attestation',
    'contribution',
    'attribution',
    'retrieval',
    'inference',
    'runtime',
    'treasury',
  ]);
  const at = (group: string) => `config.openledger.${group}`;
  const block: BlockParams = {
    ...readFields<InnerBlock>(INNER_BLOCK, own['block'], at('block')),
    gasLimit: readField(GAS_LIMIT, top['gasLimit'], 'gasLimit') as bigint,
    initialBaseFeePerGas: readField(BASE_FEE, top['baseFeePerGas'], 'baseFeePerGas') as bigint,
  };
  const params: ChainParams = {
    // 2^53 / 2 - 36: the legacy v of EIP-155 must stay a safe integer in wallets.
    chainId: readField(int(1, 4_503_599_627_370_476), config['chainId'], 'config.chainId') as number,
    consensus: readFields(CONSENSUS, own['consensus'], at('consensus')),
    block,
    staking: readFields(STAKING, own['staking'], at('staking')),
    attestation: readFields(ATTESTATION, own['attestation'], at('attestation')),
    contribution: readFields(CONTRIBUTION, own['contribution'], at('contribution')),
    attribution: readFields(ATTRIBUTION, own['attribution'], at('attribution')),
    retrieval: readFields(RETRIEVAL, own['retrieval'], at('retrieval')),
    inference: readFields(INFERENCE, own['inference'], at('inference')),
    runtime: readFields(RUNTIME, own['runtime'], at('runtime')),
    treasury: hex(own['treasury'], at('treasury'), 20),
  };
  checkParams(params);
  const genesis: Genesis = {
    params,
    timestamp: readField(int(0, 0xffff_ffff), top['timestamp'], 'timestamp') as number,
    alloc: readAlloc(top['alloc']),
    validators: readValidators(top['validators'], params),
  };
  return genesis;
}

/** Relations between parameters that single bounds cannot say. @throws GenesisError */
function checkParams(params: ChainParams): void {
  const { block, contribution, inference, attribution } = params;
  const shares = inference.platformBps + inference.modelBps + inference.stakersBps + inference.dataBps;
  if (shares !== 10_000)
    throw new GenesisError(
      'config.openledger.inference',
      `platformBps + modelBps + stakersBps + dataBps must be 10000, not ${shares}`,
    );
  if (contribution.maxRecordBytes > contribution.maxBytes)
    throw new GenesisError(
      'config.openledger.contribution.maxRecordBytes',
      'a record cannot be larger than its contribution (maxBytes)',
    );
  if (params.attestation.expiryBlocks <= params.attestation.activationBlocks)
    throw new GenesisError(
      'config.openledger.attestation.expiryBlocks',
      'a subject cannot expire before its object may be published (activationBlocks)',
    );
  if (9 * contribution.maxRecords + 4_096 > block.maxBytes)
    throw new GenesisError(
      'config.openledger.block.maxBytes',
      'a block must hold what is attested about the largest contribution (9 * contribution.maxRecords + 4096)',
    );
  if (block.initialBaseFeePerGas < block.minBaseFeePerGas)
    throw new GenesisError('baseFeePerGas', 'below config.openledger.block.minBaseFeePerGas');
  if (attribution.lmax < attribution.lmin)
    throw new GenesisError(
      'config.openledger.attribution.lmax',
      'a match cannot be shorter than a window (lmin)',
    );
  // What can be asked for must be able to be settled.
  const largest = largestAttributionUnits(attribution, params.retrieval);
  if (largest > block.attributionUnits)
    throw new GenesisError(
      'config.openledger.block.attributionUnits',
      `a block must hold the largest settlement, ${largest} units (the larger of (attribution.maxOutputBytes + maxPromptBytes) / 4 + 4 · maxOutputTokens · lmax and attribution.maxOutputBytes + maxPromptBytes + retrieval.maxRecords / 4)`,
    );
  if (attribution.maxOutputBytes + attribution.maxPromptBytes + 4_096 > block.maxBytes)
    throw new GenesisError(
      'config.openledger.block.maxBytes',
      'a block must hold the largest settlement (attribution.maxOutputBytes + maxPromptBytes + 4096)',
    );
}

function readAlloc(value: unknown): Record<Hex, GenesisAccount> {
  const entries = Object.entries(object(value, 'alloc'));
  if (entries.length > GENESIS_LIMITS.maxAccounts)
    throw new GenesisError('alloc', `more than ${GENESIS_LIMITS.maxAccounts} accounts`);
  const alloc: Record<Hex, GenesisAccount> = {};
  for (const [key, entry] of entries) {
    const path = `alloc.${key}`;
    // geth writes addresses here with and without 0x.
    const address = hex(key.startsWith('0x') ? key : `0x${key}`, path, 20);
    if (Object.hasOwn(alloc, address)) throw new GenesisError(path, 'the address is listed twice');
    alloc[address] = readAccount(entry, path);
  }
  return alloc;
}

function readAccount(value: unknown, path: string): GenesisAccount {
  const json = object(value, path, ['balance'], ['nonce', 'code', 'storage']);
  const account: GenesisAccount = { balance: readWei(json['balance'], `${path}.balance`, 0n, MAX_WEI) };
  if (json['nonce'] !== undefined)
    account.nonce = readWei(json['nonce'], `${path}.nonce`, 0n, (1n << 64n) - 2n);
  if (json['code'] !== undefined) {
    const code = hex(json['code'], `${path}.code`);
    if ((code.length - 2) / 2 > GENESIS_LIMITS.maxCodeBytes)
      throw new GenesisError(`${path}.code`, `longer than ${GENESIS_LIMITS.maxCodeBytes} bytes (EIP-170)`);
    account.code = code;
  }
  if (json['storage'] !== undefined) {
    const slots = Object.entries(object(json['storage'], `${path}.storage`));
    if (slots.length > GENESIS_LIMITS.maxSlotsPerAccount)
      throw new GenesisError(`${path}.storage`, `more than ${GENESIS_LIMITS.maxSlotsPerAccount} slots`);
    account.storage = {};
    for (const [slot, word] of slots) {
      const at = `${path}.storage.${slot}`;
      const key = hex(slot, at, 32);
      if (Object.hasOwn(account.storage, key)) throw new GenesisError(at, 'the slot is listed twice');
      account.storage[key] = hex(word, at, 32);
    }
  }
  return account;
}

function readValidators(value: unknown, params: ChainParams): GenesisValidator[] {
  if (!Array.isArray(value)) throw new GenesisError('validators', 'expected a list');
  if (value.length === 0) throw new GenesisError('validators', 'a chain needs at least one validator');
  if (value.length > params.staking.maxValidators)
    throw new GenesisError(
      'validators',
      `${value.length} are more than staking.maxValidators (${params.staking.maxValidators})`,
    );
  const seen = new Set<Hex>();
  return value.map((entry, i) => {
    const path = `validators[${i}]`;
    const json = object(entry, path, ['address', 'blsPublicKey', 'proofOfPossession', 'bond', 'recipient']);
    const validator: GenesisValidator = {
      address: hex(json['address'], `${path}.address`, 20),
      blsPublicKey: hex(json['blsPublicKey'], `${path}.blsPublicKey`, 48),
      proofOfPossession: hex(json['proofOfPossession'], `${path}.proofOfPossession`, 96),
      bond: readWei(json['bond'], `${path}.bond`, params.staking.powerUnit, MAX_WEI),
      recipient: hex(json['recipient'], `${path}.recipient`, 20),
    };
    for (const [key, what] of [
      [validator.address, 'address'],
      [validator.blsPublicKey, 'blsPublicKey'],
    ] as const) {
      if (seen.has(key)) throw new GenesisError(`${path}.${what}`, 'used by another validator');
      seen.add(key);
    }
    return validator;
  });
}

/** Readable JSON that `parseGenesis` reads back to the same value; amounts in wei are decimal strings. */
export function serialiseGenesis(genesis: Genesis): string {
  const { params } = genesis;
  const json = {
    config: {
      chainId: params.chainId,
      openledger: {
        consensus: writeFields(CONSENSUS, params.consensus),
        block: writeFields<InnerBlock>(INNER_BLOCK, params.block),
        staking: writeFields(STAKING, params.staking),
        attestation: writeFields(ATTESTATION, params.attestation),
        contribution: writeFields(CONTRIBUTION, params.contribution),
        attribution: writeFields(ATTRIBUTION, params.attribution),
        retrieval: writeFields(RETRIEVAL, params.retrieval),
        inference: writeFields(INFERENCE, params.inference),
        runtime: writeFields(RUNTIME, params.runtime),
        treasury: params.treasury,
      },
    },
    timestamp: genesis.timestamp,
    gasLimit: params.block.gasLimit.toString(),
    baseFeePerGas: params.block.initialBaseFeePerGas.toString(),
    alloc: Object.fromEntries(
      Object.entries(genesis.alloc).map(([address, account]) => [address, writeAccount(account)]),
    ),
    validators: genesis.validators.map((validator) => ({ ...validator, bond: validator.bond.toString() })),
  };
  return `${JSON.stringify(json, undefined, 2)}\n`;
}

function writeAccount(account: GenesisAccount): Json {
  return {
    balance: account.balance.toString(),
    ...(account.nonce !== undefined && { nonce: account.nonce.toString() }),
    ...(account.code !== undefined && { code: account.code }),
    ...(account.storage !== undefined && { storage: account.storage }),
  };
}

/**
 * The bytes that bind a chain to its parameters: JSON in UTF-8 without white space, keys in ascending order of their
 * ASCII bytes, integers of every kind as decimal strings, bytes as lower-case hex. Block 0 carries their keccak as
 * its parent hash, so that two chains which differ in one parameter differ in every hash. Accounts, validators and
 * the timestamp are not repeated here: block 0's state root, extra data and timestamp say them.
 */
export function canonicalParams(params: ChainParams): Uint8Array {
  const canonical: Record<string, unknown> = {
    attestation: writeCanonical(ATTESTATION, params.attestation),
    attribution: writeCanonical(ATTRIBUTION, params.attribution),
    block: writeCanonical(BLOCK, params.block),
    chainId: String(params.chainId),
    consensus: writeCanonical(CONSENSUS, params.consensus),
    contribution: writeCanonical(CONTRIBUTION, params.contribution),
    inference: writeCanonical(INFERENCE, params.inference),
    retrieval: writeCanonical(RETRIEVAL, params.retrieval),
    runtime: writeCanonical(RUNTIME, params.runtime),
    staking: writeCanonical(STAKING, params.staking),
    treasury: params.treasury,
  };
  return new TextEncoder().encode(JSON.stringify(canonical));
}

function writeCanonical<T extends object>(fields: Fields<T>, group: T): Json {
  const values = group as Json;
  const result: Json = {};
  for (const key of Object.keys(fields).sort()) {
    const value = values[key];
    result[key] = Array.isArray(value) ? value.map(String) : String(value);
  }
  return result;
}

// ---- values ----

function object(
  value: unknown,
  path: string,
  required?: readonly string[],
  optional: readonly string[] = [],
): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new GenesisError(path, value === undefined ? 'is missing' : 'expected an object');
  if (required) {
    const known = [...required, ...optional];
    for (const key of Object.keys(value))
      if (!known.includes(key))
        throw new GenesisError(join(path, key), `unknown key; known are ${known.join(', ')}`);
    for (const key of required)
      if (!Object.hasOwn(value, key)) throw new GenesisError(join(path, key), 'is missing');
  }
  return value as Json;
}

function readFields<T extends object>(fields: Fields<T>, value: unknown, path: string): T {
  const json = object(value, path, Object.keys(fields));
  const result: Json = {};
  for (const [key, field] of Object.entries(fields) as [string, Field][])
    result[key] = readField(field, json[key], join(path, key));
  return result as T;
}

function readField(field: Field, value: unknown, path: string): number | bigint | number[] | Hex {
  switch (field.kind) {
    case 'wei':
      return readWei(value, path, field.min, field.max);
    case 'int':
      return readInt(value, path, field.min, field.max);
    case 'ints':
      if (!Array.isArray(value) || value.length > field.count)
        throw new GenesisError(path, `expected a list of at most ${field.count} integers`);
      return value.map((item, i) => readInt(item, `${path}[${i}]`, field.min, field.max));
    case 'hash':
      return hex(value, path, 32);
  }
}

function writeFields<T extends object>(fields: Fields<T>, group: T): Json {
  const values = group as Json;
  return Object.fromEntries(
    (Object.entries(fields) as [string, Field][]).map(([key, field]) => [
      key,
      field.kind === 'wei' ? String(values[key]) : values[key],
    ]),
  );
}

/** A JSON integer, or a decimal or 0x-hex string. */
function readInt(value: unknown, path: string, min: number, max: number): number {
  const number = typeof value === 'string' ? Number(bigintOf(value, path)) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < min || number > max)
    throw new GenesisError(path, `expected an integer from ${min} to ${max}`);
  return number;
}

/** A decimal or 0x-hex string, or a JSON integer that a double holds exactly. */
function readWei(value: unknown, path: string, min: bigint, max: bigint): bigint {
  let amount: bigint;
  if (typeof value === 'string') amount = bigintOf(value, path);
  else if (typeof value === 'number' && Number.isSafeInteger(value)) amount = BigInt(value);
  else
    throw new GenesisError(
      path,
      'expected an integer; write amounts above 2^53 as a string, decimal or 0x-hex',
    );
  if (amount < min || amount > max)
    throw new GenesisError(path, `expected an integer from ${min} to ${max}, got ${amount}`);
  return amount;
}

function bigintOf(text: string, path: string): bigint {
  if (!/^(0x[0-9a-fA-F]{1,64}|[0-9]{1,78})$/.test(text))
    throw new GenesisError(path, `'${text.slice(0, 80)}' is not a decimal or 0x-hex integer`);
  return BigInt(text);
}

/** Lower-cased hex of `bytes` bytes, or of any whole number of bytes. */
function hex(value: unknown, path: string, bytes?: number): Hex {
  const expected = bytes === undefined ? '0x-hex bytes' : `${bytes} bytes of 0x-hex`;
  if (typeof value !== 'string' || !/^0x([0-9a-fA-F]{2})*$/.test(value))
    throw new GenesisError(path, `expected ${expected}`);
  if (bytes !== undefined && value.length !== 2 + 2 * bytes)
    throw new GenesisError(path, `expected ${expected}, got ${(value.length - 2) / 2}`);
  return value.toLowerCase() as Hex;
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
