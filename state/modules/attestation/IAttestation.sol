// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {IModule} from "../IModule.sol";

/// Work that validators do beside the blocks, and what they say its result is.
/// Transaction type 0x54 (without a fee, see README.md), address 0x4f4c000000000000000000000000000000000054.
interface IAttestation is IModule {
    struct Subject {
        bytes32 key;
        /// 1 approval of a contribution
        uint8 kind;
        /// What it is about: the contribution
        bytes32 id;
        /// Number over the whole chain, from 1
        uint256 sequence;
        /// 1 open, 2 attested, 3 active, 4 frozen
        uint8 status;
        /// Why it is frozen: 1 disagreement, 2 expired, 3 malformed, 4 superseded; 0 otherwise
        uint8 reason;
        /// Members of the validator set of this block attest
        uint256 openedAt;
        /// Block in which the status became what it is; 0 while open
        uint256 settledAt;
        /// While attested: first block that may carry the object; 0 otherwise
        uint256 activeFrom;
        /// Root with more than two thirds of the power; zero before
        bytes32 root;
        /// Power that has attested anything, most power of one root, all power
        uint256 votedPower;
        uint256 bestPower;
        uint256 totalPower;
    }

    struct Attestation {
        address validator;
        uint256 power;
        /// Zero: nothing yet
        bytes32 root;
    }

    event SubjectOpened(bytes32 indexed key, uint8 indexed kind, bytes32 indexed id, uint256 sequence);
    event Attested(bytes32 indexed key, address indexed validator, bytes32 root, uint256 power);
    event SubjectAttested(bytes32 indexed key, bytes32 root, uint256 activeFrom);
    event SubjectActivated(bytes32 indexed key, bytes32 root);
    event SubjectFrozen(bytes32 indexed key, uint8 reason);
    event DoubleAttestation(
        bytes32 indexed key, address indexed validator, bytes32 first, bytes32 second
    );

    error UnknownSubject(bytes32 key);
    /// Validators have as much to do as they may have at the same time.
    error TooManySubjects(uint256 limit);

    function subject(bytes32 key) external view returns (Subject memory subject);
    /// All who may attest, in the order of their addresses.
    function attestations(bytes32 key) external view returns (Attestation[] memory attestations);
    /// 0 for a key that is unknown.
    function status(bytes32 key) external view returns (uint8 status);
    function subjectCount() external view returns (uint256 count);
    function subjectAt(uint256 sequence) external view returns (bytes32 key);
    /// Open or attested, oldest first.
    function openSubjects() external view returns (bytes32[] memory keys);
}
