/**
 * A decoded transaction in the shape that the EVM library's `runTx` takes. All types are shown to it as one kind:
 * a legacy transaction is one whose priority fee is its whole price, and a native one is a call of its module. The
 * sender is the one that was recovered at admission.
 */
import type { Common } from '@ethereumjs/common';
import type { TypedTransaction } from '@ethereumjs/tx';
import { Address } from '@ethereumjs/util';
import { bigintToBytes, fromHex, lesser } from '../crypto.ts';
import { intrinsicGas } from '../transactions/intrinsic.ts';
import type { PooledTransaction } from '../types.ts';

const EIP_1559 = 1559;
const EIP_2718 = 2718;
const EIP_2930 = 2930;
const EIP_7623 = 7623;
const EIP_7702 = 7702;

export type Executable = Omit<PooledTransaction, 'raw' | 'hash' | 'v' | 'r' | 's' | 'chainId'>;

export function executable(tx: Executable, common: Common): TypedTransaction {
  const delegates = tx.type === 4;
  const shaped = {
    // The floor price of calldata is for the Ethereum door; `data` of a native transaction never travelled.
    common: tx.native === undefined ? common : withoutFloor(common),
    // Blob handling hangs on type 3, which never gets here; everything else asks `supports`.
    type: tx.type,
    nonce: tx.nonce,
    gasLimit: tx.gasLimit,
    maxFeePerGas: tx.maxFeePerGas,
    maxPriorityFeePerGas: tx.maxPriorityFeePerGas,
    to: tx.to === null ? undefined : new Address(fromHex(tx.to)),
    value: tx.value,
    data: tx.data,
    accessList: (tx.accessList ?? []).map(({ address, storageKeys }) => [
      fromHex(address),
      storageKeys.map((slot) => fromHex(slot)),
    ]),
    authorizationList: (tx.authorizationList ?? []).map((a) => [
      bigintToBytes(a.chainId),
      fromHex(a.address),
      bigintToBytes(a.nonce),
      bigintToBytes(BigInt(a.yParity)),
      bigintToBytes(a.r),
      bigintToBytes(a.s),
    ]),
    cache: {},
    supports: (capability: number) =>
      capability === EIP_1559 ||
      capability === EIP_2718 ||
      capability === EIP_2930 ||
      (capability === EIP_7702 && delegates),
    getSenderAddress: () => sender,
    getIntrinsicGas: () => intrinsicGas(tx),
    getEffectivePriorityFee: (baseFee: bigint) => priorityFee(tx, baseFee),
    getUpfrontCost: (baseFee: bigint) => tx.gasLimit * (baseFee + priorityFee(tx, baseFee)) + tx.value,
    isSigned: () => true,
    errorStr: () => `type ${tx.type} from ${tx.from} nonce ${tx.nonce}`,
  };
  const sender = new Address(fromHex(tx.from));
  return shaped as unknown as TypedTransaction;
}

/** Wei per gas that the proposer gets. */
export function priorityFee(
  tx: Pick<PooledTransaction, 'maxFeePerGas' | 'maxPriorityFeePerGas'>,
  baseFee: bigint,
): bigint {
  return lesser(tx.maxPriorityFeePerGas, tx.maxFeePerGas - baseFee);
}

const floorless = new WeakMap<Common, unknown>();

function withoutFloor(common: Common): unknown {
  let shaped = floorless.get(common);
  if (shaped === undefined) {
    shaped = {
      isActivatedEIP: (eip: number) => eip !== EIP_7623 && common.isActivatedEIP(eip),
      param: (name: string) => common.param(name),
      hardfork: () => common.hardfork(),
      gteHardfork: (fork: string) => common.gteHardfork(fork),
    };
    floorless.set(common, shaped);
  }
  return shaped;
}
