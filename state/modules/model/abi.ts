import { defineInterface } from '../abi.ts';
import { moduleAddress, TYPE } from '../addresses.ts';
import { COMMON_ERRORS } from '../common.ts';

/** IModel.sol, as the node reads it. Operation numbers are those of transaction type 0x52. */
export const modelInterface = defineInterface({
  name: 'IModel',
  address: moduleAddress(TYPE.model),
  structs: {
    Snapshot: 'uint256 dataNetId, uint256 length, bytes32 historyHash',
    Share: 'uint256 modelId, uint256 parts',
    Model:
      'uint256 id, address owner, address operator, address beneficiary, uint8 kind, uint8 engine, uint8 status, uint256 version, uint256 createdAt, uint256 basePrice, uint256 pricePerToken, uint256 bond, uint256 totalStake, uint256 openRequests, string name, string description, uint256[] parents, uint256[] royaltiesBps, Share[] lineage, Snapshot[] snapshots',
    Training:
      'uint256 version, uint8 status, uint8 refusal, bytes32 subject, uint256 baseId, uint256 baseVersion, bytes32 claimedHash, bytes spec, bytes object',
    Root: 'bytes32 id, uint8 status, uint8 refusal, bytes32 subject, bytes32 root, uint256 tokens, uint256 types, uint256 records, uint256 nodes',
    Stake: 'uint256 amount, uint256 reward, uint256 lockedUntil',
  },
  functions: {
    register: {
      op: 1,
      signature:
        'function register(uint8 kind, uint8 engine, string name, string description, uint256[] parents, uint256[] royaltiesBps, uint256[] dataNetIds, address operator, address beneficiary, uint128 basePrice, uint128 pricePerToken) payable returns (uint256 modelId)',
    },
    repin: {
      op: 2,
      signature: 'function repin(uint256 modelId, uint256[] dataNetIds) returns (uint256 version)',
    },
    setPrice: {
      op: 3,
      signature: 'function setPrice(uint256 modelId, uint128 basePrice, uint128 pricePerToken)',
    },
    stake: { op: 4, signature: 'function stake(uint256 modelId) payable' },
    unstake: { op: 5, signature: 'function unstake(uint256 modelId, uint256 amount)' },
    retire: { op: 6, signature: 'function retire(uint256 modelId)' },
    claim: { op: 7, signature: 'function claim(uint256 modelId) returns (uint256 amount)' },
    addBond: { op: 8, signature: 'function addBond(uint256 modelId) payable' },
    setOperator: {
      op: 9,
      signature: 'function setOperator(uint256 modelId, address operator, address beneficiary)',
    },
    registerTrained: {
      op: 10,
      signature:
        'function registerTrained(uint8 kind, string name, string description, uint256[] parents, uint256[] royaltiesBps, uint256[] dataNetIds, uint256 baseId, address beneficiary, uint128 price, bytes spec, bytes32 claimedHash) payable returns (uint256 modelId)',
    },
    model: { signature: 'function model(uint256 modelId) view returns (Model model)' },
    modelCount: { signature: 'function modelCount() view returns (uint256 count)' },
    snapshots: {
      signature: 'function snapshots(uint256 modelId, uint256 version) view returns (Snapshot[] snapshots)',
    },
    training: {
      signature: 'function training(uint256 modelId, uint256 version) view returns (Training training)',
    },
    attributionRoot: {
      signature: 'function attributionRoot(uint256 modelId, uint256 version) view returns (Root root)',
    },
    stakeOf: {
      signature: 'function stakeOf(uint256 modelId, address staker) view returns (Stake stake)',
    },
  },
  events: {
    Registered:
      'event Registered(uint256 indexed modelId, address indexed owner, address indexed operator, uint8 kind, uint8 engine, string name)',
    Pinned:
      'event Pinned(uint256 indexed modelId, uint256 version, uint256 indexed dataNetId, uint256 length, bytes32 historyHash)',
    RootOpened:
      'event RootOpened(uint256 indexed modelId, uint256 version, bytes32 indexed snapshotsId, bytes32 indexed subject)',
    RootAttested: 'event RootAttested(bytes32 indexed snapshotsId, bytes32 root, uint256 tokens)',
    RootRefused: 'event RootRefused(bytes32 indexed snapshotsId, uint8 refusal)',
    TrainingOpened:
      'event TrainingOpened(uint256 indexed modelId, uint256 indexed version, bytes32 indexed subject, uint256 baseId, uint256 baseVersion)',
    Trained:
      'event Trained(uint256 indexed modelId, uint256 indexed version, bytes32 modelHash, bytes32 metricHash, uint256 samples, uint256 passedOver)',
    TrainingRefused: 'event TrainingRefused(uint256 indexed modelId, uint256 indexed version, uint8 refusal)',
    PriceSet: 'event PriceSet(uint256 indexed modelId, uint256 basePrice, uint256 pricePerToken)',
    OperatorSet:
      'event OperatorSet(uint256 indexed modelId, address indexed operator, address indexed beneficiary)',
    Staked: 'event Staked(uint256 indexed modelId, address indexed staker, uint256 amount)',
    Unstaked: 'event Unstaked(uint256 indexed modelId, address indexed staker, uint256 amount)',
    StakeRewardClaimed:
      'event StakeRewardClaimed(uint256 indexed modelId, address indexed staker, uint256 amount)',
    BondAdded: 'event BondAdded(uint256 indexed modelId, uint256 amount)',
    BondSlashed: 'event BondSlashed(uint256 indexed modelId, uint256 amount)',
    BondReturned: 'event BondReturned(uint256 indexed modelId, address indexed to, uint256 amount)',
    Retired: 'event Retired(uint256 indexed modelId)',
  },
  errors: {
    ...COMMON_ERRORS,
    KindNotSupported: 'error KindNotSupported(uint8 kind)',
    EngineNotSupported: 'error EngineNotSupported(uint8 engine)',
    UnknownModel: 'error UnknownModel(uint256 modelId)',
    NotModelOwner: 'error NotModelOwner(address caller)',
    ModelRetired: 'error ModelRetired(uint256 modelId)',
    BondTooLow: 'error BondTooLow(uint256 bond, uint256 required)',
    EmptyName: 'error EmptyName()',
    ZeroAddress: 'error ZeroAddress()',
    UnknownDataNet: 'error UnknownDataNet(uint256 id)',
    DataNetNotPublished: 'error DataNetNotPublished(uint256 id)',
    EmptySnapshot: 'error EmptySnapshot(uint256 dataNetId)',
    NoDataNets: 'error NoDataNets()',
    TooManyDataNets: 'error TooManyDataNets(uint256 count, uint256 limit)',
    TooManyEntries: 'error TooManyEntries(uint256 count, uint256 limit)',
    TooManyRecords: 'error TooManyRecords(uint256 count, uint256 limit)',
    SnapshotsTooLarge: 'error SnapshotsTooLarge(uint256 size, uint256 limit)',
    NotAscending: 'error NotAscending(uint256 id)',
    TooManyParents: 'error TooManyParents(uint256 count, uint256 limit)',
    TooManyAncestors: 'error TooManyAncestors(uint256 count, uint256 limit)',
    RoyaltiesMismatch: 'error RoyaltiesMismatch(uint256 parents, uint256 royalties)',
    RoyaltiesTooHigh: 'error RoyaltiesTooHigh(uint256 bps)',
    InvalidTrainingSpec: 'error InvalidTrainingSpec()',
    SpecOfOtherKind: 'error SpecOfOtherKind(uint8 kind)',
    BaseNotAParent: 'error BaseNotAParent(uint256 baseId)',
    NotABase: 'error NotABase(uint256 modelId)',
    BaseDiffers: 'error BaseDiffers(uint256 baseId)',
    TrainingTooLarge: 'error TrainingTooLarge()',
    GraphNotRevealed: 'error GraphNotRevealed(bytes32 contributionId)',
    TooManyTrainings: 'error TooManyTrainings(uint256 limit)',
    InTraining: 'error InTraining(uint256 modelId, uint256 version)',
    ModelNotActive: 'error ModelNotActive(uint256 modelId)',
    ModelRefused: 'error ModelRefused(uint256 modelId)',
    NotTrained: 'error NotTrained(uint256 modelId)',
    UnknownVersion: 'error UnknownVersion(uint256 modelId, uint256 version)',
    NoTokenPrice: 'error NoTokenPrice()',
    NoOperator: 'error NoOperator()',
    ZeroAmount: 'error ZeroAmount()',
    StakeTooLow: 'error StakeTooLow(uint256 staked, uint256 requested)',
    StakeLocked: 'error StakeLocked(uint256 untilBlock, uint256 blockNumber)',
    NothingToClaim: 'error NothingToClaim()',
  },
});

/** JSON ABI for clients. */
export const abi = modelInterface.abi;
