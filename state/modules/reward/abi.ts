import { defineInterface } from '../abi.ts';
import { moduleAddress, TYPE } from '../addresses.ts';
import { COMMON_ERRORS } from '../common.ts';

/** IReward.sol, as the node reads it. Operation numbers are those of transaction type 0x58. */
export const rewardInterface = defineInterface({
  name: 'IReward',
  address: moduleAddress(TYPE.reward),
  structs: {
    Reward:
      'uint256 claimable, uint256 maturing, uint256 maturesAt, uint256 filling, uint256 fillingMaturesAt, address beneficiary',
  },
  functions: {
    claim: { op: 1, signature: 'function claim() returns (uint256 amount)' },
    setBeneficiary: { op: 2, signature: 'function setBeneficiary(address beneficiary)' },
    claimable: { signature: 'function claimable(address account) view returns (uint256 amount)' },
    pending: { signature: 'function pending(address account) view returns (uint256 amount)' },
    beneficiaryOf: {
      signature: 'function beneficiaryOf(address account) view returns (address beneficiary)',
    },
    reward: { signature: 'function reward(address account) view returns (Reward reward)' },
    totalOwed: { signature: 'function totalOwed() view returns (uint256 amount)' },
  },
  events: {
    Accrued: 'event Accrued(address indexed account, uint256 amount, bool vesting)',
    Claimed: 'event Claimed(address indexed account, address indexed to, uint256 amount)',
    BeneficiarySet: 'event BeneficiarySet(address indexed account, address indexed beneficiary)',
  },
  errors: {
    ...COMMON_ERRORS,
    NothingToClaim: 'error NothingToClaim()',
    ZeroAddress: 'error ZeroAddress()',
  },
});

/** JSON ABI for clients. */
export const abi = rewardInterface.abi;
