// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IModule} from "../IModule.sol";

/// Contributions: committed by hash, revealed with their bytes, approved into a DataNet's sequence.
/// Transaction type 0x51, address 0x4f4c000000000000000000000000000000000051.
interface IContribution is IModule {
    struct Contribution {
        bytes32 id;
        uint256 dataNetId;
        address contributor;
        /// 1 committed, 2 revealed, 3 approved (in the DataNet), 4 rejected, 5 withdrawn, 6 forfeited,
        /// 7 queued (approved, validators attest what it brings), 8 frozen (they could not)
        uint8 status;
        bytes32 commitment;
        /// Chain-wide number of the commit: the order key of its records
        uint256 commitSequence;
        uint256 commitBlock;
        /// Last block in which it can be revealed
        uint256 revealBy;
        uint256 deposit;
        bytes32 artifactRoot;
        uint256 size;
        uint256 recordCount;
        string licence;
        string metadata;
        /// Place in the DataNet's sequence (when approved)
        uint256 sequenceIndex;
        uint256 acceptedCount;
        /// Bit i (least significant first in byte i / 8) is set when record i was accepted
        bytes accepted;
        uint256 flags;
    }

    /// What validators attested about a contribution; empty before it stands in the DataNet
    struct Approval {
        /// Of the attestation module, IAttestation; zero before the first approval
        bytes32 subject;
        uint8 status;
        /// Tokens of all its records, refused ones included
        uint256 tokens;
        /// Accepted records that are like none before them, their bytes and tokens
        uint256 novelRecords;
        uint256 novelBytes;
        uint256 novelTokens;
        /// Of novelTokens those that are not quoted from earlier contributions to the DataNet
        uint256 unquotedTokens;
        bytes accepted;
        /// 8 bytes a record: order key of the founder of its cluster (commit sequence * 65536 + index), zero if refused
        bytes founders;
    }

    event Committed(
        bytes32 indexed contributionId,
        uint256 indexed dataNetId,
        address indexed contributor,
        uint256 commitSequence,
        uint256 revealBy,
        uint256 deposit
    );
    event Revealed(
        bytes32 indexed contributionId,
        uint256 indexed dataNetId,
        address indexed contributor,
        bytes32 artifactRoot,
        uint256 size,
        uint256 recordCount
    );
    event Withdrawn(bytes32 indexed contributionId, uint256 depositBurnt);
    /// The owner approved it; records enter the DataNet when validators have attested the subject.
    event ApprovalQueued(
        bytes32 indexed contributionId, uint256 indexed dataNetId, bytes32 indexed subject
    );
    /// Reasons: IAttestation. The owner may approve it again.
    event ApprovalFrozen(bytes32 indexed contributionId, uint8 reason);
    /// It stands in the DataNet: in a transaction of type 0x54, some blocks after the approval.
    event Approved(
        bytes32 indexed contributionId,
        uint256 indexed dataNetId,
        address indexed contributor,
        uint256 index,
        uint256 acceptedCount,
        uint256 recordCount
    );
    event Rejected(bytes32 indexed contributionId, string reason);
    event Flagged(bytes32 indexed contributionId, address indexed by, string reason);
    event DepositForfeited(bytes32 indexed contributionId, uint256 amount);

    error UnknownDataNet(uint256 id);
    error DataNetNotPublished(uint256 id);
    error DataNetClosed(uint256 id);
    error NotDataNetOwner(address caller);
    error DepositTooLow(uint256 deposit, uint256 required);
    error DuplicateCommitment(bytes32 contributionId);
    error UnknownContribution(bytes32 contributionId);
    error NotContributor(address caller);
    error WrongStatus(uint8 status);
    error RevealTooLate(uint256 revealBy, uint256 blockNumber);
    error CommitmentMismatch(bytes32 expected, bytes32 revealed);
    error ContributionTooLarge(uint256 size, uint256 limit);
    error TooManyRecords(uint256 count, uint256 limit);
    error RecordTooLarge(uint256 size, uint256 limit);
    error EmptyContribution();
    error EmptyRecord();
    error ArtifactMismatch(
        uint256 declaredSize, uint256 actualSize, uint256 declaredCount, uint256 actualCount
    );
    /// Validators have as much to do as they may have at the same time: try again later.
    error TooManySubjects(uint256 limit);

    /// Takes a place in the order. The value is the deposit: it returns with the reveal and is lost without one.
    /// commitment = keccak256("OL/contribution/commit/v1" || sender || uint256 dataNetId || artifactRoot ||
    /// uint256 size || salt); the id is keccak256("OL/contribution/id/v1" || uint256 dataNetId || sender ||
    /// commitment).
    function commit(uint256 dataNetId, bytes32 commitment)
        external
        payable
        returns (bytes32 contributionId);
    /// Names the bytes; they must have been uploaded to a node before.
    function reveal(
        bytes32 contributionId,
        bytes32 artifactRoot,
        uint256 size,
        uint256 recordCount,
        string calldata licence,
        string calldata metadata,
        bytes32 salt
    ) external;
    /// Before approval, by the contributor. An unrevealed deposit is lost.
    function withdraw(bytes32 contributionId) external;
    /// By the DataNet's owner: queues it. What is new to the DataNet is attested by validators and enters it then.
    function approve(bytes32 contributionId) external returns (bytes32 subject);
    /// By the DataNet's owner.
    function reject(bytes32 contributionId, string calldata reason) external;
    /// By anyone: a public remark, without further effect.
    function flag(bytes32 contributionId, string calldata reason) external;

    function contribution(bytes32 contributionId) external view returns (Contribution memory contribution);
    function approval(bytes32 contributionId) external view returns (Approval memory approval);
    /// Commits so far; their sequence numbers run from 1 to this number.
    function contributionCount() external view returns (uint256 count);
    function contributionAt(uint256 commitSequence) external view returns (bytes32 contributionId);
}
