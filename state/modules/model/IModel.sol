// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IModule} from "../IModule.sol";

/// Models: who answers, on which data, for how much, and who stands behind it. Transaction type 0x52,
/// address 0x4f4c000000000000000000000000000000000052.
interface IModel is IModule {
    /// The first `length` approved contributions of a DataNet.
    struct Snapshot {
        uint256 dataNetId;
        uint256 length;
        bytes32 historyHash;
    }

    /// Part of a model's income that goes to an ancestor (or to itself), parts of 10^9.
    struct Share {
        uint256 modelId;
        uint256 parts;
    }

    struct Model {
        uint256 id;
        address owner;
        address operator;
        address beneficiary;
        /// 1 base, 2 adapter, 3 merged, 4 external
        uint8 kind;
        /// How answers are attributed: 1 token, 2 retrieval
        uint8 engine;
        /// 1 active, 2 retired
        uint8 status;
        uint256 version;
        uint256 createdAt;
        uint256 basePrice;
        uint256 pricePerToken;
        uint256 bond;
        uint256 totalStake;
        uint256 openRequests;
        string name;
        string description;
        uint256[] parents;
        uint256[] royaltiesBps;
        /// Flattened at registration; sums to 10^9 with the model's own part
        Share[] lineage;
        /// Pins of the current version
        Snapshot[] snapshots;
    }

    struct Stake {
        uint256 amount;
        uint256 reward;
        uint256 lockedUntil;
    }

    event Registered(
        uint256 indexed modelId,
        address indexed owner,
        address indexed operator,
        uint8 kind,
        uint8 engine,
        string name
    );
    event Pinned(
        uint256 indexed modelId,
        uint256 version,
        uint256 indexed dataNetId,
        uint256 length,
        bytes32 historyHash
    );
    event PriceSet(uint256 indexed modelId, uint256 basePrice, uint256 pricePerToken);
    event OperatorSet(uint256 indexed modelId, address indexed operator, address indexed beneficiary);
    event Staked(uint256 indexed modelId, address indexed staker, uint256 amount);
    event Unstaked(uint256 indexed modelId, address indexed staker, uint256 amount);
    event StakeRewardClaimed(uint256 indexed modelId, address indexed staker, uint256 amount);
    event BondAdded(uint256 indexed modelId, uint256 amount);
    event BondSlashed(uint256 indexed modelId, uint256 amount);
    event BondReturned(uint256 indexed modelId, address indexed to, uint256 amount);
    event Retired(uint256 indexed modelId);

    error KindNotSupported(uint8 kind);
    error EngineNotSupported(uint8 engine);
    error UnknownModel(uint256 modelId);
    error NotModelOwner(address caller);
    error ModelRetired(uint256 modelId);
    error BondTooLow(uint256 bond, uint256 required);
    error EmptyName();
    error ZeroAddress();
    error UnknownDataNet(uint256 id);
    error DataNetNotPublished(uint256 id);
    error EmptySnapshot(uint256 dataNetId);
    error NoDataNets();
    error TooManyDataNets(uint256 count, uint256 limit);
    error TooManyEntries(uint256 count, uint256 limit);
    error TooManyRecords(uint256 count, uint256 limit);
    error SnapshotsTooLarge(uint256 size, uint256 limit);
    error NotAscending(uint256 id);
    error TooManyParents(uint256 count, uint256 limit);
    error TooManyAncestors(uint256 count, uint256 limit);
    error RoyaltiesMismatch(uint256 parents, uint256 royalties);
    error RoyaltiesTooHigh(uint256 bps);
    error ZeroAmount();
    error StakeTooLow(uint256 staked, uint256 requested);
    error StakeLocked(uint256 untilBlock, uint256 blockNumber);
    error NothingToClaim();

    /// Registers a model (kind 4, external, for now) whose answers `engine` attributes, for ever. The value is the operator's bond. Lists ascend.
    function register(
        uint8 kind,
        uint8 engine,
        string calldata name,
        string calldata description,
        uint256[] calldata parents,
        uint256[] calldata royaltiesBps,
        uint256[] calldata dataNetIds,
        address operator,
        address beneficiary,
        uint128 basePrice,
        uint128 pricePerToken
    ) external payable returns (uint256 modelId);
    /// A new version that pins the DataNets as they are now. Open requests keep their pins.
    function repin(uint256 modelId, uint256[] calldata dataNetIds) external returns (uint256 version);
    function setPrice(uint256 modelId, uint128 basePrice, uint128 pricePerToken) external;
    /// Earns a part of each fee of this model. Locked for the vesting time after the last stake.
    function stake(uint256 modelId) external payable;
    function unstake(uint256 modelId, uint256 amount) external;
    /// No new requests; the bond returns with the last open one.
    function retire(uint256 modelId) external;
    /// Pays out the caller's part of the stakers' fees.
    function claim(uint256 modelId) external returns (uint256 amount);
    function addBond(uint256 modelId) external payable;
    function setOperator(uint256 modelId, address operator, address beneficiary) external;

    function model(uint256 modelId) external view returns (Model memory model);
    /// Ids run from 1 to this number.
    function modelCount() external view returns (uint256 count);
    function snapshots(uint256 modelId, uint256 version) external view returns (Snapshot[] memory snapshots);
    function stakeOf(uint256 modelId, address staker) external view returns (Stake memory stake);
}
