/** A small chain with real keys and real signatures: what every test of the executor stands on. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretKey } from '@chainsafe/blst';
import { makeCertificate, toLastCommit } from '../../../consensus/certificate.ts';
import { encodeCertificate } from '../../../consensus/codec.ts';
import { revealSignBytes, voteSignBytes } from '../../../consensus/sign-bytes.ts';
import { asHeight, asRound, type CommitCertificate, type Vote } from '../../../consensus/types.ts';
import { proposerAt } from '../../../consensus/validator-set/rotation.ts';
import { DEFAULT_PARAMS, OPEN } from '../../../genesis/parameters.ts';
import { createGenesis } from '../../../genesis/presets.ts';
import type { ChainParams, Genesis } from '../../../genesis/types.ts';
import { createBlstVerifier } from '../../../node/validator/bls.ts';
import { toValidatorSet } from '../../../state/block/validators.ts';
import { type ChainOptions, openChain } from '../../../state/chain.ts';
import {
  addressOfPrivateKey,
  bigintToBytes,
  bytesToBigint,
  concat,
  fromHex,
  keccak256,
  signHash,
  toHex,
} from '../../../state/crypto.ts';
import type { ModuleTable } from '../../../state/execution/module-table.ts';
import type { Reader } from '../../../state/reader.ts';
import { encodeRlp, type RlpItem } from '../../../state/rlp.ts';
import { decodeTransaction } from '../../../state/transactions/decode.ts';
import {
  type BlockOrigin,
  type BuiltBlock,
  type Chain,
  type CommittedBlock,
  type ExecutionPorts,
  Fault,
  type Hex,
  type PooledTransaction,
} from '../../../state/types.ts';

export const verifier = createBlstVerifier();
export const GWEI = 1_000_000_000n;
export const START_MS = 1_700_000_000_000;

export interface TestValidator {
  address: Hex;
  recipient: Hex;
  secret: SecretKey;
}

/** Deterministic keys: key 1 is the same in every test. */
export function accountKey(index: number): Uint8Array {
  return keccak256(Buffer.from(`account ${index}`));
}
export function accountAddress(index: number): Hex {
  return addressOfPrivateKey(accountKey(index));
}

export function testValidators(count: number): TestValidator[] {
  return Array.from({ length: count }, (_, i) => ({
    address: toHex(keccak256(Buffer.from(`validator ${i}`)).slice(0, 20)),
    recipient: toHex(keccak256(Buffer.from(`recipient ${i}`)).slice(0, 20)),
    secret: SecretKey.fromKeygen(keccak256(Buffer.from(`bls ${i}`))),
  }));
}

export interface GenesisOptions {
  validators?: TestValidator[];
  /** Accounts 0..n-1 get a million coins each. */
  accounts?: number;
  params?: Partial<ChainParams>;
  alloc?: Genesis['alloc'];
}

export function testGenesis(options: GenesisOptions = {}): Genesis {
  const validators = options.validators ?? testValidators(1);
  const balances = new Map<Hex, bigint>();
  for (let i = 0; i < (options.accounts ?? 5); i++) balances.set(accountAddress(i), 1_000_000n * OPEN);
  const genesis = createGenesis({
    validators: validators.map(({ address, recipient, secret }) => ({
      address,
      recipient,
      blsPublicKey: toHex(secret.toPublicKey().toBytes()),
      proofOfPossession: `0x${'00'.repeat(96)}`,
      bond: 10n * OPEN,
    })),
    balances,
    timestamp: START_MS / 1000,
    params: { ...DEFAULT_PARAMS, ...options.params },
  });
  return { ...genesis, alloc: { ...genesis.alloc, ...options.alloc } };
}

export const noPorts: ExecutionPorts = {
  attribute: async () => {
    throw new Fault('no attribution in this test');
  },
  infer: async () => {
    throw new Fault('no trained models in this test');
  },
  artifact: async () => {
    throw new Fault('no artifacts in this test');
  },
};

