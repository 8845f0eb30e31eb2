/** A transaction and the accounts around it, drawn from a seed, and as one of Ethereum's state tests. */
import { bigintToBytes, concat, fromHex, keccak256, signHash, toHex } from '../../../state/crypto.ts';
import { encodeRlp, type RlpItem } from '../../../state/rlp.ts';
import type { Hex } from '../../../state/types.ts';
import { accountAddress, accountKey, word } from '../../unit/state/support.ts';
import { createRandom, type Random } from '../random.ts';
import type { StateTest } from '../state/fixtures.ts';
import { drawInitcode, drawProgram } from './grammar.ts';
import { PRECOMPILES, precompileInput } from './precompile-inputs.ts';
import { assemble, type Program } from './program.ts';

export type ForkName = 'Cancun' | 'Prague' | 'Osaka';

export interface DrawnAccount {
  balance: bigint;
  nonce: bigint;
  code: Program | Uint8Array;
  storage: Record<Hex, Hex>;
}

/** What is wrong with an authorization, if anything is. */
type Flaw = 'none' | 'high s' | 'parity' | 'zero r' | 'changed';
export interface DrawnAuthorization {
  by: number;
  chainId: bigint;
  target: Hex;
  nonce: bigint;
  flaw: Flaw;
}

export interface DrawnTransaction {
  type: 0 | 1 | 2 | 4;
  from: number;
  nonce: bigint;
  to: Hex | null;
  value: bigint;
  data: Program | Uint8Array;
  gasLimit: bigint;
  maxFeePerGas: bigint;
  maxPriorityFeePerGas: bigint;
  accessList: readonly { address: Hex; storageKeys: Hex[] }[];
  authorizations: readonly DrawnAuthorization[];
}

export interface Scenario {
  fork: ForkName;
  env: StateTest['env'];
  accounts: ReadonlyMap<Hex, DrawnAccount>;
  tx: DrawnTransaction;
}

const CHAIN_ID = 1n;
const RICH = 10n ** 20n;
const CONTRACTS = 5;
const CAP = 16_777_216n;
const MAX_NONCE = 0xffff_ffff_ffff_ffffn;
/** Keys: 0 and 1 send, 2 to 5 delegate from the start or may be made to. */
const DELEGATORS = [2, 3, 4, 5] as const;
const NOBODY: Hex = '0x00000000000000000000000000000000000c0ffe';
const hex = (value: bigint): Hex => `0x${value.toString(16)}`;
const numbered = (value: number): Hex => `0x${value.toString(16).padStart(40, '0')}`;
const contractAddress = (i: number): Hex => numbered(0xc0de00 + i);

export function drawScenario(seed: number): Scenario {
  const random = createRandom(seed);
  const fork = random.pick<ForkName>(['Osaka', 'Osaka', 'Osaka', 'Prague', 'Cancun']);
  const contracts = Array.from({ length: CONTRACTS }, (_, i) => contractAddress(i));
  const people = [0, 1, ...DELEGATORS].map((i) => accountAddress(i));
  const addresses = [...contracts, ...contracts, ...people, NOBODY];
  const accounts = new Map<Hex, DrawnAccount>();
  for (const address of contracts)
    accounts.set(address, {
      balance: BigInt(random.pick([0, 0, 1, 10, 1000])),
      nonce: random.oneIn(20) ? MAX_NONCE - BigInt(random.below(2)) : BigInt(random.below(3)),
      code: drawProgram(random, { addresses, depth: 2 }),
      storage: drawStorage(random),
    });
  for (const i of [0, 1])
    accounts.set(accountAddress(i), {
      balance: RICH,
      nonce: BigInt(random.below(3)),
      code: NONE,
      storage: {},
    });
  for (const i of DELEGATORS)
    if (!random.oneIn(3)) accounts.set(accountAddress(i), drawDelegator(random, fork, i, addresses));
  for (let i = 0; i < 2; i++) {
    const [address, account] = drawObstacle(random, contracts, accounts);
    accounts.set(address, account);
  }
  const env = drawEnvironment(random, [NOBODY, numbered(0xc01b), numbered(2), ...contracts, ...people]);
  const tx = drawTransaction(random, fork, env, accounts, addresses);
  return { fork, env, accounts, tx };
}

const NONE = new Uint8Array(0);

/** Slots that are zero are not there. Few values, so that writes often come back to one of them. */
function drawStorage(random: Random): Record<Hex, Hex> {
  const storage: Record<Hex, Hex> = {};
  for (let slot = 0; slot < 4; slot++) {
    const value = random.below(3);
    if (value > 0) storage[hex(BigInt(slot))] = hex(BigInt(value));
  }
  return storage;
}

