/** Random transactions that wallets and contracts make: drawn from a seed, so that a run can be repeated. */
import { bigintToBytes, concat, fromHex, keccak256, signHash, toHex } from '../../../state/crypto.ts';
import { PRICE_MULTIPLIERS } from '../../../state/execution/precompiles.ts';
import { encodeRlp, type RlpItem } from '../../../state/rlp.ts';
import type { Hex } from '../../../state/types.ts';
import {
  accountAddress,
  accountKey,
  authorization,
  GWEI,
  signedTransaction,
} from '../../unit/state/support.ts';
import { createRandom } from '../random.ts';

const code = (text: string): Hex => `0x${text.replaceAll(' ', '')}`;

/** Runtime codes by what they do. Calldata is words. */
export const CONTRACTS = {
  /** Slot = word 0, value = word 1. */
  keeper: code('602035 600035 55 00'),
  /** LOG3 with the words of calldata as topics and its whole as data. */
  logger: code('36600060003760403560203560003536 6000 a3 00'),
  /** Reverts with its calldata. */
  reverter: code('3660006000373660 00fd'),
  /** Runs until its gas is gone. */
  burner: code('5b600056'),
  /** Creates a contract with code 00 by CREATE2, salt word 0, and keeps its address in slot 1. */
  factory: code('6c6001600c60003960016000f300 600052 600035 600d 6013 34 f5 600155 00'),
  /** Calls the address of word 0 with the rest of calldata and its value, and returns what that returned. */
  forwarder: code('6020360360206000376000600060203603600034 600035 5af1 3d6000600 03e 3d6000f3'),
  /** The same by DELEGATECALL. */
  delegator: code('602036036020600037 60006000602036036000 600035 5af4 3d6000600 03e 3d6000f3'),
  /** Logs NUMBER, TIMESTAMP, COINBASE, GASLIMIT, BASEFEE, CHAINID, SELFBALANCE. */
  environment: code('43600052 42602052 41604052 45606052 48608052 4660a052 4760c052 60e06000 a0 00'),
  /** Sends what it has to the address of word 0. */
  destroyer: code('600035ff'),
} as const;
export type ContractName = keyof typeof CONTRACTS;
const NAMES = Object.keys(CONTRACTS) as ContractName[];

/** The first precompiles whose price here is Ethereum's: sha256, ripemd160, identity, modexp. */
const CHEAP = [1, 2, 3, 4, 5].filter((n) => PRICE_MULTIPLIERS[n] === undefined);
const PRECOMPILES: readonly Hex[] = CHEAP.map((n): Hex => `0x${n.toString(16).padStart(40, '0')}`);
/** Slots and amounts, which some contracts take for addresses: none of a precompile with another price. */
const SMALL = [0, 1, 2, 3, 4].filter((n) => PRICE_MULTIPLIERS[n] === undefined);

export const SENDERS = 5;

export interface Workload {
  /** Signed transactions of the next block, in order. */
  next(count: number, nonceOf: (address: Hex) => bigint): Uint8Array[];
  deployed(name: ContractName, address: Hex): void;
  readonly contracts: readonly { name: ContractName; address: Hex }[];
  /** Contracts that the transactions of the last block create, by sender and nonce. */
  readonly expected: { sender: Hex; nonce: number; name: ContractName }[];
  /** Calldata for a call of a contract. */
  input(): Uint8Array;
}

export function createWorkload(seed: number, chainId: number): Workload {
  const random = createRandom(seed);
  const nonces = new Array<number>(SENDERS).fill(0);
  const contracts: { name: ContractName; address: Hex }[] = [];
  const expected: Workload['expected'] = [];
  const word = (value: bigint | number): Uint8Array =>
    fromHex(`0x${BigInt(value).toString(16).padStart(64, '0')}`);
  const anyAddress = (): Hex =>
    random.pick([
      ...contracts.map(({ address }) => address),
      ...PRECOMPILES,
      accountAddress(random.below(SENDERS)),
      toHex(word(0x1000 + random.below(50)).subarray(12)),
    ]);
  const input = (): Uint8Array => {
    const first = random.below(2) === 0 ? word(random.pick(SMALL)) : word(BigInt(anyAddress()));
    const rest = Array.from({ length: random.below(3) }, () => word(random.pick(SMALL)));
    return concat(first, ...rest, new Uint8Array(random.below(2) * random.below(40)).fill(7));
  };

  function one(isLast: boolean): Uint8Array {
    const who = random.below(SENDERS);
    const nonce = nonces[who]!++;
    const common = {
      key: accountKey(who),
      nonce,
      chainId,
      gasLimit: BigInt(80_000 + random.below(6) * 60_000),
      maxFeePerGas: 100n * GWEI,
      maxPriorityFeePerGas: BigInt(random.below(3)) * GWEI,
      value: BigInt(random.below(3) * random.below(1_000)),
    };
    if (random.below(5) === 0 || contracts.length < 3) {
      const name = random.pick(NAMES);
      const runtime = CONTRACTS[name].slice(2);
      const size = (runtime.length / 2).toString(16).padStart(2, '0');
      expected.push({ sender: accountAddress(who), nonce, name });
      const data = fromHex(code(`60${size}600c60003960${size}6000f3${runtime}`));
      return signedTransaction({ ...common, to: null, data, gasLimit: 400_000n });
    }
    const to = anyAddress();
    const data = random.below(4) === 0 ? new Uint8Array(0) : input();
    // Pools do not see that an authorization uses up a nonce: nothing of that account may follow in the block.
    switch (isLast ? 2 : random.below(4)) {
      case 0:
        return legacy({ ...common, to, data });
      case 1:
        return signedTransaction({
          ...common,
          to,
          data,
          accessList: [{ address: to, storageKeys: [toHex(word(random.below(4)))] }],
        });
      case 2: {
        if (!isLast) return signedTransaction({ ...common, to, data });
        // Somebody else delegates, so that the nonce of the sender stays the one that was drawn.
        const other = (who + 1 + random.below(SENDERS - 1)) % SENDERS;
        const target = random.pick(contracts).address;
        const authorizationList = [authorization(accountKey(other), target, nonces[other]!)];
        nonces[other]! += 1;
        return signedTransaction({ ...common, to, data, authorizationList });
      }
      default:
        return signedTransaction({ ...common, to, data });
    }
  }

  function legacy(wish: {
    key: Uint8Array;
    nonce: number;
    to: Hex;
    data: Uint8Array;
    gasLimit: bigint;
    value: bigint;
  }): Uint8Array {
    const items: RlpItem[] = [
      bigintToBytes(BigInt(wish.nonce)),
      bigintToBytes(50n * GWEI),
      bigintToBytes(wish.gasLimit),
      fromHex(wish.to),
      bigintToBytes(wish.value),
      wish.data,
    ];
    const id = BigInt(chainId);
    const none = new Uint8Array(0);
    const { r, s, yParity } = signHash(
      keccak256(encodeRlp([...items, bigintToBytes(id), none, none])),
      wish.key,
    );
    const v = id * 2n + 35n + BigInt(yParity);
    return encodeRlp([...items, bigintToBytes(v), bigintToBytes(r), bigintToBytes(s)]);
  }

  return {
    next(count, nonceOf) {
      for (let who = 0; who < SENDERS; who++) nonces[who] = Number(nonceOf(accountAddress(who)));
      expected.length = 0;
      return Array.from({ length: count }, (_, index) => one(index === count - 1));
    },
    deployed: (name, address) => void contracts.push({ name, address }),
    contracts,
    expected,
    input,
  };
}
