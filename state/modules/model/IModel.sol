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
        /// Zero for a model that the chain trains: every validator answers
        address operator;
        address beneficiary;
        /// 1 base, 2 adapter, 3 merged, 4 external
        uint8 kind;
        /// How answers are attributed: 1 token, 2 retrieval, 3 influence
        uint8 engine;
        /// 1 active, 2 retired, 3 training (its first version), 4 refused
        uint8 status;
        /// The version that answers; 0 while the first is trained
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

    /// One version of a model that the chain trains.
    struct Training {
        uint256 version;
        /// 1 training, 2 trained, 3 refused, 4 abandoned
        uint8 status;
        /// 0 none, 1 failed (the object says how), 2 hash differs from the claim, 3 too large, 4 not attested
        uint8 refusal;
        /// Subject of IAttestation under which validators attest it
        bytes32 subject;
        /// The version that an adapter rests on; zero for a base
        uint256 baseId;
        uint256 baseVersion;
        /// What the registrant says the hash of the parameters will be; zero if nothing
        bytes32 claimedHash;
        /// Canonical bytes of the training settings
        bytes spec;
        /// Canonical bytes of what validators attested; empty before
        bytes object;
    }

    /// The root by which the texts of pinned snapshots are proven.
    struct Root {
        /// Of the snapshots; the same for all models that pin the same
        bytes32 id;
        /// 0 nobody was asked, 1 open, 2 attested, 3 refused, 4 frozen: who pins the same again asks again
        uint8 status;
        /// 0 none, 1 more tokens than are committed to
        uint8 refusal;
        /// Subject of IAttestation under which validators were asked last
        bytes32 subject;
        /// Zero unless it is attested
        bytes32 root;
        uint256 tokens;
        uint256 types;
        uint256 records;
        uint256 nodes;
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
    event RootOpened(
        uint256 indexed modelId,
        uint256 version,
        bytes32 indexed snapshotsId,
        bytes32 indexed subject
    );
    event RootAttested(bytes32 indexed snapshotsId, bytes32 root, uint256 tokens);
    event RootRefused(bytes32 indexed snapshotsId, uint8 refusal);
    event TrainingOpened(
        uint256 indexed modelId,
        uint256 indexed version,
        bytes32 indexed subject,
        uint256 baseId,
        uint256 baseVersion
    );
    event Trained(
        uint256 indexed modelId,
        uint256 indexed version,
        bytes32 modelHash,
        bytes32 metricHash,
        uint256 samples,
        uint256 passedOver
    );
    event TrainingRefused(uint256 indexed modelId, uint256 indexed version, uint8 refusal);
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
    error InvalidTrainingSpec();
    error SpecOfOtherKind(uint8 kind);
    error BaseNotAParent(uint256 baseId);
    error NotABase(uint256 modelId);
    error BaseDiffers(uint256 baseId);
    error TrainingTooLarge();
    error GraphNotRevealed(bytes32 contributionId);
    error TooManyTrainings(uint256 limit);
    error InTraining(uint256 modelId, uint256 version);
    error ModelNotActive(uint256 modelId);
    error ModelRefused(uint256 modelId);
    error NotTrained(uint256 modelId);
    error UnknownVersion(uint256 modelId, uint256 version);
    error NoTokenPrice();
    error NoOperator();
    error ZeroAmount();
    error StakeTooLow(uint256 staked, uint256 requested);
    error StakeLocked(uint256 untilBlock, uint256 blockNumber);
    error NothingToClaim();

    /// Registers a model of kind 4, external, whose answers `engine` (1 or 2) attributes, for ever. The value is the
    /// operator's bond. Lists ascend.
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
    /// A new version that pins the DataNets as they are now. Open requests keep their pins. A model that the chain
    /// trains goes on answering with its version until the new one is trained and attested.
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
    /// The operator of a model that the chain trains is zero.
    function setOperator(uint256 modelId, address operator, address beneficiary) external;
    /// Registers a model of kind 1 (base) or 2 (adapter), which every validator trains from the settings in spec and
    /// from the records of the DataNets as they are now. baseId: the trained base of an adapter, one of its parents;
    /// 0 for a base. claimedHash: what the hash of the parameters must be, or zero. The value is a bond, which returns
    /// when the model is retired or refused.
    function registerTrained(
        uint8 kind,
        string calldata name,
        string calldata description,
        uint256[] calldata parents,
        uint256[] calldata royaltiesBps,
        uint256[] calldata dataNetIds,
        uint256 baseId,
        address beneficiary,
        uint128 price,
        bytes calldata spec,
        bytes32 claimedHash
    ) external payable returns (uint256 modelId);

    function model(uint256 modelId) external view returns (Model memory model);
    /// Ids run from 1 to this number.
    function modelCount() external view returns (uint256 count);
    function snapshots(uint256 modelId, uint256 version) external view returns (Snapshot[] memory snapshots);
    /// Version 0: the newest.
    function training(uint256 modelId, uint256 version) external view returns (Training memory training);
    /// Of what a version pins. Version 0: the one that answers.
    function attributionRoot(uint256 modelId, uint256 version) external view returns (Root memory root);
    function stakeOf(uint256 modelId, address staker) external view returns (Stake memory stake);
}
