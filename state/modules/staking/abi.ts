import { defineInterface } from '../abi.ts';
import { moduleAddress, TYPE } from '../addresses.ts';
import { COMMON_ERRORS } from '../common.ts';

/** IStaking.sol, as the node reads it. Operation numbers are those of transaction type 0x55. */
export const stakingInterface = defineInterface({
  name: 'IStaking',
  address: moduleAddress(TYPE.staking),
  structs: {
    Validator:
      'address operator, bytes blsPublicKey, uint256 bond, uint256 power, address recipient, bool jailed, uint256 jailedUntil',
    Member: 'address operator, bytes blsPublicKey, uint256 power, address recipient, int256 priority',
    Withdrawal: 'uint256 amount, uint256 releasedAt',
  },
  functions: {
    register: {
      op: 1,
      signature: 'function register(bytes blsPublicKey, bytes proofOfPossession, address recipient) payable',
    },
    bond: { op: 2, signature: 'function bond() payable' },
    unbond: { op: 3, signature: 'function unbond(uint256 amount)' },
    withdraw: { op: 4, signature: 'function withdraw() returns (uint256 amount)' },
    unjail: { op: 5, signature: 'function unjail()' },
    setRecipient: { op: 6, signature: 'function setRecipient(address recipient)' },
    validators: { signature: 'function validators() view returns (Validator[] validators)' },
    validator: { signature: 'function validator(address operator) view returns (Validator validator)' },
    unbondings: {
      signature: 'function unbondings(address operator) view returns (Withdrawal[] unbondings)',
    },
    validatorSet: {
      signature: 'function validatorSet(uint256 blockNumber) view returns (Member[] members)',
    },
    certificateHash: {
      signature: 'function certificateHash(uint256 blockNumber) view returns (bytes32 hash)',
    },
  },
  events: {
    ValidatorAdded: 'event ValidatorAdded(address indexed operator, uint256 bond)',
    Bonded: 'event Bonded(address indexed operator, uint256 amount)',
    Unbonding: 'event Unbonding(address indexed operator, uint256 amount, uint256 releasedAt)',
    Withdrawn: 'event Withdrawn(address indexed operator, uint256 amount)',
    RecipientSet: 'event RecipientSet(address indexed operator, address indexed recipient)',
    Slashed: 'event Slashed(address indexed operator, uint256 amount)',
    Jailed: 'event Jailed(address indexed operator)',
    Unjailed: 'event Unjailed(address indexed operator)',
  },
  errors: {
    ...COMMON_ERRORS,
    UnknownValidator: 'error UnknownValidator(address operator)',
    AlreadyRegistered: 'error AlreadyRegistered(address operator)',
    NotInPossession: 'error NotInPossession()',
    KeyUsed: 'error KeyUsed()',
    BondTooLow: 'error BondTooLow(uint256 bond, uint256 minimum)',
    NoRoom: 'error NoRoom(uint256 weakestPower)',
    PowerTooLarge: 'error PowerTooLarge(uint256 power, uint256 limit)',
    LastValidator: 'error LastValidator()',
    NothingToWithdraw: 'error NothingToWithdraw()',
    NotJailed: 'error NotJailed()',
    StillJailed: 'error StillJailed(uint256 until, uint256 blockNumber)',
    ZeroAmount: 'error ZeroAmount()',
    ZeroAddress: 'error ZeroAddress()',
    OutOfRange: 'error OutOfRange(uint256 blockNumber)',
  },
});

/** JSON ABI for clients. */
export const abi = stakingInterface.abi;
