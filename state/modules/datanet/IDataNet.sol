// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IModule} from "../IModule.sol";

/// DataNets: named, append-only sequences of approved contributions. Transaction type 0x50,
/// address 0x4f4c000000000000000000000000000000000050.
interface IDataNet is IModule {
    struct DataNet {
        uint256 id;
        address owner;
        /// 1 draft, 2 published, 3 retired
        uint8 status;
        /// 0 open (anyone may contribute), 1 closed (only the owner)
        uint8 policy;
        /// Block of its creation
        uint256 createdAt;
        /// Approved contributions so far, and the hash of that history
        uint256 length;
        bytes32 historyHash;
        string name;
        string summary;
        string description;
        string[] tags;
        string payoutNote;
    }

    struct Entry {
        bytes32 contributionId;
        uint256 dataNetId;
        address contributor;
        uint256 commitSequence;
        bytes32 artifactRoot;
        uint256 recordCount;
        /// Bit i (least significant first in byte i / 8) is set when record i was accepted
        bytes accepted;
        /// Hash of the history up to and with this entry
        bytes32 historyHash;
    }

    event Created(uint256 indexed id, address indexed owner, string name);
    event Amended(uint256 indexed id);
    event Published(uint256 indexed id);
    event PolicySet(uint256 indexed id, uint8 policy, string payoutNote);
    event Transferred(uint256 indexed id, address indexed from, address indexed to);
    event Retired(uint256 indexed id);
    event SequenceExtended(
        uint256 indexed id, bytes32 indexed contributionId, uint256 index, bytes32 historyHash
    );

    error UnknownDataNet(uint256 id);
    error NotDataNetOwner(address caller);
    error DataNetRetired(uint256 id);
    error AlreadyPublished(uint256 id);
    error EmptyName();
    error TooManyTags(uint256 count, uint256 limit);
    error UnknownPolicy(uint8 policy);
    error ZeroAddress();
    error UnknownEntry(uint256 id, uint256 index);

    /// Creates a draft that the caller owns. The name never changes.
    function create(
        string calldata name,
        string calldata summary,
        string calldata description,
        string[] calldata tags
    ) external returns (uint256 id);
    function amend(
        uint256 id,
        string calldata summary,
        string calldata description,
        string[] calldata tags
    ) external;
    /// Opens a draft for contributions.
    function publish(uint256 id) external;
    function setPolicy(uint256 id, uint8 policy, string calldata payoutNote) external;
    function transfer(uint256 id, address to) external;
    /// Takes no more contributions and no new pins; what is pinned stays.
    function retire(uint256 id) external;

    function dataNet(uint256 id) external view returns (DataNet memory dataNet);
    /// Ids run from 1 to this number.
    function dataNetCount() external view returns (uint256 count);
    /// What a model pins: the length of the sequence and the hash of that history.
    function snapshot(uint256 id) external view returns (uint256 length, bytes32 historyHash);
    function entry(uint256 id, uint256 index) external view returns (Entry memory entry);
}
