/** The `ol` namespace: what this chain has beyond Ethereum. Shapes in records.ts; docs/rpc.md lists them. */
import { EMPTY_TRIE_ROOT_HEX } from '../../state/crypto.ts';
import { recordAddress } from '../../state/modules/addresses.ts';
import {
  attestations,
  type Subject,
  subject,
  subjectCount,
  subjects,
} from '../../state/modules/attestation/views.ts';
import { readContributionsOf } from '../../state/modules/contribution/storage.ts';
import {
  type Contribution,
  contribution,
  contributionCount,
  contributions,
  contributionsOf,
} from '../../state/modules/contribution/views.ts';
import {
  type DataNet,
  dataNet,
  dataNetCount,
  dataNets,
  sequence,
  snapshot,
} from '../../state/modules/datanet/views.ts';
import { SHARE, type Share } from '../../state/modules/inference/types.ts';
import {
  type Inference,
  inference,
  inferenceCount,
  inferences,
} from '../../state/modules/inference/views.ts';
import { inferenceInterface, interfaces } from '../../state/modules/interfaces.ts';
import { type Model, model, modelCount, models, rootOfSnapshots } from '../../state/modules/model/views.ts';
import { rewards } from '../../state/modules/reward/views.ts';
import { validators } from '../../state/modules/staking/views.ts';
import type { Block, ChainReader, Hex, Receipt, StateView } from '../../state/types.ts';
import { attributionProofJson, proofQuestionOf, proofQuestionParam } from '../attribution-proof.ts';
import type { AttributionView, RpcBackend } from '../backend.ts';
import { hexOf, quantity } from '../encode.ts';
import { codeOf, limitExceeded, RPC_CODES, RpcError } from '../errors.ts';
import type { RpcLimits } from '../limits.ts';
import {
  headerOf,
  isSmallBlock,
  type Methods,
  method,
  type RpcContext,
  resolveNumber,
  stateOf,
} from '../method.ts';
import { describeCall, describeLog, revertReason } from '../native.ts';
import { FIRST_PAGE, isSmallPage, pageOf, pageParam, type Sequence } from '../pages.ts';
import { address, blockSelector, bytesUpTo, count, custom, hash, optional, type Param } from '../params.ts';
import {
  attestedJson,
  attributionJson,
  contributionJson,
  dataNetJson,
  entryJson,
  inferenceJson,
  modelJson,
  paramsJson,
  rewardJson,
  snapshotRootJson,
  subjectJson,
} from '../records.ts';
import { supply } from '../supply.ts';
import {
  decodedAt,
  keptReceipts,
  pendingTransactionJson,
  transactionJson,
  transactionSummary,
} from '../views.ts';
import { historyMethods } from './ol-history.ts';

export function olMethods(limits: RpcLimits): Methods {
  return {
    ...nodeMethods(limits),
    ...transactionMethods(limits),
    ...dataMethods(limits),
    ...modelMethods(limits),
    ...inferenceMethods(limits),
    ...accountMethods(),
    ...historyMethods(limits),
  };
}

function headState({ reader }: RpcContext): StateView {
  return reader.stateAt(reader.head().number);
}

