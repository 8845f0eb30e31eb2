import { defineInterface } from '../abi.ts';
import { moduleAddress, TYPE } from '../addresses.ts';
import { COMMON_ERRORS } from '../common.ts';

/** IInference.sol, as the node reads it. Operation numbers are those of transaction type 0x53. */
export const inferenceInterface = defineInterface({
  name: 'IInference',
  address: moduleAddress(TYPE.inference),
  structs: {
    Snapshot: 'uint256 dataNetId, uint256 length, bytes32 historyHash',
    Citation:
      'bytes32 contributionId, uint256 dataNetId, address contributor, uint256 recordIndex, uint256 score',
    Request:
      'bytes32 id, uint256 sequence, uint256 modelId, uint256 modelVersion, uint8 engine, address asker, address operator, uint8 status, uint256 basePrice, uint256 pricePerToken, uint256 maxOutputTokens, uint256 escrow, uint256 requestedAt, uint256 expiryBlock, uint256 attributionVersion, bytes32 paramsHash, bytes32 promptHash, bytes32 requestHash, bytes32 attributionHash, uint256 fee, uint256 outputTokens, uint256 closedAt, Snapshot[] snapshots',
  },
  functions: {
    request: {
      op: 1,
      signature:
        'function request(uint256 modelId, string prompt, uint32 maxOutputTokens) payable returns (bytes32 requestId)',
    },
    settle: {
      op: 2,
      signature:
        'function settle(bytes32 requestId, string output, bytes32 attributionHash) returns (bool accepted)',
    },
    infer: {
      op: 3,
      signature:
        'function infer(uint256 modelId, string prompt) payable returns (bytes32 requestId, string output)',
    },
    expire: { op: 4, signature: 'function expire(bytes32 requestId)' },
    inference: { signature: 'function inference(bytes32 requestId) view returns (Request request)' },
    requestCount: { signature: 'function requestCount() view returns (uint256 count)' },
    requestAt: { signature: 'function requestAt(uint256 sequence) view returns (bytes32 requestId)' },
    prompt: { signature: 'function prompt(bytes32 requestId) view returns (string prompt)' },
    output: { signature: 'function output(bytes32 requestId) view returns (string output)' },
    attributionRecord: {
      signature: 'function attributionRecord(bytes32 requestId) view returns (bytes record)',
    },
    citations: {
      signature: 'function citations(bytes32 requestId) view returns (Citation[] citations)',
    },
    maxPrice: {
      signature: 'function maxPrice(uint256 modelId, uint32 maxOutputTokens) view returns (uint256 price)',
    },
  },
  events: {
    Requested:
      'event Requested(bytes32 indexed requestId, uint256 indexed modelId, address indexed asker, address operator, uint256 sequence, bytes32 requestHash, uint256 escrow, uint256 expiryBlock)',
    Settled:
      'event Settled(bytes32 indexed requestId, uint256 indexed modelId, address indexed operator, bytes32 attributionHash, uint256 fee, uint256 outputTokens, uint256 uncoveredParts)',
    Paid: 'event Paid(bytes32 indexed requestId, address indexed to, uint8 indexed share, uint256 amount)',
    SettlementRejected:
      'event SettlementRejected(bytes32 indexed requestId, bytes32 expected, bytes32 posted)',
    Expired: 'event Expired(bytes32 indexed requestId, uint256 refund)',
  },
  errors: {
    ...COMMON_ERRORS,
    NotTopLevel: 'error NotTopLevel()',
    UnknownModel: 'error UnknownModel(uint256 modelId)',
    ModelRetired: 'error ModelRetired(uint256 modelId)',
    ModelRefused: 'error ModelRefused(uint256 modelId)',
    InTraining: 'error InTraining(uint256 modelId)',
    NotTrained: 'error NotTrained(uint256 modelId)',
    TrainedModel: 'error TrainedModel(uint256 modelId)',
    PromptRefused: 'error PromptRefused()',
    BondTooLow: 'error BondTooLow(uint256 bond, uint256 required)',
    EmptyPrompt: 'error EmptyPrompt()',
    PromptTooLarge: 'error PromptTooLarge(uint256 size, uint256 limit)',
    OutputLimitOutOfRange: 'error OutputLimitOutOfRange(uint256 tokens, uint256 limit)',
    EscrowTooLow: 'error EscrowTooLow(uint256 escrow, uint256 required)',
    UnknownRequest: 'error UnknownRequest(bytes32 requestId)',
    NotOperator: 'error NotOperator(address caller)',
    AlreadySettled: 'error AlreadySettled(bytes32 requestId)',
    RequestExpired: 'error RequestExpired(uint256 expiryBlock, uint256 blockNumber)',
    NotExpired: 'error NotExpired(uint256 expiryBlock, uint256 blockNumber)',
    EmptyOutput: 'error EmptyOutput()',
    OutputTooLarge: 'error OutputTooLarge(uint256 size, uint256 limit)',
    OutputTooLong: 'error OutputTooLong(uint256 tokens, uint256 limit)',
  },
});

/** JSON ABI for clients. */
export const abi = inferenceInterface.abi;