function drawDelegator(random: Random, fork: ForkName, i: number, addresses: readonly Hex[]): DrawnAccount {
  const target = random.pick<Hex>([
    ...addresses,
    accountAddress(i),
    ...DELEGATORS.map((other) => accountAddress(other)),
    numbered(random.pick(PRECOMPILES)),
  ]);
  const delegation = concat(fromHex('0xef0100'), fromHex(target));
  const delegates = fork !== 'Cancun' && !random.oneIn(3);
  return {
    balance: random.oneIn(2) ? RICH : BigInt(random.pick([0, 1, 50])),
    nonce: random.oneIn(10) ? MAX_NONCE - BigInt(random.below(3)) : BigInt(1 + random.below(3)),
    code: delegates ? delegation : NONE,
    storage: delegates ? drawStorage(random) : {},
  };
}

/** Something where a contract will be made: only money, or what makes its creation collide. */
function drawObstacle(
  random: Random,
  contracts: readonly Hex[],
  accounts: ReadonlyMap<Hex, DrawnAccount>,
): [Hex, DrawnAccount] {
  const creator = random.oneIn(4) ? accountAddress(random.below(2)) : random.pick(contracts);
  const nonce = accounts.get(creator)!.nonce + BigInt(random.oneIn(3) ? 1 : 0);
  const address = toHex(keccak256(encodeRlp([fromHex(creator), bigintToBytes(nonce)])).subarray(12));
  const collides = random.oneIn(4);
  return [
    address,
    {
      balance: BigInt(1 + random.below(3)),
      nonce: collides && random.oneIn(2) ? 1n : 0n,
      code: collides ? Uint8Array.of(0) : NONE,
      storage: {},
    },
  ];
}

function drawEnvironment(random: Random, coinbases: readonly Hex[]): StateTest['env'] {
  return {
    currentCoinbase: random.pick(coinbases),
    currentNumber: hex(BigInt(random.pick([1, 200, 256, 257, 300, 1_000_000]))),
    currentTimestamp: hex(BigInt(1000 + random.below(1_000_000))),
    currentGasLimit: hex(random.pick([30_000_000n, 50_000_000n])),
    currentRandom: toHex(random.bytes(32)),
    currentBaseFee: hex(BigInt(random.pick([0, 1, 7, 1000]))),
    currentExcessBlobGas: '0x0',
  };
}

function drawTransaction(
  random: Random,
  fork: ForkName,
  env: StateTest['env'],
  accounts: ReadonlyMap<Hex, DrawnAccount>,
  addresses: readonly Hex[],
): DrawnTransaction {
  const rich = DELEGATORS.filter((i) => accounts.get(accountAddress(i))?.balance === RICH);
  const from = rich.length > 0 && random.oneIn(8) ? random.pick(rich) : random.below(2);
  const type = random.pick(fork === 'Cancun' ? ([0, 1, 2] as const) : ([0, 1, 2, 4, 4] as const));
  const baseFee = BigInt(env.currentBaseFee!);
  const to = drawTarget(random, type, addresses);
  const precompile = PRECOMPILES.find((number) => to === numbered(number));
  const tip = BigInt(random.pick([0, 0, 1, 5]));
  const maxFeePerGas = baseFee + BigInt(random.pick([0, 1, 5, 100]));
  const slots = (): Hex[] => Array.from({ length: random.below(4) }, () => toHex(word(random.below(4))));
  return {
    type,
    from,
    nonce: accounts.get(accountAddress(from))?.nonce ?? 0n,
    to,
    value: BigInt(random.pick([0, 0, 0, 1, 3])),
    data:
      to === null
        ? drawInitcode(random, { addresses, depth: 2 })
        : precompile !== undefined
          ? precompileInput(random, precompile)
          : random.bytes(random.pick([0, 0, 4, 32, 68, random.oneIn(5) ? 3_000 : 100])),
    gasLimit: random.pick([150_000n, 300_000n, 600_000n, 1_000_000n, random.oneIn(3) ? CAP : 3_000_000n]),
    maxFeePerGas,
    maxPriorityFeePerGas: type < 2 ? maxFeePerGas : tip < maxFeePerGas ? tip : maxFeePerGas,
    accessList:
      type === 0 || random.oneIn(2)
        ? []
        : Array.from({ length: 1 + random.below(3) }, () => ({
            address: random.oneIn(5) ? numbered(random.pick(PRECOMPILES)) : random.pick(addresses),
            storageKeys: slots(),
          })),
    authorizations: type === 4 ? drawAuthorizations(random, from, accounts, addresses) : [],
  };
}

