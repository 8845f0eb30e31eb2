// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IModule} from "../IModule.sol";

/// Rewards: what contributors and model owners have earned, held until they take it. Transaction type 0x58,
/// address 0x4f4c000000000000000000000000000000000058.
interface IReward is IModule {
    struct Reward {
        /// As of this block
        uint256 claimable;
        /// Two buckets that become claimable at their blocks
        uint256 maturing;
        uint256 maturesAt;
        uint256 filling;
        uint256 fillingMaturesAt;
        /// Where claims are paid to
        address beneficiary;
    }

    event Accrued(address indexed account, uint256 amount, bool vesting);
    event Claimed(address indexed account, address indexed to, uint256 amount);
    event BeneficiarySet(address indexed account, address indexed beneficiary);

    error NothingToClaim();
    error ZeroAddress();

    /// Pays what is claimable to the caller's beneficiary.
    function claim() external returns (uint256 amount);
    /// Where the caller's claims are paid to from now on.
    function setBeneficiary(address beneficiary) external;

    function claimable(address account) external view returns (uint256 amount);
    /// Earned, but still vesting.
    function pending(address account) external view returns (uint256 amount);
    function beneficiaryOf(address account) external view returns (address beneficiary);
    function reward(address account) external view returns (Reward memory reward);
    /// All that this account owes; never more than its balance.
    function totalOwed() external view returns (uint256 amount);
}
