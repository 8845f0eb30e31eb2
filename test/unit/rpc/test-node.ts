/**
 * A node in one thread for tests of the RPC: the real chain on a temporary directory, the real server, the real
 * attribution; only the pool is a list and blocks are made when the test says so.
 */

import type { AttributedSpan } from '../../../attribution/api.ts';
import { merkleRoot } from '../../../node/artifacts/merkle.ts';
import type {
  AttributionResult,
  CreditsProofResult,
  PhraseProofResult,
} from '../../../node/attribution-pool/types.ts';
import { createWorkerCore } from '../../../node/attribution-pool/worker-core.ts';
import { proofQuestion, type ResolvedQuestion } from '../../../node/executor-thread/proof-question.ts';
import type {
  AttributionProofView,
  AttributionSpan,
  AttributionView,
  PoolTransaction,
  RpcBackend,
} from '../../../rpc/backend.ts';
import type { RpcConfig } from '../../../rpc/start.ts';
import { createCaller } from '../../../state/call.ts';
import { fromHex, sha256, toHex } from '../../../state/crypto.ts';
import { attributionJob } from '../../../state/modules/inference/views.ts';
import { interfaceAt } from '../../../state/modules/interfaces.ts';
import { decodeTransaction } from '../../../state/transactions/decode.ts';
import { encodeNative } from '../../../state/transactions/native.ts';
import {
  type ArtifactInfo,
  type AttributionJob,
  type CommittedBlock,
  type Hex,
  type NativeField,
  Unavailable,
} from '../../../state/types.ts';
import { attestOpen, produceAttestations } from '../state/attesting.ts';
import { answering } from '../state/modules/trained-story.ts';
import {
  accountAddress,
  accountKey,
  GWEI,
  openTestChain,
  type TestChain,
  type TestChainOptions,
} from '../state/support.ts';
import { rpcCall, type TestRpc, testBackend, testRpc } from './support.ts';

export interface TestNode extends TestRpc {
  readonly chain: TestChain;
  /** Puts what waits in the pool into a block and announces it. */
  mine(): Promise<CommittedBlock>;
  /** All validators attest what is open, in blocks of their own. */
  attest(): Promise<void>;
  /** Signs a native operation by account `who`, sends it over RPC, mines it; gives the receipt as the RPC shows it. */
  perform(
    who: number,
    module: { address: Hex },
    call: { op: number; fields: NativeField[] },
    options?: { value?: bigint; gasLimit?: bigint },
  ): Promise<{
    hash: Hex;
    receipt: Record<string, never> & { status: Hex; logs: { address: Hex; topics: Hex[]; data: Hex }[] };
  }>;
  /** First event of that name in a receipt. */
  event(
    receipt: { logs: { address: Hex; topics: Hex[]; data: Hex }[] },
    name: string,
  ): Record<string, unknown>;
  close(): Promise<void>;
}

