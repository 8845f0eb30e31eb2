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
    }

    struct Member {
        address operator;
        bytes blsPublicKey;
        uint256 power;
        address recipient;
        int256 priority;
    }

    event ValidatorAdded(address indexed operator, uint256 bond);
    event Slashed(address indexed operator, uint256 amount);
    event Jailed(address indexed operator);

    error UnknownValidator(address operator);
    error OutOfRange(uint256 blockNumber);

    /// All registered validators, in address order.
    function validators() external view returns (Validator[] memory validators);
    function validator(address operator) external view returns (Validator memory validator);
    /// The set that agrees on a block: the current one and its two neighbours are known.
    function validatorSet(uint256 blockNumber) external view returns (Member[] memory members);
    /// Hash of the commit certificate of a block as its child carried it; the last 8,191 are kept.
    function certificateHash(uint256 blockNumber) external view returns (bytes32 hash);
}
