/** What the chain is for, told once in the tests of the RPC: data, a model, a question, an answer, a payment. */
import { merkleRoot } from '../../../node/artifacts/merkle.ts';
import { toHex } from '../../../state/crypto.ts';
import { commitmentOf } from '../../../state/modules/contribution/views.ts';
import {
  contributionInterface,
  dataNetInterface,
  inferenceInterface,
  modelInterface,
} from '../../../state/modules/interfaces.ts';
import type { Hex } from '../../../state/types.ts';
import { accountAddress } from '../state/support.ts';
import { http, rpcCall } from './support.ts';
import type { TestNode } from './test-node.ts';

export const OPEN = 10n ** 18n;
/** Accounts of the test chain. */
export const OWNER = 0;
export const ANNA = 1;
export const BEN = 2;
export const OPERATOR = 3;
export const ASKER = 4;

export const ANNAS_TEXT = 'The harbour froze in the winter of 1709 and the ships could not leave.';
export const BENS_TEXT = 'Bread was sold by weight, and bakers who cheated were led through the town.';
export const PROMPT = 'What happened in the old town?';
export const OUTPUT =
  'It is told that the harbour froze in the winter of 1709, and <b>bakers who cheated were led through the town</b>.';

export function framed(leaves: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    leaves.flatMap((leaf) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(leaf.length);
      return [length, leaf];
    }),
  );
}

export interface Upload {
  who: number;
  dataNetId: number;
  texts: string[];
  salt: Hex;
}

export function uploadPath({ who, dataNetId, texts, salt }: Upload): {
  path: string;
  root: Hex;
  size: number;
  leaves: Uint8Array[];
} {
  const leaves = texts.map((text) => new Uint8Array(Buffer.from(text)));
  const root = toHex(merkleRoot(leaves));
  const size = leaves.reduce((sum, leaf) => sum + leaf.length, 0);
  const query = new URLSearchParams({
    datanet: String(dataNetId),
    sender: accountAddress(who),
    salt,
    size: String(size),
    root,
  });
  return { path: `/artifacts?${query}`, root, size, leaves };
}

/** Commit only. */
export async function commit(node: TestNode, upload: Upload): Promise<Hex> {
  const { root, size } = uploadPath(upload);
  const commitment = commitmentOf({
    sender: accountAddress(upload.who),
    dataNetId: upload.dataNetId,
    artifactRoot: root,
    size,
    salt: upload.salt,
  });
  const { receipt } = await node.perform(
    upload.who,
    contributionInterface,
    contributionInterface.nativeCall('commit', [BigInt(upload.dataNetId), commitment]),
    { value: node.chain.genesis.params.contribution.commitDeposit },
  );
  return node.event(receipt, 'Committed')['contributionId'] as Hex;
}

/** Commit, upload, reveal, approve. */
export async function contribute(node: TestNode, upload: Upload): Promise<Hex> {
  const id = await commit(node, upload);
  const { path, root, size, leaves } = uploadPath(upload);
  const answer = await http(node.url, {
    path,
    body: framed(leaves),
    headers: { 'content-type': 'application/octet-stream' },
  });
  if (answer.status !== 200) throw new Error(`upload refused: ${answer.body}`);
  await node.perform(
    upload.who,
    contributionInterface,
    contributionInterface.nativeCall('reveal', [
      id,
      root,
      BigInt(size),
      BigInt(leaves.length),
      'CC-BY-4.0',
      '{}',
      upload.salt,
    ]),
  );
  await node.perform(OWNER, contributionInterface, contributionInterface.nativeCall('approve', [id]));
  await node.attest();
  return id;
}

export interface Told {
  dataNetId: number;
  modelId: number;
  requestId: Hex;
  settleHash: Hex;
  contributions: { anna: Hex; ben: Hex };
}

export async function tell(node: TestNode, hostile = ''): Promise<Told> {
  const created = await node.perform(
    OWNER,
    dataNetInterface,
    dataNetInterface.nativeCall('create', [
      `Town chronicle${hostile}`,
      `Old news${hostile}`,
      'What was *written* down.',
      ['history', `town${hostile}`],
    ]),
  );
  const dataNetId = Number(node.event(created.receipt, 'Created')['id']);
  await node.perform(OWNER, dataNetInterface, dataNetInterface.nativeCall('publish', [BigInt(dataNetId)]));
  const anna = await contribute(node, {
    who: ANNA,
    dataNetId,
    texts: [ANNAS_TEXT],
    salt: `0x${'aa'.repeat(32)}`,
  });
  const ben = await contribute(node, {
    who: BEN,
    dataNetId,
    texts: [BENS_TEXT, 'Nothing else was noted.'],
    salt: `0x${'bb'.repeat(32)}`,
  });
  const registered = await node.perform(
    OPERATOR,
    modelInterface,
    modelInterface.nativeCall('register', [
      4n,
      1n,
      `Chronicler${hostile}`,
      `Tells of the town.${hostile}`,
      [],
      [],
      [BigInt(dataNetId)],
      accountAddress(OPERATOR),
      accountAddress(OPERATOR),
      OPEN,
      OPEN / 1000n,
    ]),
    { value: 1_000n * OPEN },
  );
  const modelId = Number(node.event(registered.receipt, 'Registered')['modelId']);
  const asked = await node.perform(
    ASKER,
    inferenceInterface,
    inferenceInterface.nativeCall('request', [BigInt(modelId), `${PROMPT}${hostile}`, 100n]),
    { value: 2n * OPEN },
  );
  const requestId = node.event(asked.receipt, 'Requested')['requestId'] as Hex;
  const output = `${OUTPUT}${hostile}`;
  const preview = await rpcCall(node.url, 'ol_previewAttribution', requestId, toHex(Buffer.from(output)));
  const settled = await node.perform(
    OPERATOR,
    inferenceInterface,
    inferenceInterface.nativeCall('settle', [requestId, output, preview.recordHash]),
  );
  return { dataNetId, modelId, requestId, settleHash: settled.hash, contributions: { anna, ben } };
}
