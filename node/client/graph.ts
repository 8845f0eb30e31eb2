/** The file of a graph on its way to the chain: a contribution that nobody needs to approve, whose records are base64. */
import { keccakHex } from '../../state/crypto.ts';
import type { Hex } from '../../state/types.ts';
import type { Account, ChainClient } from './client.ts';
import { contribute } from './contribute.ts';

/** Bytes of the file in one record: 64 KiB of base64, below what any chain lets a record have. */
const RECORD_BYTES = 49_152;

export interface GraphPlace {
  readonly contributionId: Hex;
  readonly artifactRoot: Hex;
}

/** The file as records: base64 of one piece after another. */
export function graphRecords(file: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at < file.length; at += RECORD_BYTES)
    records.push(Buffer.from(Buffer.from(file.subarray(at, at + RECORD_BYTES)).toString('base64')));
  return records;
}

/**
 * Commits, uploads and reveals the file. The salt follows from file, account and DataNet, so that the same call after an
 * interruption goes on where it stopped, and once it is done costs nothing.
 * @throws UserError as `contribute`
 */
export async function putGraph(
  client: ChainClient,
  account: Account,
  { dataNetId, file }: { readonly dataNetId: bigint; readonly file: Uint8Array },
  signal?: AbortSignal,
): Promise<GraphPlace> {
  const salt = keccakHex(Buffer.from(`OL/graph/v1 ${account.address} ${dataNetId} ${keccakHex(file)}`));
  const { id, root } = await contribute(
    client,
    account,
    { dataNetId, records: graphRecords(file), licence: 'CC0-1.0', metadata: 'ONNX graph in base64', salt },
    {},
    signal,
  );
  return { contributionId: id, artifactRoot: root };
}