export async function openTestNode(
  options: { chain?: TestChainOptions; config?: RpcConfig; backend?: Partial<RpcBackend> } = {},
): Promise<TestNode> {
  const artifacts = new Map<Hex, Uint8Array[]>();
  const explain = createExplainer(artifacts);
  const chain = await openTestChain({
    ...options.chain,
    ports: {
      attribute: async (job) => explain(job).outcome,
      infer: async (job) =>
        answering({ leavesOf: (root) => artifacts.get(root) ?? [], params: reader.params })(job),
      artifact: async (root) => {
        const leaves = artifacts.get(root);
        if (leaves === undefined) throw new Unavailable({ kind: 'artifact', root });
        return describe(root, leaves);
      },
    },
  });
  const { reader } = chain.chain;
  const chainId = reader.params.chainId;
  let pool: PoolTransaction[] = [];

  const viewOf = (requestId: Hex, output: Uint8Array): AttributionView | undefined => {
    const job = attributionJob(reader.stateAt(reader.head().number), requestId, output);
    return job && explain(job).view;
  };

  const backend = testBackend({
    async submitTransaction(raw) {
      try {
        const { hash, from, nonce } = decodeTransaction(raw, chainId);
        const known = reader.stateAt(reader.head().number).account(from)?.nonce ?? 0n;
        if (nonce < known)
          return {
            error: { code: -32000, message: `nonce too low: next nonce ${known}, tx nonce ${nonce}` },
          };
        if (pool.some((item) => item.hash === hash))
          return { error: { code: -32000, message: 'already known' } };
        const transaction = { hash, from, nonce, raw };
        pool.push(transaction);
        backend.announcePending([transaction]);
        return { hash };
      } catch (error) {
        return { error: { code: -32000, message: (error as Error).message } };
      }
    },
    pendingNonce: async (who) => {
      const own = pool.filter(({ from }) => from === who);
      return own.length === 0
        ? undefined
        : own.reduce((top, { nonce }) => (nonce >= top ? nonce + 1n : top), 0n);
    },
    poolStatus: async () => ({
      pending: pool.length,
      queued: 0,
      bytes: pool.reduce((sum, { raw }) => sum + raw.length, 0),
    }),
    poolContent: async (from) => ({
      pending: pool.filter((item) => from === undefined || item.from === from),
      queued: [],
    }),
    poolTransaction: async (hash) => pool.find((item) => item.hash === hash),
    async storeArtifact(declaration, leaves) {
      const kept: Uint8Array[] = [];
      for await (const leaf of leaves) kept.push(leaf);
      const root = toHex(merkleRoot(kept));
      if (root !== declaration.root)
        throw Object.assign(new Error(`the bytes give root ${root}`), { code: 'ROOT_MISMATCH' });
      artifacts.set(root, kept);
      return describe(root, kept);
    },
    artifactInfo: async (root) => {
      const leaves = artifacts.get(root);
      return leaves && describe(root, leaves);
    },
    artifactLeaves: async (root) => artifacts.get(root),
    previewAttribution: async (id, output) => viewOf(id, output),
    attributionProof: async (question) => {
      const asked = proofQuestion(reader.stateAt(reader.head().number), question);
      return asked && proofOf(artifacts, asked);
    },
    attributionDetails: async (id) => {
      const { inference } = await import('../../../state/modules/inference/views.ts');
      const output = inference(reader.stateAt(reader.head().number), id)?.output;
      return output === undefined ? undefined : viewOf(id, Buffer.from(output));
    },
    ...options.backend,
  });

  const rpc = await testRpc({
    reader,
    caller: createCaller(reader),
    backend,
    ...(options.config ? { config: options.config } : {}),
  });

  const mine = async (): Promise<CommittedBlock> => {
    const block = await chain.produce(pool.map(({ raw }) => raw));
    pool = pool.filter(({ hash }) => reader.transactionLocation(hash) === undefined);
    backend.announceHead({ number: block.head.number, hash: block.head.hash });
    return block;
  };

  return {
    ...rpc,
    chain,
    mine,
    attest: () =>
      attestOpen(
        chain,
        (root) => artifacts.get(root) ?? [],
        async (attestations) => {
          const { head } = await produceAttestations(chain, attestations);
          backend.announceHead({ number: head.number, hash: head.hash });
        },
      ),
    async perform(who, module, call, { value = 0n, gasLimit = 10_000_000n } = {}) {
      const nonce = await rpcCall(rpc.url, 'eth_getTransactionCount', accountAddress(who), 'pending');
      const raw = encodeNative(
        {
          type: Number.parseInt(module.address.slice(-2), 16),
          chainId: BigInt(chainId),
          nonce: BigInt(nonce),
          maxPriorityFeePerGas: GWEI,
          maxFeePerGas: 100n * GWEI,
          gasLimit,
          value,
          ...call,
        },
        accountKey(who),
      );
      const hash = await rpcCall(rpc.url, 'eth_sendRawTransaction', toHex(raw));
      await mine();
      return { hash, receipt: await rpcCall(rpc.url, 'eth_getTransactionReceipt', hash) };
    },
    event(receipt, name) {
      for (const log of receipt.logs) {
        const decoded = interfaceAt(log.address)?.decodeEvent({
          topics: log.topics,
          data: fromHex(log.data),
        });
        if (decoded?.name === name) return decoded.named;
      }
      throw new Error(`no event ${name}`);
    },
    async close() {
      await rpc.rpc.close();
      await chain.close();
    },
  };
}

function describe(root: Hex, leaves: Uint8Array[]): ArtifactInfo {
  const sizes = leaves.map((leaf) => leaf.length);
  return {
    root,
    size: sizes.reduce((sum, size) => sum + size, 0),
    leafCount: leaves.length,
    largestLeaf: Math.max(...sizes),
    smallestLeaf: Math.min(...sizes),
    utf8: true,
    leafHashes: leaves.map((leaf) => sha256(leaf)),
  };
}