function nodeMethods(limits: RpcLimits): Methods {
  return {
    ol_chainInfo: method([], async (context) => {
      const { reader, backend } = context;
      const [node, peers, progress] = await Promise.all([backend.node(), backend.peers(), backend.syncing()]);
      const head = reader.head();
      const state = reader.stateAt(head.number);
      return {
        chainId: reader.params.chainId,
        genesisHash: reader.genesisHash,
        clientVersion: node.clientVersion,
        peerId: node.peerId ?? null,
        validator: node.validator ?? null,
        voting: node.voting ?? false,
        halted: node.halted ?? null,
        peers: peers.length,
        syncing: progress ?? false,
        head: {
          number: head.number,
          hash: head.hash,
          stateRoot: head.stateRoot,
          timestamp: head.timestamp,
          timestampMs: head.timestampMs,
        },
        oldestState: reader.oldestState(),
        treasury: reader.params.treasury,
        modules: modulesJson(),
        totals: {
          dataNets: dataNetCount(state),
          contributions: contributionCount(state),
          attestations: subjectCount(state),
          models: modelCount(state),
          inferences: inferenceCount(state),
        },
        params: paramsJson(reader.params),
      };
    }),
    ol_params: method([], ({ reader }) => paramsJson(reader.params)),
    ol_peers: method([], ({ backend }) => backend.peers()),
    /** JSON ABIs of the modules, for wallets and scripts. */
    ol_abis: method([], () =>
      Object.fromEntries(
        Object.entries(interfaces).map(([name, { abi, address }]) => [name, { address, abi }]),
      ),
    ),
    ol_validators: method([optional(blockSelector)], ({ reader }, at) => {
      const number = resolveNumber(reader, at);
      const list = validators(reader.stateAt(number), reader.params);
      return {
        number,
        totalPower: quantity(list.reduce((sum, { power }) => sum + power, 0n)),
        validators: list.map((item) => ({
          address: item.operator,
          blsPublicKey: item.blsPublicKey,
          bond: quantity(item.bond),
          power: quantity(item.power),
          recipient: item.recipient,
          jailed: item.jailed,
          jailedUntil: item.jailed ? item.jailedUntil : null,
        })),
      };
    }),
    ol_supply: method([], ({ reader }) => supply(reader), { heavy: true }),
    ol_blocks: method(
      [pageParam(limits, {})],
      ({ reader }, page = FIRST_PAGE) => {
        // Heights count from 0, sequences from 1.
        const heights: Sequence<Block> = {
          total: reader.head().number + 1,
          range: (first, limit) =>
            Array.from({ length: limit }, (_, i) => reader.blockByNumber(first - 1 + i)).filter(
              (block) => block !== undefined,
            ),
        };
        const found = pageOf(heights, page, limits.maxPageScan);
        return { ...found, items: found.items.map(blockSummary) };
      },
      { heavy: true, isSmall: isSmallPage },
    ),
    ol_artifact: method([hash], async ({ backend }, root) => {
      const info = await backend.artifactInfo(root);
      if (info === undefined) return null;
      const { size, leafCount, largestLeaf, smallestLeaf, utf8: text } = info;
      return { root, size, leafCount, largestLeaf, smallestLeaf, utf8: text };
    }),
  };
}

function modulesJson(): object {
  return Object.fromEntries(
    Object.entries(interfaces).map(([name, { address }]) => {
      const type = Number.parseInt(address.slice(-2), 16);
      return [name, { type: quantity(type), address, recordAddress: recordAddress(type) }];
    }),
  );
}

function blockSummary(block: Block): object {
  const { header } = block;
  return {
    number: header.number,
    hash: block.hash,
    timestamp: header.timestamp,
    timestampMs: block.timestampMs,
    originRound: block.originRound,
    transactions: block.transactions.length,
    gasUsed: quantity(header.gasUsed),
    gasLimit: quantity(header.gasLimit),
    baseFeePerGas: quantity(header.baseFeePerGas),
    miner: header.coinbase,
  };
}

/** Blocks looked at for a page of transactions: idle chains make many empty ones. */
const MAX_BLOCKS_PER_PAGE = 512;
/** So many of them are looked at where they are asked for. */
const MAX_BLOCKS_HERE = 128;

function transactionMethods(limits: RpcLimits): Methods {
  return {
    ol_transaction: method([hash], async ({ reader, backend }, id) => {
      const at = reader.transactionLocation(id);
      const block = at && reader.blockByNumber(at.number);
      if (block) return transactionDetail(reader, block, at.index);
      const pooled = await backend.poolTransaction(id);
      if (pooled === undefined) return null;
      const json = pendingTransactionJson(pooled.raw, reader.params.chainId);
      return {
        ...numbersOf(json),
        blockNumber: null,
        timestamp: null,
        status: null,
        gasUsed: null,
        fee: null,
        logs: [],
      };
    }),
    // Whole blocks, newest first, until there are `limit` transactions; or those of one block.
    ol_transactions: method(
      [pageParam(limits, { block: optional(count), offset: optional(count) })],
      ({ reader }, request) => {
        const head = reader.head().number;
        const {
          limit,
          cursor,
          block: only,
          offset = 0,
        } = { ...FIRST_PAGE, block: undefined, offset: 0, ...request };
        if (only !== undefined) {
          const block = reader.blockByNumber(only);
          const receipts = block ? (reader.receipts(only) ?? []) : [];
          const items = block
            ? receipts
                .slice(offset, offset + limit)
                .map((_, i) => transactionSummary(reader, block, receipts, offset + i))
            : [];
          return {
            total: receipts.length,
            items,
            next: offset + limit < receipts.length ? offset + limit : null,
          };
        }
        const items: object[] = [];
        let number = Math.min(cursor ?? head, head);
        for (
          let looked = 0;
          number >= 0 && items.length < limit && looked < MAX_BLOCKS_PER_PAGE;
          looked++, number--
        ) {
          const block = reader.blockByNumber(number);
          if (block === undefined || block.transactions.length === 0) continue;
          const receipts = keptReceipts(reader, number);
          if (receipts === undefined) return { total: null, items, next: null };
          for (let index = receipts.length - 1; index >= 0 && items.length < limits.maxPageItems; index--)
            items.push(transactionSummary(reader, block, receipts, index));
        }
        return { total: null, items: items.slice(0, limit), next: number >= 0 ? number : null };
      },
      { heavy: true, isSmall: hasFewTransactions },
    ),
  };
}

