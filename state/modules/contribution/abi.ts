import { defineInterface } from '../abi.ts';
import { moduleAddress, TYPE } from '../addresses.ts';
import { COMMON_ERRORS } from '../common.ts';

/** IContribution.sol, as the node reads it. Operation numbers are those of transaction type 0x51. */
export const contributionInterface = defineInterface({
  name: 'IContribution',
  address: moduleAddress(TYPE.contribution),
  structs: {
    Contribution:
      'bytes32 id, uint256 dataNetId, address contributor, uint8 status, bytes32 commitment, uint256 commitSequence, uint256 commitBlock, uint256 revealBy, uint256 deposit, bytes32 artifactRoot, uint256 size, uint256 recordCount, string licence, string metadata, uint256 sequenceIndex, uint256 acceptedCount, bytes accepted, uint256 flags',
    Approval:
      'bytes32 subject, uint8 status, uint256 tokens, uint256 novelRecords, uint256 novelBytes, uint256 novelTokens, uint256 unquotedTokens, bytes accepted, bytes founders',
  },
  functions: {
    commit: {
      op: 1,
      signature:
        'function commit(uint256 dataNetId, bytes32 commitment) payable returns (bytes32 contributionId)',
    },
    reveal: {
      op: 2,
      signature:
        'function reveal(bytes32 contributionId, bytes32 artifactRoot, uint256 size, uint256 recordCount, string licence, string metadata, bytes32 salt)',
    },
    withdraw: { op: 3, signature: 'function withdraw(bytes32 contributionId)' },
    approve: {
      op: 4,
      signature: 'function approve(bytes32 contributionId) returns (bytes32 subject)',
    },
    reject: { op: 5, signature: 'function reject(bytes32 contributionId, string reason)' },
    flag: { op: 6, signature: 'function flag(bytes32 contributionId, string reason)' },
    contribution: {
      signature: 'function contribution(bytes32 contributionId) view returns (Contribution contribution)',
    },
    approval: {
      signature: 'function approval(bytes32 contributionId) view returns (Approval approval)',
    },
    contributionCount: { signature: 'function contributionCount() view returns (uint256 count)' },
    contributionAt: {
      signature: 'function contributionAt(uint256 commitSequence) view returns (bytes32 contributionId)',
    },
  },
  events: {
    Committed:
      'event Committed(bytes32 indexed contributionId, uint256 indexed dataNetId, address indexed contributor, uint256 commitSequence, uint256 revealBy, uint256 deposit)',
    Revealed:
      'event Revealed(bytes32 indexed contributionId, uint256 indexed dataNetId, address indexed contributor, bytes32 artifactRoot, uint256 size, uint256 recordCount)',
    Withdrawn: 'event Withdrawn(bytes32 indexed contributionId, uint256 depositBurnt)',
    ApprovalQueued:
      'event ApprovalQueued(bytes32 indexed contributionId, uint256 indexed dataNetId, bytes32 indexed subject)',
    ApprovalFrozen: 'event ApprovalFrozen(bytes32 indexed contributionId, uint8 reason)',
    Approved:
      'event Approved(bytes32 indexed contributionId, uint256 indexed dataNetId, address indexed contributor, uint256 index, uint256 acceptedCount, uint256 recordCount)',
    Rejected: 'event Rejected(bytes32 indexed contributionId, string reason)',
    Flagged: 'event Flagged(bytes32 indexed contributionId, address indexed by, string reason)',
    DepositForfeited: 'event DepositForfeited(bytes32 indexed contributionId, uint256 amount)',
  },
  errors: {
    ...COMMON_ERRORS,
    UnknownDataNet: 'error UnknownDataNet(uint256 id)',
    DataNetNotPublished: 'error DataNetNotPublished(uint256 id)',
    DataNetClosed: 'error DataNetClosed(uint256 id)',
    NotDataNetOwner: 'error NotDataNetOwner(address caller)',
    DepositTooLow: 'error DepositTooLow(uint256 deposit, uint256 required)',
    DuplicateCommitment: 'error DuplicateCommitment(bytes32 contributionId)',
    UnknownContribution: 'error UnknownContribution(bytes32 contributionId)',
    NotContributor: 'error NotContributor(address caller)',
    WrongStatus: 'error WrongStatus(uint8 status)',
    RevealTooLate: 'error RevealTooLate(uint256 revealBy, uint256 blockNumber)',
    CommitmentMismatch: 'error CommitmentMismatch(bytes32 expected, bytes32 revealed)',
    ContributionTooLarge: 'error ContributionTooLarge(uint256 size, uint256 limit)',
    TooManyRecords: 'error TooManyRecords(uint256 count, uint256 limit)',
    RecordTooLarge: 'error RecordTooLarge(uint256 size, uint256 limit)',
    EmptyContribution: 'error EmptyContribution()',
    EmptyRecord: 'error EmptyRecord()',
    ArtifactMismatch:
      'error ArtifactMismatch(uint256 declaredSize, uint256 actualSize, uint256 declaredCount, uint256 actualCount)',
    TooManySubjects: 'error TooManySubjects(uint256 limit)',
  },
});

/** JSON ABI for clients. */
export const abi = contributionInterface.abi;
