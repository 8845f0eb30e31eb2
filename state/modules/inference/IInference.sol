// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IModule} from "../IModule.sol";

/// Inferences: a question with its price in escrow, an answer with its attribution, and who is paid for it.
/// Transaction type 0x53, address 0x4f4c000000000000000000000000000000000053.
interface IInference is IModule {
    struct Snapshot {
        uint256 dataNetId;
        uint256 length;
        bytes32 historyHash;
    }

    /// A record that the prompt of a retrieval model finds.
    struct Citation {
        bytes32 contributionId;
        uint256 dataNetId;
        address contributor;
        /// Its place in the artifact of the contribution
        uint256 recordIndex;
        /// Product of its vector and the prompt's
        uint256 score;
    }

    struct Request {
        bytes32 id;
        uint256 sequence;
        uint256 modelId;
        uint256 modelVersion;
        /// How the answer is attributed: 1 token, 2 retrieval, 3 influence
        uint8 engine;
        address asker;
        /// Zero: every validator answered
        address operator;
        /// 1 open, 2 settled, 3 rejected, 4 expired
        uint8 status;
        uint256 basePrice;
        uint256 pricePerToken;
        uint256 maxOutputTokens;
        uint256 escrow;
        uint256 requestedAt;
        /// Last block in which it can be settled
        uint256 expiryBlock;
        uint256 attributionVersion;
        bytes32 paramsHash;
        bytes32 promptHash;
        /// keccak256 of the pinned record, which the attribution record names
        bytes32 requestHash;
        /// keccak256 of the attribution record (when settled)
        bytes32 attributionHash;
        uint256 fee;
        uint256 outputTokens;
        uint256 closedAt;
        Snapshot[] snapshots;
    }

    event Requested(
        bytes32 indexed requestId,
        uint256 indexed modelId,
        address indexed asker,
        address operator,
        uint256 sequence,
        bytes32 requestHash,
        uint256 escrow,
        uint256 expiryBlock
    );
    event Settled(
        bytes32 indexed requestId,
        uint256 indexed modelId,
        address indexed operator,
        bytes32 attributionHash,
        uint256 fee,
        uint256 outputTokens,
        uint256 uncoveredParts
    );
    /// One part of a fee. share: 0 platform, 1 model or ancestor, 2 stakers, 3 contributor, 4 treasury for what
    /// nobody earned, 5 change to the asker
    event Paid(bytes32 indexed requestId, address indexed to, uint8 indexed share, uint256 amount);
    event SettlementRejected(bytes32 indexed requestId, bytes32 expected, bytes32 posted);
    event Expired(bytes32 indexed requestId, uint256 refund);

    error NotTopLevel();
    error UnknownModel(uint256 modelId);
    error ModelRetired(uint256 modelId);
    error ModelRefused(uint256 modelId);
    error InTraining(uint256 modelId);
    error NotTrained(uint256 modelId);
    error TrainedModel(uint256 modelId);
    error PromptRefused();
    error BondTooLow(uint256 bond, uint256 required);
    error EmptyPrompt();
    error PromptTooLarge(uint256 size, uint256 limit);
    error OutputLimitOutOfRange(uint256 tokens, uint256 limit);
    error EscrowTooLow(uint256 escrow, uint256 required);
    error UnknownRequest(bytes32 requestId);
    error NotOperator(address caller);
    error AlreadySettled(bytes32 requestId);
    error RequestExpired(uint256 expiryBlock, uint256 blockNumber);
    error NotExpired(uint256 expiryBlock, uint256 blockNumber);
    error EmptyOutput();
    error OutputTooLarge(uint256 size, uint256 limit);
    error OutputTooLong(uint256 tokens, uint256 limit);

    /// Asks a model. The value is the escrow: at least maxPrice(modelId, maxOutputTokens); change returns.
    function request(uint256 modelId, string calldata prompt, uint32 maxOutputTokens)
        external
        payable
        returns (bytes32 requestId);
    /// By the operator, as a transaction of its own (not from a contract). A wrong attribution hash does not revert:
    /// the request is closed, the escrow returns and the operator's bond is slashed.
    function settle(bytes32 requestId, string calldata output, bytes32 attributionHash)
        external
        returns (bool accepted);
    /// Asks a model that the chain trained, as a transaction of its own (not from a contract): every validator answers,
    /// and who is credited is paid at once. The value is at least the price; change returns.
    function infer(uint256 modelId, string calldata prompt)
        external
        payable
        returns (bytes32 requestId, string memory output);
    /// By anyone after the expiry block: returns the escrow to the asker.
    function expire(bytes32 requestId) external;

    function inference(bytes32 requestId) external view returns (Request memory request);
    /// Requests so far; their sequence numbers run from 1 to this number.
    function requestCount() external view returns (uint256 count);
    function requestAt(uint256 sequence) external view returns (bytes32 requestId);
    function prompt(bytes32 requestId) external view returns (string memory prompt);
    function output(bytes32 requestId) external view returns (string memory output);
    function attributionRecord(bytes32 requestId) external view returns (bytes memory record);
    /// The records that the prompt finds, the nearest first; only of settled requests to models with engine 2.
    function citations(bytes32 requestId) external view returns (Citation[] memory citations);
    function maxPrice(uint256 modelId, uint32 maxOutputTokens) external view returns (uint256 price);
}