/** Whether a page is filled from few blocks of little gas, as their headers tell. */
function hasFewTransactions(
  context: RpcContext,
  request: { block?: number | undefined; cursor: number | undefined; limit: number } | undefined,
): boolean {
  const { reader, limits } = context;
  if (request?.block !== undefined) return isSmallBlock(context, { by: 'number', number: request.block });
  const { cursor, limit } = request ?? FIRST_PAGE;
  const last = Math.min(cursor ?? reader.head().number, reader.head().number);
  let gas = 0n;
  let filled = 0;
  for (let number = last; number >= 0 && filled < limit; number--) {
    const header = headerOf(reader, number);
    gas += header?.gasUsed ?? 0n;
    if (gas > limits.smallBlockGas || last - number >= MAX_BLOCKS_HERE) return false;
    if (header?.transactionsRoot !== EMPTY_TRIE_ROOT_HEX) filled += 1;
  }
  return true;
}

/** Nonce and gas as numbers, which the `ol` namespace uses. */
function numbersOf(json: Record<string, unknown>): Record<string, unknown> {
  return { ...json, nonce: Number(json['nonce']), gas: Number(json['gas']) };
}

function transactionDetail(reader: ChainReader, block: Block, index: number): object | null {
  const transaction = decodedAt(reader, { block, index });
  const receipt = reader.receipts(block.header.number)?.[index];
  if (transaction === undefined || receipt === undefined) return null;
  const json = transactionJson(transaction, reader.params.chainId, { block, index });
  const reason = receipt.status === 0 ? revertReason(receipt.revertData) : undefined;
  return {
    ...numbersOf(json),
    // An ordinary transaction to a module's address says the same as a native one.
    ...describeCall(transaction.to, transaction.data),
    blockNumber: block.header.number,
    timestamp: block.header.timestamp,
    timestampMs: block.timestampMs,
    transactionIndex: index,
    status: receipt.status,
    gasUsed: Number(receipt.gasUsed),
    fee: quantity(receipt.gasUsed * receipt.effectiveGasPrice),
    contractAddress: receipt.contractAddress,
    ...(receipt.status === 0
      ? { error: reason ?? 'no reason given', revertData: hexOf(receipt.revertData) }
      : {}),
    logs: receipt.logs.map((log) => ({
      address: log.address,
      topics: log.topics,
      data: hexOf(log.data),
      ...(describeLog(log) ?? {}),
    })),
  };
}

const contributionStatus = word(
  'committed',
  'revealed',
  'queued',
  'approved',
  'frozen',
  'rejected',
  'withdrawn',
  'forfeited',
);
const subjectStatus = word('open', 'attested', 'active', 'frozen');
const inferenceStatus = word('open', 'settled', 'rejected', 'expired');

function word<const W extends string>(...words: W[]): Param<W> {
  return custom('word', (value, refuse) =>
    words.includes(value as W) ? (value as W) : refuse(`expected one of ${words.join(', ')}`),
  );
}

