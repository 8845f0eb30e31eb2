import { defineInterface } from '../abi.ts';
import { moduleAddress, TYPE } from '../addresses.ts';
import { COMMON_ERRORS } from '../common.ts';

/** IStaking.sol, as the node reads it. In this form of the module the founders' set cannot be joined: only views. */
export const stakingInterface = defineInterface({
  name: 'IStaking',
  address: moduleAddress(TYPE.staking),
  structs: {
    Validator:
      'address operator, bytes blsPublicKey, uint256 bond, uint256 power, address recipient, bool jailed',
    Member: 'address operator, bytes blsPublicKey, uint256 power, address recipient, int256 priority',
  },
  functions: {
    validators: { signature: 'function validators() view returns (Validator[] validators)' },
    validator: { signature: 'function validator(address operator) view returns (Validator validator)' },
    validatorSet: {
      signature: 'function validatorSet(uint256 blockNumber) view returns (Member[] members)',
    },
    certificateHash: {
      signature: 'function certificateHash(uint256 blockNumber) view returns (bytes32 hash)',
    },
  },
  events: {
    ValidatorAdded: 'event ValidatorAdded(address indexed operator, uint256 bond)',
    Slashed: 'event Slashed(address indexed operator, uint256 amount)',
    Jailed: 'event Jailed(address indexed operator)',
  },
  errors: {
    ...COMMON_ERRORS,
    UnknownValidator: 'error UnknownValidator(address operator)',
    OutOfRange: 'error OutOfRange(uint256 blockNumber)',
  },
});

/** JSON ABI for clients. */
export const abi = stakingInterface.abi;
