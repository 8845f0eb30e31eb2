/**
 * The one `Common` of a chain: the rules of its fork, with our fast crypto. The library copies it and
 * merges its parameters again for every transaction, which costs more than a transfer; since the fork never changes
 * within a process, all share this one, and each set of parameters is merged once.
 */
import { type Common, createCustomCommon, Mainnet, type ParamsDict } from '@ethereumjs/common';
import { paramsTx } from '@ethereumjs/tx';
import { keccak256, recoverPublicKey, sha256 } from '../crypto.ts';

/**
 * Forks of Ethereum that the engine can run. None is older: before Cancun a SELFDESTRUCT clears storage of earlier
 * blocks, which this state refuses.
 */
export type Fork = 'cancun' | 'prague' | 'osaka';
/** The fork of this chain. The others are there for Ethereum's own tests. */
export const CHAIN_FORK: Fork = 'osaka';

const commons: Record<Fork, Map<number, Common>> = { cancun: new Map(), prague: new Map(), osaka: new Map() };

export function commonOf(chainId: number, fork: Fork = CHAIN_FORK): Common {
  let common = commons[fork].get(chainId);
  if (common !== undefined) return common;
  common = createCustomCommon({ chainId, name: 'openledger' }, Mainnet, {
    hardfork: fork,
    customCrypto: {
      keccak256,
      sha256,
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
  // Each EVM waits for a change of the fork, which never comes, and this object would hold on to all of them.
  common.events.on = () => shared.events;
  common.updateParams(paramsTx);
  commons[fork].set(chainId, common);
  return common;
}