function dataMethods(limits: RpcLimits): Methods {
  return {
    ol_dataNets: method(
      [pageParam(limits, { owner: optional(address) })],
      (context, page) => {
        const state = headState(context);
        const all: Sequence<DataNet> = {
          total: dataNetCount(state),
          range: (first, limit) => dataNets(state, first, limit),
        };
        const owner = page?.owner;
        const found = pageOf(
          all,
          page ?? FIRST_PAGE,
          limits.maxPageScan,
          (net) => owner === undefined || net.owner === owner,
        );
        return { ...found, items: found.items.map(dataNetJson) };
      },
      { heavy: true, isSmall: isSmallPage },
    ),
    ol_dataNet: method([count, optional(blockSelector)], ({ reader }, id, at) => {
      const found = dataNet(stateOf(reader, at), id);
      return found === undefined ? null : dataNetJson(found);
    }),
    /** What a model pins: length and history hash, at any retained block. */
    ol_snapshot: method([count, optional(blockSelector)], ({ reader }, id, at) => {
      const state = stateOf(reader, at);
      if (dataNet(state, id) === undefined) return null;
      const { length, historyHash } = snapshot(state, BigInt(id));
      return { dataNetId: id, length, historyHash };
    }),
    /** Accepted contributions in their order, oldest first. */
    ol_sequence: method([count, pageParam(limits, {})], (context, id, page = FIRST_PAGE) => {
      const state = headState(context);
      if (dataNet(state, id) === undefined) return null;
      const all = {
        total: snapshot(state, BigInt(id)).length,
        range: (first: number, limit: number) => sequence(state, id, first - 1, first - 1 + limit),
      };
      const found = pageOf(all, page, limits.maxPageScan);
      return { ...found, items: found.items.map(entryJson) };
    }),
    ol_contributions: method(
      [
        pageParam(limits, {
          dataNetId: optional(count),
          contributor: optional(address),
          status: optional(contributionStatus),
        }),
      ],
      (context, page) => {
        const state = headState(context);
        const id = page?.dataNetId;
        const all: Sequence<Contribution> =
          id === undefined
            ? { total: contributionCount(state), range: (first, limit) => contributions(state, first, limit) }
            : {
                total: readContributionsOf(state, BigInt(id)),
                range: (first, limit) => contributionsOf(state, id, first - 1, limit),
              };
        const found = pageOf(
          all,
          page ?? FIRST_PAGE,
          limits.maxPageScan,
          (item) =>
            (page?.contributor === undefined || item.contributor === page.contributor) &&
            (page?.status === undefined || item.status === page.status),
        );
        return { ...found, items: found.items.map((item) => contributionJson(item)) };
      },
      { heavy: true, isSmall: isSmallPage },
    ),
    ol_contribution: method([hash], async (context, id) => {
      const found = contribution(headState(context), id);
      if (found === undefined) return null;
      const root = found.revealed?.artifactRoot;
      const held = root !== undefined && (await context.backend.artifactInfo(root)) !== undefined;
      const about =
        found.subject === undefined
          ? undefined
          : subject(headState(context), found.subject, context.reader.params);
      return contributionJson(found, { held, attestation: about ? subjectJson(about) : null });
    }),
    /** A subject of the attestation module, and what each validator said about it. */
    ol_attestation: method([hash], (context, key) => {
      const state = headState(context);
      const found = subject(state, key, context.reader.params);
      if (found === undefined) return null;
      return { ...subjectJson(found), attestations: (attestations(state, key) ?? []).map(attestedJson) };
    }),
    ol_attestations: method(
      [pageParam(limits, { status: optional(subjectStatus) })],
      (context, page) => {
        const state = headState(context);
        const all: Sequence<Subject> = {
          total: subjectCount(state),
          range: (first, limit) => subjects(state, first, limit, context.reader.params),
        };
        const found = pageOf(
          all,
          page ?? FIRST_PAGE,
          limits.maxPageScan,
          (item) => page?.status === undefined || item.status === page.status,
        );
        return { ...found, items: found.items.map(subjectJson) };
      },
      { heavy: true, isSmall: isSmallPage },
    ),
  };
}

