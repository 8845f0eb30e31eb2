/**
 * Contracts that tools expect on every chain, present from block 0. None has an owner, none can be changed.
 */
import type { GenesisAccount, Hex } from '../types.ts';
import artifacts from './artifacts.json' with { type: 'json' };

/** Deterministic deployment proxy: CREATE2 of calldata[32..] with salt calldata[0..32]. */
export const DEPLOYMENT_PROXY_ADDRESS: Hex = '0x4e59b44847b379578588920ca78fbf26c0b4956c';
/** Many calls in one, where wallet libraries look for it. */
export const MULTICALL3_ADDRESS: Hex = '0xca11bde05977b3631167028862be2a173976ca11';
/** The coin as an ERC-20 token. The address says what it is: "OL" and WOPEN's letters in ASCII at the end. */
export const WRAPPED_OPEN_ADDRESS: Hex = '0x4f4c000000000000000000000000574f50454e00';
/** EIP-2935: hashes of the last 8,191 blocks, written by the system call that opens each block. */
export const HISTORY_STORAGE_ADDRESS: Hex = '0x0000f90827f1c53a10cb7a02335b175320002935';

/** Runtime code as its keyless deployment transaction leaves it on other chains; clients compare it. */
const DEPLOYMENT_PROXY_CODE: Hex =
  '0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3';

/** The code that EIP-2935 specifies. */
const HISTORY_STORAGE_CODE: Hex =
  '0x3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500';

/** Nonce 1, as a deployment leaves it (EIP-161). */
function contract(code: string): GenesisAccount {
  return { balance: 0n, nonce: 1n, code: code as Hex };
}

/** Fresh copies of the accounts, to be put into `alloc`. */
export function predeploys(): Record<Hex, GenesisAccount> {
  return {
    [DEPLOYMENT_PROXY_ADDRESS]: contract(DEPLOYMENT_PROXY_CODE),
    [HISTORY_STORAGE_ADDRESS]: contract(HISTORY_STORAGE_CODE),
    [MULTICALL3_ADDRESS]: contract(artifacts.contracts.Multicall3.runtime),
    [WRAPPED_OPEN_ADDRESS]: contract(artifacts.contracts.WrappedOpen.runtime),
  };
}

/** JSON ABIs of the contracts written here. */
export const predeployAbis = {
  Multicall3: artifacts.contracts.Multicall3.abi,
  WrappedOpen: artifacts.contracts.WrappedOpen.abi,
} as const;
