/**
 * The one `Common` of a chain: the rules of the fork (Osaka), with our fast crypto. The library copies it and
 * merges its parameters again for every transaction, which costs more than a transfer; since the fork never changes
 * within a process, all share this one, and each set of parameters is merged once.
 */
import { type Common, createCustomCommon, Mainnet, type ParamsDict } from '@ethereumjs/common';
import { paramsTx } from '@ethereumjs/tx';
import type { KZG } from '@ethereumjs/util';
import { keccak256, recoverPublicKey, sha256 } from '../crypto.ts';
import { kzg } from './kzg.ts';

const commons = new Map<number, Common>();

export function commonOf(chainId: number): Common {
  let common = commons.get(chainId);
  if (common !== undefined) return common;
  common = createCustomCommon({ chainId, name: 'openledger' }, Mainnet, {
    hardfork: 'osaka',
    customCrypto: {
      keccak256,
      sha256,
      kzg: kzg as unknown as KZG,
      ecrecover: (hash, v, r, s, chain) => {
        // 27 and 28, or 0 and 1 of typed transactions, or EIP-155.
        const parity = v === 0n || v === 1n ? v : chain === undefined ? v - 27n : v - (chain * 2n + 35n);
        const key = recoverPublicKey(hash, r, s, Number(parity));
        if (key === undefined) throw new Error('no public key made this signature');
        return key;
      },
    },
  });
  const shared = common;
  const merge = common.updateParams.bind(common);
  const merged = new WeakSet<ParamsDict>();
  common.copy = () => shared;
  common.updateParams = (params) => {
    if (merged.has(params)) return;
    merged.add(params);
    merge(params);
  };
  common.updateParams(paramsTx);
  commons.set(chainId, common);
  return common;
}