function modelMethods(limits: RpcLimits): Methods {
  return {
    ol_models: method(
      [pageParam(limits, { operator: optional(address), owner: optional(address) })],
      (context, page) => {
        const state = headState(context);
        const all: Sequence<Model> = {
          total: modelCount(state),
          range: (first, limit) => models(state, first, limit),
        };
        const found = pageOf(
          all,
          page ?? FIRST_PAGE,
          limits.maxPageScan,
          (item) =>
            (page?.operator === undefined || item.operator === page.operator) &&
            (page?.owner === undefined || item.owner === page.owner),
        );
        return { ...found, items: found.items.map((item) => modelJson(item, state)) };
      },
      { heavy: true, isSmall: isSmallPage },
    ),
    ol_model: method([count], (context, id) => {
      const state = headState(context);
      const found = model(state, id);
      return found === undefined ? null : modelJson(found, state);
    }),
  };
}

function inferenceMethods(limits: RpcLimits): Methods {
  return {
    ol_inferences: method(
      [
        pageParam(limits, {
          modelId: optional(count),
          asker: optional(address),
          operator: optional(address),
          status: optional(inferenceStatus),
        }),
      ],
      (context, page) => {
        const state = headState(context);
        const all: Sequence<Inference> = {
          total: inferenceCount(state),
          range: (first, limit) => inferences(state, first, limit).items,
        };
        const found = pageOf(
          all,
          page ?? FIRST_PAGE,
          limits.maxPageScan,
          (item) =>
            (page?.modelId === undefined || item.modelId === page.modelId) &&
            (page?.asker === undefined || item.asker === page.asker) &&
            (page?.operator === undefined || item.operator === page.operator) &&
            (page?.status === undefined || item.status === page.status),
        );
        return { ...found, items: found.items.map((item) => inferenceJson(item, state)) };
      },
      { heavy: true, isSmall: isSmallPage },
    ),
    ol_inference: method([hash], (context, id) => {
      const state = headState(context);
      const found = inference(state, id);
      if (found === undefined) return null;
      const { reader } = context;
      return {
        ...inferenceJson(found, state),
        attributionRoot:
          found.engine === 'token' ? snapshotRootJson(rootOfSnapshots(state, found.snapshots)) : null,
        output: found.output ?? null,
        requestTransaction: transactionOf(reader, found.requestedAt, id),
        closeTransaction: found.closedAt > 0 ? transactionOf(reader, found.closedAt, id) : null,
      };
    }),
    ol_attribution: method([hash], (context, id) => attributionOf(context, id), { heavy: true }),
    ol_getAttributionProof: method(
      [proofQuestionParam(limits)],
      async (context, given) => {
        const proof = await context.backend.attributionProof(proofQuestionOf(given)).catch(inWords);
        if (proof === undefined) return null;
        return attributionProofJson(proof, rootOfSnapshots(headState(context), proof.snapshots));
      },
      // Not a turn of the heavy calls: it may wait for a commitment, and the thread that makes proofs has its own bound.
    ),
    ol_previewAttribution: method(
      [hash, bytesUpTo(limits.maxBodyBytes)],
      async (context, id, output) => {
        const limit = context.reader.params.attribution.maxOutputBytes;
        if (output.length > limit) throw limitExceeded(`output of ${output.length} bytes`, limit);
        const preview = await context.backend.previewAttribution(id, output).catch(inWords);
        return preview === undefined
          ? null
          : attributionJson(headState(context), { ...preview, requestId: id, output });
      },
      { heavy: true },
    ),
  };
}

function accountMethods(): Methods {
  return {
    ol_rewards: method([address, optional(blockSelector)], ({ reader }, who, at) => {
      const number = resolveNumber(reader, at);
      // As a claim in the next block would find them.
      return rewardJson(rewards(reader.stateAt(number), who, number + 1));
    }),
    ol_account: method([address], ({ reader }, who) => {
      const head = reader.head().number;
      const state = reader.stateAt(head);
      const account = state.account(who);
      const validator = validators(state, reader.params).find((item) => item.operator === who);
      const module = Object.entries(interfaces).find(
        ([, item]) =>
          who === item.address || who === recordAddress(Number.parseInt(item.address.slice(-2), 16)),
      );
      return {
        address: who,
        balance: quantity(account?.balance ?? 0n),
        nonce: Number(account?.nonce ?? 0n),
        codeSize: state.code(who).length,
        codeHash: account?.codeHash ?? null,
        module: module?.[0] ?? null,
        rewards: rewardJson(rewards(state, who, head + 1)),
        validator: validator ? { power: quantity(validator.power), jailed: validator.jailed } : null,
      };
    }),
  };
}