function drawTarget(random: Random, type: number, addresses: readonly Hex[]): Hex | null {
  switch (random.below(16)) {
    case 0:
    case 1:
      return type === 4 ? contractAddress(0) : null;
    case 2:
      return numbered(random.pick(PRECOMPILES));
    case 3:
    case 4:
    case 5:
      return accountAddress(random.pick(DELEGATORS));
    case 6:
      return random.pick(addresses);
    default:
      return contractAddress(random.below(CONTRACTS));
  }
}

function drawAuthorizations(
  random: Random,
  from: number,
  accounts: ReadonlyMap<Hex, DrawnAccount>,
  addresses: readonly Hex[],
): DrawnAuthorization[] {
  const next = new Map<number, bigint>();
  return Array.from({ length: 1 + random.below(4) }, () => {
    const by = random.oneIn(6) ? from : random.pick(DELEGATORS);
    const nonce = next.get(by) ?? (accounts.get(accountAddress(by))?.nonce ?? 0n) + (by === from ? 1n : 0n);
    next.set(by, nonce < MAX_NONCE ? nonce + 1n : nonce);
    return {
      by,
      chainId: random.pick([CHAIN_ID, CHAIN_ID, CHAIN_ID, 0n, CHAIN_ID + 1n]),
      target: random.pick<Hex>([
        ...addresses,
        numbered(0),
        accountAddress(by),
        ...DELEGATORS.map(accountAddress),
        numbered(random.pick(PRECOMPILES)),
      ]),
      nonce: random.oneIn(8) ? random.pick([nonce + 1n, 0n, MAX_NONCE, MAX_NONCE - 1n]) : nonce,
      flaw: random.oneIn(8) ? random.pick<Flaw>(['high s', 'parity', 'zero r', 'changed']) : 'none',
    };
  });
}

// ---- bytes

const SECP256K1_N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

function encodeAuthorization({ by, chainId, target, nonce, flaw }: DrawnAuthorization): RlpItem {
  const items = [bigintToBytes(chainId), fromHex(target), bigintToBytes(nonce)];
  const signature = signHash(keccak256(concat(Uint8Array.of(5), encodeRlp(items))), accountKey(by));
  let { r, s } = signature;
  let parity = BigInt(signature.yParity);
  if (flaw === 'high s') [s, parity] = [SECP256K1_N - s, 1n - parity];
  else if (flaw === 'parity') parity += 2n;
  else if (flaw === 'zero r') r = 0n;
  else if (flaw === 'changed') r ^= 2n;
  return [...items, bigintToBytes(parity), bigintToBytes(r), bigintToBytes(s)];
}

export function codeOf(code: Program | Uint8Array): Uint8Array {
  return code instanceof Uint8Array ? code : assemble(code);
}

/** The signed bytes. */
export function encodeTransaction(tx: DrawnTransaction): Uint8Array {
  const to = tx.to === null ? NONE : fromHex(tx.to);
  const number = bigintToBytes;
  const rest = [to, number(tx.value), codeOf(tx.data)];
  const list = tx.accessList.map(({ address, storageKeys }) => [
    fromHex(address),
    storageKeys.map((slot) => fromHex(slot)),
  ]);
  const head = [number(CHAIN_ID), number(tx.nonce)];
  const sign = (message: Uint8Array) => signHash(keccak256(message), accountKey(tx.from));
  if (tx.type === 0) {
    const items = [number(tx.nonce), number(tx.maxFeePerGas), number(tx.gasLimit), ...rest];
    const { r, s, yParity } = sign(encodeRlp([...items, number(CHAIN_ID), NONE, NONE]));
    return encodeRlp([...items, number(CHAIN_ID * 2n + 35n + BigInt(yParity)), number(r), number(s)]);
  }
  const fees = tx.type === 1 ? [tx.maxFeePerGas] : [tx.maxPriorityFeePerGas, tx.maxFeePerGas];
  const items: RlpItem[] = [...head, ...fees.map(number), number(tx.gasLimit), ...rest, list];
  if (tx.type === 4) items.push(tx.authorizations.map(encodeAuthorization));
  const kind = Uint8Array.of(tx.type);
  const { r, s, yParity } = sign(concat(kind, encodeRlp(items)));
  return concat(kind, encodeRlp([...items, number(BigInt(yParity)), number(r), number(s)]));
}

export function stateTestOf({ env, accounts }: Scenario): StateTest {
  const pre: StateTest['pre'] = {};
  for (const [address, { balance, nonce, code, storage }] of accounts)
    pre[address] = { balance: hex(balance), nonce: hex(nonce), code: toHex(codeOf(code)), storage };
  return { env, pre, post: {}, config: { chainid: hex(CHAIN_ID) } };
}
