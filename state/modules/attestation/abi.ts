import { defineInterface } from '../abi.ts';
import { moduleAddress, TYPE } from '../addresses.ts';
import { COMMON_ERRORS } from '../common.ts';

/** IAttestation.sol, as the node reads it. Validators attest by transactions without a fee, so there are only views. */
export const attestationInterface = defineInterface({
  name: 'IAttestation',
  address: moduleAddress(TYPE.attestation),
  structs: {
    Subject:
      'bytes32 key, uint8 kind, bytes32 id, uint256 sequence, uint8 status, uint8 reason, uint256 openedAt, uint256 settledAt, uint256 activeFrom, bytes32 root, uint256 votedPower, uint256 bestPower, uint256 totalPower',
    Attestation: 'address validator, uint256 power, bytes32 root',
  },
  functions: {
    subject: { signature: 'function subject(bytes32 key) view returns (Subject subject)' },
    attestations: {
      signature: 'function attestations(bytes32 key) view returns (Attestation[] attestations)',
    },
    status: { signature: 'function status(bytes32 key) view returns (uint8 status)' },
    subjectCount: { signature: 'function subjectCount() view returns (uint256 count)' },
    subjectAt: { signature: 'function subjectAt(uint256 sequence) view returns (bytes32 key)' },
    openSubjects: { signature: 'function openSubjects() view returns (bytes32[] keys)' },
  },
  events: {
    SubjectOpened:
      'event SubjectOpened(bytes32 indexed key, uint8 indexed kind, bytes32 indexed id, uint256 sequence)',
    Attested: 'event Attested(bytes32 indexed key, address indexed validator, bytes32 root, uint256 power)',
    SubjectAttested: 'event SubjectAttested(bytes32 indexed key, bytes32 root, uint256 activeFrom)',
    SubjectActivated: 'event SubjectActivated(bytes32 indexed key, bytes32 root)',
    SubjectFrozen: 'event SubjectFrozen(bytes32 indexed key, uint8 reason)',
    DoubleAttestation:
      'event DoubleAttestation(bytes32 indexed key, address indexed validator, bytes32 first, bytes32 second)',
  },
  errors: {
    ...COMMON_ERRORS,
    UnknownSubject: 'error UnknownSubject(bytes32 key)',
    TooManySubjects: 'error TooManySubjects(uint256 limit)',
  },
});

/** JSON ABI for clients. */
export const abi = attestationInterface.abi;
