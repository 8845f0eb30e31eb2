/** Every decoder that is given bytes from the network or from the disk, and what it promises. */

import {
  decodeAttributionRecord,
  encodeAttributionRecord,
} from '../../attribution/credit/attribution-record.ts';
import { AttributionError } from '../../attribution/errors.ts';
import {
  decodeRetrievalRecord,
  encodeRetrievalRecord,
} from '../../attribution/retrieval/retrieval-record.ts';
import { ModelError } from '../../attribution/runtime/errors.ts';
import { readModel } from '../../attribution/runtime/onnx.ts';
import {
  decodeInfluenceRecord,
  decodeTrained,
  decodeTrainingObject,
  decodeTrainingSpec,
  encodeInfluenceRecord,
  encodeTrainingObject,
  encodeTrainingSpec,
} from '../../attribution/trained/api.ts';
import {
  decodeCertificate,
  decodeEvidence,
  decodeLastCommit,
  decodeVotes,
  encodeCertificate,
  encodeEvidence,
  encodeLastCommit,
  encodeVotes,
} from '../../consensus/codec.ts';
import { ConsensusError } from '../../consensus/errors.ts';
import { decodeValidatorSet, encodeValidatorSet } from '../../consensus/validator-set/set.ts';
import { scanFrames } from '../../consensus/wal/frame.ts';
import { decodeLastSigned, encodeLastSigned } from '../../consensus/wal/last-signed.ts';
import { decodeRecord, encodeRecord } from '../../consensus/wal/records.ts';
import { DEVNET_PARAMS } from '../../genesis/parameters.ts';
import { GenesisError, parseGenesis } from '../../genesis/schema.ts';
import { readImageFile } from '../../node/attribution-pool/image-file.ts';
import { SEGMENT_FILE } from '../../node/attribution-pool/segment-store.ts';
import { VECTOR_FILE } from '../../node/attribution-pool/vector-store.ts';
import { decodeBatch } from '../../node/mempool/index.ts';
import { scanJournal } from '../../node/mempool/journal.ts';
import { decodeAddresses, encodeAddresses } from '../../node/network/peer-exchange.ts';
import { decodeStatus as decodeHello, encodeStatus as encodeHello } from '../../node/network/status.ts';
import {
  decodeBlockQuestion,
  decodeProposalMessage,
  decodeRangeAnswer,
  decodeRangeQuestion,
  decodeStatus,
  decodeStatusAnswer,
  encodeBlockQuestion,
  encodeProposalMessage,
  encodeRangeAnswer,
  encodeRangeQuestion,
  encodeStatus,
  encodeStatusAnswer,
} from '../../node/validator/messages.ts';
import { decodeAccount, encodeAccount } from '../../state/accounts/account.ts';
import { decodeNode } from '../../state/accounts/nodes.ts';
import { decodeBlock, encodeBlock } from '../../state/block/codec.ts';
import { decodeStoredReceipts } from '../../state/block/receipts.ts';
import { decodeHead, encodeHead } from '../../state/db/head-record.ts';
import { decodeCreation, decodePositions, encodePositions } from '../../state/indexes/postings.ts';
import { AbiDecodeError } from '../../state/modules/abi/codec.ts';
import { decodeApproval } from '../../state/modules/contribution/approval.ts';
import { encodeRoot, readRootObject } from '../../state/modules/model/root-storage.ts';
import { decodeRlp, encodeRlp, RlpError, type RlpItem } from '../../state/rlp.ts';
import { decodeChunk, decodeManifest, encodeManifest, SnapshotError } from '../../state/snapshot/format.ts';
import { TransactionError } from '../../state/transactions/errors.ts';
import { decodeIncluded } from '../../state/transactions/system.ts';
import { Fault, type Hex } from '../../state/types.ts';

export interface FuzzTarget {
  readonly name: string;
  readonly from: 'network' | 'disk';
  /** undefined where the decoder's way to refuse is undefined. @throws only one of `errors` */
  readonly decode: (bytes: Uint8Array) => unknown;
  /** Where one value has one encoding: what was accepted must encode to the very bytes. */
  readonly encode?: (value: never) => Uint8Array;
  readonly errors: readonly (new (...args: never[]) => Error)[];
}

function target<T>(
  from: FuzzTarget['from'],
  name: string,
  decode: (bytes: Uint8Array) => T | undefined,
  errors: FuzzTarget['errors'],
  encode?: (value: T) => Uint8Array,
): FuzzTarget {
  return { name, from, decode, errors, ...(encode === undefined ? {} : { encode: encode as never }) };
}

const CONSENSUS = [ConsensusError];
const { chainId } = DEVNET_PARAMS;
const NO_HASH = () => new Uint8Array(32);
/** Of the snapshots whose root is read. */
const ROOT_ID: Hex = `0x${'52'.repeat(32)}`;

