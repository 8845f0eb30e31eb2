import { defineInterface } from '../abi.ts';
import { moduleAddress, TYPE } from '../addresses.ts';
import { COMMON_ERRORS } from '../common.ts';

/** IDataNet.sol, as the node reads it. Operation numbers are those of transaction type 0x50. */
export const dataNetInterface = defineInterface({
  name: 'IDataNet',
  address: moduleAddress(TYPE.datanet),
  structs: {
    DataNet:
      'uint256 id, address owner, uint8 status, uint8 policy, uint256 createdAt, uint256 length, bytes32 historyHash, string name, string summary, string description, string[] tags, string payoutNote',
    Entry:
      'bytes32 contributionId, uint256 dataNetId, address contributor, uint256 commitSequence, bytes32 artifactRoot, uint256 recordCount, bytes accepted, bytes32 historyHash',
  },
  functions: {
    create: {
      op: 1,
      signature:
        'function create(string name, string summary, string description, string[] tags) returns (uint256 id)',
    },
    amend: {
      op: 2,
      signature: 'function amend(uint256 id, string summary, string description, string[] tags)',
    },
    publish: { op: 3, signature: 'function publish(uint256 id)' },
    setPolicy: { op: 4, signature: 'function setPolicy(uint256 id, uint8 policy, string payoutNote)' },
    transfer: { op: 5, signature: 'function transfer(uint256 id, address to)' },
    retire: { op: 6, signature: 'function retire(uint256 id)' },
    dataNet: { signature: 'function dataNet(uint256 id) view returns (DataNet dataNet)' },
    dataNetCount: { signature: 'function dataNetCount() view returns (uint256 count)' },
    snapshot: {
      signature: 'function snapshot(uint256 id) view returns (uint256 length, bytes32 historyHash)',
    },
    entry: { signature: 'function entry(uint256 id, uint256 index) view returns (Entry entry)' },
  },
  events: {
    Created: 'event Created(uint256 indexed id, address indexed owner, string name)',
    Amended: 'event Amended(uint256 indexed id)',
    Published: 'event Published(uint256 indexed id)',
    PolicySet: 'event PolicySet(uint256 indexed id, uint8 policy, string payoutNote)',
    Transferred: 'event Transferred(uint256 indexed id, address indexed from, address indexed to)',
    Retired: 'event Retired(uint256 indexed id)',
    SequenceExtended:
      'event SequenceExtended(uint256 indexed id, bytes32 indexed contributionId, uint256 index, bytes32 historyHash)',
  },
  errors: {
    ...COMMON_ERRORS,
    UnknownDataNet: 'error UnknownDataNet(uint256 id)',
    NotDataNetOwner: 'error NotDataNetOwner(address caller)',
    DataNetRetired: 'error DataNetRetired(uint256 id)',
    AlreadyPublished: 'error AlreadyPublished(uint256 id)',
    EmptyName: 'error EmptyName()',
    TooManyTags: 'error TooManyTags(uint256 count, uint256 limit)',
    UnknownPolicy: 'error UnknownPolicy(uint8 policy)',
    ZeroAddress: 'error ZeroAddress()',
    UnknownEntry: 'error UnknownEntry(uint256 id, uint256 index)',
  },
});

/** JSON ABI for clients. */
export const abi = dataNetInterface.abi;