/** The attribution worker's core, in this thread. */
/** The proof as the node's worker makes it. */
function proofOf(
  artifacts: Map<Hex, Uint8Array[]>,
  { snapshots, sequence, question }: ResolvedQuestion,
): AttributionProofView {
  const core = createWorkerCore();
  const ask = (request: object): never => {
    const response = core({ id: 0, ...request } as never) as unknown as { kind: string; value: never };
    if (response.kind !== 'done') throw new Error(`the worker failed: ${JSON.stringify(response)}`);
    return response.value;
  };
  ask({ kind: 'open', key: 'proofs' });
  const contributions = sequence.map((entry) => ({
    ...entry,
    contributionId: entry.commitSequence,
    leaves: { kind: 'inline', leaves: artifacts.get(entry.artifactRoot) ?? [] },
  }));
  ask({ kind: 'add', key: 'proofs', contributions });
  ask({ kind: 'build', key: 'proofs', purpose: 'proofs' });
  const pins = snapshots.map(({ dataNetId, length }) => ({ dataNetId, length }));
  if (question.kind === 'phrase') {
    const job = { snapshot: 'proofs', phrase: question.phrase };
    return { kind: 'phrase', snapshots: pins, ...(ask({ kind: 'provePhrase', job }) as PhraseProofResult) };
  }
  const { requestHash, prompt, output, ineligible } = question.job;
  const inputs = { requestHash, prompt, output, params: PARAMS, commons: [], ineligible };
  const job = { snapshot: 'proofs', inputs };
  return {
    kind: 'credits',
    snapshots: pins,
    inputs,
    ...(ask({ kind: 'proveCredits', job }) as CreditsProofResult),
  };
}

function createExplainer(artifacts: Map<Hex, Uint8Array[]>) {
  const core = createWorkerCore();
  const ask = (request: object): never => {
    const response = core({ id: 0, ...request } as never) as unknown as { kind: string; value: never };
    if (response.kind !== 'done') throw new Error(`the worker failed: ${JSON.stringify(response)}`);
    return response.value;
  };
  let snapshots = 0;
  return (job: AttributionJob) => {
    const key = `snapshot ${++snapshots}`;
    const entries = job.sequence();
    ask({ kind: 'open', key });
    ask({
      kind: 'add',
      key,
      contributions: entries.map((entry) => ({
        commitSequence: entry.commitSequence,
        contributor: entry.contributor,
        dataNetId: entry.dataNetId,
        contributionId: entry.commitSequence,
        accepted: entry.accepted,
        leaves: { kind: 'inline', leaves: artifacts.get(entry.artifactRoot) ?? [] },
      })),
    });
    ask({ kind: 'build', key, purpose: 'attribution' });
    const asked = {
      snapshot: key,
      requestHash: job.requestHash,
      prompt: job.prompt,
      output: job.output,
      params: PARAMS,
      commons: [],
      ineligible: job.ineligible,
    };
    const { attribution, record, recordBytes, recordHash } = ask({
      kind: 'attribute',
      job: asked,
    }) as AttributionResult;
    const owned = ask({ kind: 'explain', job: asked }) as AttributedSpan[];
    ask({ kind: 'drop', key });
    const credits = attribution.credits.map((item) => ({
      contributor: item.contributor as Hex,
      parts: item.credit,
    }));
    const spans: AttributionSpan[] = owned
      .filter(({ earns }) => earns)
      .map((span) => {
        const entry = entries.find(({ commitSequence }) => commitSequence === span.contributionId)!;
        return {
          startByte: span.startByte,
          endByte: span.endByte,
          startToken: span.startToken,
          endToken: span.endToken,
          weightQ16: span.weightQ16,
          contributor: span.contributor as Hex,
          dataNetId: span.dataNetId,
          contributionId: entry.contributionId,
          artifactRoot: entry.artifactRoot,
          recordIndex: span.recordIndex,
          recordByte: span.recordByte,
          excerpt: Buffer.from(artifacts.get(entry.artifactRoot)?.[span.recordIndex] ?? []).toString('utf8'),
        };
      });
    const facts = {
      recordHash,
      outputTokens: attribution.outputTokens,
      credits,
      uncovered: record.uncovered,
    };
    return {
      outcome: { ...facts, record: recordBytes },
      view: { ...facts, engine: job.engine, spans, citations: [] },
    };
  };
}

/** Short windows, so that a handful of records is enough for a story. */
const PARAMS = {
  version: 1,
  lmin: 3,
  lmax: 32,
  sminQ16: 1,
  wmaxQ16: 12 * 65_536,
  maxOutputTokens: 512,
  maxPromptTokens: 4_096,
  recordCapPermille: 1_000,
  contributorCapPermille: 500,
  coverageCapPermille: 1_000,
  maxContributors: 64,
} as const;