/** What an output is refused for (not UTF-8, too many tokens, bytes not here yet) is said; faults of this node are not. */
function inWords(error: unknown): never {
  const code = codeOf(error);
  if (code === undefined || code === 'FAULT') throw error;
  throw new RpcError(RPC_CODES.server, (error as Error).message, { code });
}

/** Names of `share` in the event Paid, by number. */
const SHARES: ReadonlyMap<number, Share> = new Map(
  Object.entries(SHARE).map(([name, number]) => [number, name as Share]),
);

interface Payment {
  share: Share;
  to: Hex;
  amount: Hex;
}

/** Logs of the inference module about one request in one block. */
function* requestLogs(
  reader: ChainReader,
  number: number,
  id: Hex,
): Generator<{ receipt: Receipt; name: string; named: Record<string, unknown> }> {
  for (const receipt of reader.receipts(number) ?? [])
    for (const log of receipt.logs) {
      // The request's id is the first indexed argument of every event of the module.
      if (log.address !== inferenceInterface.address || log.topics[1] !== id) continue;
      const decoded = inferenceInterface.decodeEvent(log);
      if (decoded) yield { receipt, name: decoded.name, named: decoded.named };
    }
}

function transactionOf(reader: ChainReader, number: number, id: Hex): Hex | null {
  for (const { receipt } of requestLogs(reader, number, id)) return receipt.transactionHash;
  return null;
}

function paymentsOf(reader: ChainReader, number: number, id: Hex): Payment[] {
  const payments: Payment[] = [];
  for (const { name, named } of requestLogs(reader, number, id)) {
    if (name !== 'Paid') continue;
    const share = SHARES.get(Number(named['share']));
    if (share !== undefined)
      payments.push({ share, to: named['to'] as Hex, amount: quantity(named['amount'] as bigint) });
  }
  return payments;
}

/**
 * Credits and citations from state, payments from the receipts, spans and texts from the attribution worker. State alone
 * is enough to answer: what cannot be had now is left out, with the reason.
 */
async function attributionOf(context: RpcContext, id: Hex): Promise<object | null> {
  const { reader, backend } = context;
  const state = headState(context);
  const found = inference(state, id);
  if (found?.attribution === undefined || found.attributionHash === undefined) return null;
  const { attribution } = found;
  const payments = paymentsOf(reader, found.closedAt, id);
  const earned = new Map<string, bigint>();
  for (const { share, to, amount } of payments)
    if (share === 'contributor') earned.set(to, (earned.get(to) ?? 0n) + BigInt(amount));
  // An answer of a trained model has neither spans nor citations to look for.
  const recomputed = found.engine === 'influence' ? undefined : await detailsOf(backend, id);
  const details = recomputed === undefined || 'missing' in recomputed ? undefined : recomputed;
  return {
    ...attributionJson(state, {
      requestId: id,
      engine: found.engine,
      recordHash: found.attributionHash,
      outputTokens: found.outputTokens,
      uncovered: attribution.uncovered,
      credits: attribution.credits.map(({ contributor, parts }) => {
        const amount = earned.get(contributor);
        return {
          contributor: contributor as Hex,
          parts,
          amount: amount === undefined ? null : quantity(amount),
        };
      }),
      spans: details?.spans ?? null,
      citations: attribution.citations.map((citation, rank) => ({
        ...citation,
        ...details?.citations[rank],
      })),
      output: Buffer.from(found.output ?? '', 'utf8'),
    }),
    payments,
    ...(details && {
      recomputedHash: details.recordHash,
      verified: details.recordHash === found.attributionHash,
    }),
    ...(recomputed !== undefined && 'missing' in recomputed
      ? { [found.engine === 'token' ? 'spansMissing' : 'textsMissing']: recomputed.missing }
      : {}),
  };
}

/** @throws nothing: a node that cannot recompute the spans says why */
async function detailsOf(
  backend: RpcBackend,
  id: Hex,
): Promise<AttributionView | { readonly missing: string }> {
  try {
    return (await backend.attributionDetails(id)) ?? { missing: 'this node cannot recompute them now' };
  } catch (error) {
    return { missing: error instanceof Error ? error.message : 'this node cannot recompute them now' };
  }
}