export const TARGETS: readonly FuzzTarget[] = [
  target('network', 'votes', decodeVotes, CONSENSUS, encodeVotes),
  target('network', 'proposal', decodeProposalMessage, CONSENSUS, encodeProposalMessage),
  target('network', 'status-question', decodeStatus, CONSENSUS, encodeStatus),
  target('network', 'status-answer', decodeStatusAnswer, CONSENSUS, encodeStatusAnswer),
  target('network', 'block-question', decodeBlockQuestion, CONSENSUS, encodeBlockQuestion),
  target('network', 'range-question', decodeRangeQuestion, CONSENSUS, encodeRangeQuestion),
  target('network', 'range-answer', decodeRangeAnswer, CONSENSUS, encodeRangeAnswer),
  target('network', 'certificate', decodeCertificate, CONSENSUS, encodeCertificate),
  target('network', 'evidence', decodeEvidence, CONSENSUS, encodeEvidence),
  target('network', 'last-commit', decodeLastCommit, CONSENSUS, encodeLastCommit),
  target('network', 'hello', decodeHello, [], encodeHello),
  target('network', 'addresses', decodeAddresses, [], encodeAddresses),
  target('network', 'transaction-batch', decodeBatch, []),
  target('network', 'transaction', (bytes) => decodeIncluded(bytes, chainId), [TransactionError]),
  target('network', 'block', decodeBlock, [RlpError, ConsensusError], encodeBlock),
  target('network', 'rlp', (bytes) => decodeRlp(bytes), [RlpError], encodeRlp),
  target('network', 'model', readModel, [ModelError]),
  target(
    'network',
    'attribution-record',
    decodeAttributionRecord,
    [AttributionError],
    encodeAttributionRecord,
  ),
  target('network', 'retrieval-record', decodeRetrievalRecord, [AttributionError], encodeRetrievalRecord),
  target('network', 'influence-record', decodeInfluenceRecord, [AttributionError], encodeInfluenceRecord),
  target('network', 'training-object', decodeTrainingObject, [AttributionError], encodeTrainingObject),
  target('network', 'training-spec', decodeTrainingSpec, [AttributionError], encodeTrainingSpec),
  target('network', 'approval', (bytes) => decodeApproval(bytes.subarray(32)), [AbiDecodeError]),
  target(
    'network',
    'root-object',
    (bytes) => readRootObject(bytes, ROOT_ID),
    [],
    (root) => encodeRoot(ROOT_ID, root),
  ),
  target('network', 'snapshot-manifest', decodeManifest, [SnapshotError], encodeManifest),
  target('network', 'snapshot-chunk', decodeChunk, [SnapshotError], (parts) => encodeRlp(parts as RlpItem[])),
  target('disk', 'wal', readLog, CONSENSUS),
  target('disk', 'wal-record', readOneRecord, CONSENSUS, encodeRecord),
  target('disk', 'last-signed', (bytes) => decodeLastSigned(bytes, 'file'), CONSENSUS, encodeLastSigned),
  target('disk', 'validator-set', decodeValidatorSet, CONSENSUS, encodeValidatorSet),
  target('disk', 'head', decodeHead, [RlpError, ConsensusError], encodeHead),
  target('disk', 'account', decodeAccount, [RlpError], encodeAccount),
  target('disk', 'trie-node', decodeNode, [RlpError, Fault]),
  target('disk', 'receipts', decodeStoredReceipts, [RlpError]),
  target('disk', 'postings', decodePositions, [Fault], encodePositions),
  target('disk', 'creation', decodeCreation, [Fault]),
  target('disk', 'pool-journal', (bytes) => scanJournal(Buffer.from(bytes)), []),
  // Without the hash that would refuse every change: what stands behind it is to be judged.
  target('disk', 'trained', (bytes) => decodeTrained(bytes, NO_HASH), [AttributionError]),
  target('disk', 'segment', (bytes) => readImageFile(SEGMENT_FILE, Uint8Array.from(bytes)), []),
  target('disk', 'vectors', (bytes) => readImageFile(VECTOR_FILE, Uint8Array.from(bytes)), []),
  target('disk', 'genesis', (bytes) => parseGenesis(Buffer.from(bytes).toString()), [GenesisError]),
];

function readLog(bytes: Uint8Array): unknown {
  const scan = scanFrames(bytes);
  return scan.frames.map(decodeRecord);
}

/** A log of one whole record. */
function readOneRecord(bytes: Uint8Array): ReturnType<typeof decodeRecord> | undefined {
  const scan = scanFrames(bytes);
  if (scan.result === 'damaged' || scan.torn || scan.frames.length !== 1) return undefined;
  return decodeRecord(scan.frames[0]!);
}