export function temporaryDirectory(): { dir: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'openledger-state-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

export interface TestChainOptions extends GenesisOptions {
  genesis?: Genesis;
  dir?: string;
  ports?: ExecutionPorts;
  modules?: ModuleTable;
  retention?: number;
  keep?: NonNullable<ChainOptions['keep']>;
}

export interface TestChain {
  chain: Chain & { readonly reader: Reader };
  genesis: Genesis;
  dir: string;
  validators: TestValidator[];
  /** Origin of the next block: round 0 unless said otherwise, `afterMs` after the head. */
  origin(options?: { round?: number; afterMs?: number }): BlockOrigin;
  build(
    transactions: readonly Uint8Array[],
    options?: { round?: number; afterMs?: number },
  ): Promise<BuiltBlock>;
  /** Builds, checks, certifies and commits a block. */
  produce(
    transactions: readonly Uint8Array[],
    options?: { round?: number; afterMs?: number },
  ): Promise<CommittedBlock & { built: BuiltBlock }>;
  /** Commits a block that was checked, with everybody's votes. */
  commit(hash: Hex): Promise<CommittedBlock>;
  certificate(number: number, hash: Hex): CommitCertificate;
  decode(raw: Uint8Array): PooledTransaction;
  close(): Promise<void>;
}

export async function openTestChain(options: TestChainOptions = {}): Promise<TestChain> {
  const validators = options.validators ?? testValidators(1);
  const genesis = options.genesis ?? testGenesis(options);
  const temporary = options.dir === undefined ? temporaryDirectory() : undefined;
  const dir = options.dir ?? temporary!.dir;
  const chain = await openChain({
    dir,
    genesis,
    ports: options.ports ?? noPorts,
    bls: verifier,
    ...(options.modules === undefined ? {} : { modules: options.modules }),
    ...(options.retention === undefined ? {} : { retention: options.retention }),
    ...(options.keep && { keep: options.keep }),
  });
  const genesisHash = chain.reader.genesisHash;
  const byAddress = new Map(validators.map((validator) => [validator.address, validator]));

  function certificate(number: number, hash: Hex): CommitCertificate {
    const set = toValidatorSet(chain.reader.validators(number)!);
    const vote = { type: 'precommit' as const, height: asHeight(number), round: asRound(0), blockHash: hash };
    const message = voteSignBytes(genesisHash, vote);
    const votes: Vote[] = set.validators.map((member) => ({
      ...vote,
      validator: member.address,
      signature: byAddress.get(member.address)!.secret.sign(message).toBytes(),
    }));
    return makeCertificate(set, votes, (signatures) => verifier.aggregate(signatures));
  }

  function origin({ round = 0, afterMs = 1000 }: { round?: number; afterMs?: number } = {}): BlockOrigin {
    const head = chain.head();
    const proposer = proposerAt(toValidatorSet(head.nextValidators), asRound(round));
    const reveal = byAddress
      .get(proposer.address)!
      .secret.sign(revealSignBytes(genesisHash, asHeight(head.number + 1)))
      .toBytes();
    return {
      originRound: round,
      timestampMs: head.timestampMs + afterMs,
      reveal,
      lastCommit: head.number === 0 ? null : toLastCommit(certificate(head.number, head.hash)),
    };
  }

  const decode = (raw: Uint8Array) => decodeTransaction(raw, genesis.params.chainId, options.modules);
  const build: TestChain['build'] = (transactions, at) =>
    chain.build({
      parentHash: chain.head().hash,
      origin: origin(at),
      candidates: transactions.map(decode),
    });
  const commit = (hash: Hex) =>
    chain.commit(hash, encodeCertificate(certificate(chain.head().number + 1, hash)));

  return {
    chain,
    genesis,
    dir,
    validators,
    origin,
    build,
    async produce(transactions, at) {
      const built = await build(transactions, at);
      return { ...(await commit(built.block.hash)), built };
    },
    commit,
    certificate,
    decode,
    async close() {
      await chain.close();
      temporary?.remove();
    },
  };
}

export interface Wish {
  key: Uint8Array;
  nonce: number | bigint;
  to?: Hex | null;
  value?: bigint;
  data?: Uint8Array;
  gasLimit?: bigint;
  maxFeePerGas?: bigint;
  maxPriorityFeePerGas?: bigint;
  chainId?: number;
  accessList?: { address: Hex; storageKeys: Hex[] }[];
  authorizationList?: RlpItem[];
}

/** A signed EIP-1559 transaction (type 4 with an authorization list). */
export function signedTransaction(wish: Wish): Uint8Array {
  const type = wish.authorizationList === undefined ? 2 : 4;
  const items: RlpItem[] = [
    bigintToBytes(BigInt(wish.chainId ?? DEFAULT_PARAMS.chainId)),
    bigintToBytes(BigInt(wish.nonce)),
    bigintToBytes(wish.maxPriorityFeePerGas ?? GWEI),
    bigintToBytes(wish.maxFeePerGas ?? 100n * GWEI),
    bigintToBytes(wish.gasLimit ?? 21_000n),
    wish.to === null || wish.to === undefined ? new Uint8Array(0) : fromHex(wish.to),
    bigintToBytes(wish.value ?? 0n),
    wish.data ?? new Uint8Array(0),
    (wish.accessList ?? []).map(({ address, storageKeys }) => [
      fromHex(address),
      storageKeys.map((slot) => fromHex(slot)),
    ]),
    ...(wish.authorizationList === undefined ? [] : [wish.authorizationList]),
  ];
  const { r, s, yParity } = signHash(keccak256(concat(Uint8Array.of(type), encodeRlp(items))), wish.key);
  return concat(
    Uint8Array.of(type),
    encodeRlp([...items, bigintToBytes(BigInt(yParity)), bigintToBytes(r), bigintToBytes(s)]),
  );
}

/** One entry of an authorization list (EIP-7702). */
export function authorization(key: Uint8Array, target: Hex, nonce: number): RlpItem {
  const items = [
    bigintToBytes(BigInt(DEFAULT_PARAMS.chainId)),
    fromHex(target),
    bigintToBytes(BigInt(nonce)),
  ];
  const { r, s, yParity } = signHash(keccak256(concat(Uint8Array.of(5), encodeRlp(items))), key);
  return [...items, bigintToBytes(BigInt(yParity)), bigintToBytes(r), bigintToBytes(s)];
}

/** A 32-byte word. */
export function word(value: bigint | number): Uint8Array {
  const bytes = new Uint8Array(32);
  const short = bigintToBytes(BigInt(value));
  bytes.set(short, 32 - short.length);
  return bytes;
}

export { bytesToBigint };
