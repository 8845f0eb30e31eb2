// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IModule} from "../IModule.sol";

/// Staking: validators, their bonds and sets. Transaction type 0x55,
/// address 0x4f4c000000000000000000000000000000000055.
interface IStaking is IModule {
    struct Validator {
        address operator;
        bytes blsPublicKey;
        uint256 bond;
        uint256 power;
        address recipient;
        bool jailed;
        /// First block in which it may leave jail.
        uint256 jailedUntil;
    }

    struct Member {
        address operator;
        bytes blsPublicKey;
        uint256 power;
        address recipient;
        int256 priority;
    }

    struct Withdrawal {
        uint256 amount;
        /// First block in which it can be withdrawn.
        uint256 releasedAt;
    }

    event ValidatorAdded(address indexed operator, uint256 bond);
    event Bonded(address indexed operator, uint256 amount);
    event Unbonding(address indexed operator, uint256 amount, uint256 releasedAt);
    event Withdrawn(address indexed operator, uint256 amount);
    event RecipientSet(address indexed operator, address indexed recipient);
    event Slashed(address indexed operator, uint256 amount);
    event Jailed(address indexed operator);
    event Unjailed(address indexed operator);

    error UnknownValidator(address operator);
    error AlreadyRegistered(address operator);
    /// The proof is not a signature of this key over the caller's address on this chain.
    error NotInPossession();
    /// A key is used once for ever.
    error KeyUsed();
    /// A bond is at least one unit of power, or less than what was asked for.
    error BondTooLow(uint256 bond, uint256 minimum);
    /// The list is full of validators with at least this much power.
    error NoRoom(uint256 weakestPower);
    error PowerTooLarge(uint256 power, uint256 limit);
    /// Nobody else has power: a chain without validators could never get one again.
    error LastValidator();
    error NothingToWithdraw();
    error NotJailed();
    error StillJailed(uint256 until, uint256 blockNumber);
    error ZeroAmount();
    error ZeroAddress();
    error OutOfRange(uint256 blockNumber);

    /// Becomes a validator with the value as its bond. Operation 1.
    function register(bytes calldata blsPublicKey, bytes calldata proofOfPossession, address recipient) external payable;
    /// Adds the value to the caller's bond. Operation 2.
    function bond() external payable;
    /// Takes a part of the bond out; it can be withdrawn when no evidence counts against it any more. Operation 3.
    function unbond(uint256 amount) external;
    /// Pays what is released to the caller. Operation 4.
    function withdraw() external returns (uint256 amount);
    /// Leaves jail. Operation 5.
    function unjail() external;
    /// Who receives the tips of the blocks that the caller proposes. Operation 6.
    function setRecipient(address recipient) external;

    /// All listed validators, in address order.
    function validators() external view returns (Validator[] memory validators);
    function validator(address operator) external view returns (Validator memory validator);
    /// What the operator has taken out of its bond and not withdrawn, oldest first.
    function unbondings(address operator) external view returns (Withdrawal[] memory unbondings);
    /// The set that agrees on a block: the current one and its two neighbours are known.
    function validatorSet(uint256 blockNumber) external view returns (Member[] memory members);
    /// Hash of the commit certificate of a block as its child carried it; the last 8,191 are kept.
    function certificateHash(uint256 blockNumber) external view returns (bytes32 hash);
}
