/** One block on its parent's state: system steps around transactions, one at a time. */
import { heightOfEvidence, offenderOf } from '../../consensus/evidence.ts';
import type { Evidence } from '../../consensus/types.ts';
import type { ChainParams } from '../../genesis/types.ts';
import { bloomOfLogs, joinBlooms } from '../block/bloom.ts';
import { lastCommitHash } from '../block/codec.ts';
import { EMPTY_BYTES, fromHex, stripZeros } from '../crypto.ts';
import { LIMITS } from '../limits.ts';
import type { Verify } from '../modules/attestation/subjects.ts';
import type { ValidatorSets } from '../modules/context.ts';
import { ATTESTATION_TYPE, attestationOf } from '../transactions/attestation.ts';
import { TransactionError } from '../transactions/errors.ts';
import { evidenceOf, isFeeless, SYSTEM_TYPE } from '../transactions/system.ts';
import { stateProblem } from '../transactions/validate.ts';
import {
  type BlockOrigin,
  type ExecutionPorts,
  Fault,
  type Hex,
  type PooledTransaction,
  type Receipt,
  Unavailable,
} from '../types.ts';
import type { BlockContext, Engine, Observer, Outcome } from './engine.ts';
import { priorityFee } from './executable.ts';
import { type FrameContext, systemContext } from './module-context.ts';
import type { ModuleTable } from './module-table.ts';
import { slotName, type World } from './world.ts';

/** EIP-2935: the contract whose storage serves the hashes of the last 8,191 blocks. */
export const HISTORY_ADDRESS: Hex = '0x0000f90827f1c53a10cb7a02335b175320002935';

/** Why evidence does not convict, or undefined: signatures against the set of its height, and its age. */
export type Judge = (evidence: Evidence) => TransactionError | undefined;

export interface BlockRunOptions {
  judge: Judge;
  verify: Verify;
  engine: Engine;
  modules: ModuleTable;
  params: ChainParams;
  genesisHash: Hex;
  ports: ExecutionPorts;
  world: World;
  parent: { hash: Hex; timestampMs: number };
  number: number;
  origin: BlockOrigin;
  coinbase: Hex;
  prevRandao: Hex;
  baseFeePerGas: bigint;
}

export interface BlockRun {
  readonly context: BlockContext;
  /** Gas and attribution units that are left. */
  gasLeft(): bigint;
  begin(): Promise<void>;
  /** @throws TransactionError if it cannot be included here (nothing has changed then); Unavailable; Fault */
  apply(tx: PooledTransaction, observer?: Observer): Promise<{ receipt: Receipt; outcome: Outcome }>;
  finish(): Promise<{ receipts: Receipt[]; gasUsed: bigint; logsBloom: Uint8Array; sets: ValidatorSets }>;
}

export function createBlockRun(options: BlockRunOptions): BlockRun {
  const { engine, modules, params, world, origin } = options;
  const context: BlockContext = {
    params,
    genesisHash: options.genesisHash,
    ports: options.ports,
    block: {
      number: options.number,
      timestamp: Math.floor(origin.timestampMs / 1000),
      parentTimestampMs: options.parent.timestampMs,
    },
    coinbase: options.coinbase,
    prevRandao: options.prevRandao,
    gasLimit: params.block.gasLimit,
    baseFeePerGas: options.baseFeePerGas,
  };
  const receipts: Receipt[] = [];
  let gasUsed = 0n;
  let unitsUsed = 0;

  /** The protocol's own steps have no outcome but success. */
  async function step(name: string, run: () => void | Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (error instanceof Unavailable || error instanceof Fault) throw error;
      throw new Fault(`${name} of block ${options.number} failed: ${(error as Error).message}`, {
        cause: error,
      });
    }
    world.endTransaction();
  }

  function unitsOf(tx: PooledTransaction): number {
    const module = tx.to === null ? undefined : modules.at(tx.to);
    if (module === undefined) return 0;
    const { data: calldata, from: caller, value, gasLimit } = tx;
    const call = { params, calldata, caller, value, gasLimit, blockNumber: options.number };
    return module.attributionUnits(call, world);
  }

  /** Slashing and jailing by proof: no sender, no fee, no gas (docs/execution.md). */
  function applyEvidence(tx: PooledTransaction): { receipt: Receipt; outcome: Outcome } {
    const refuse = (reason: string) => new TransactionError('BAD_EVIDENCE', reason);
    if (receipts.some((receipt) => receipt.type !== SYSTEM_TYPE))
      throw refuse('system transactions come before all others');
    if (receipts.length >= LIMITS.maxEvidencePerBlock)
      throw refuse(`more than ${LIMITS.maxEvidencePerBlock} system transactions`);
    const evidence = evidenceOf(tx.raw);
    const problem = options.judge(evidence);
    if (problem !== undefined) throw problem;
    const height = heightOfEvidence(evidence);
    const system = systemContext(world, context);
    if (modules.hooks.punishEquivocation?.(system, offenderOf(evidence), height) !== true) {
      world.abortTransaction();
      throw refuse('the offender holds no bond, or was punished for that height');
    }
    return feelessReceipt(tx, system);
  }

  /** What validators attest and proposers publish: no fee, no gas, behind evidence and before everything else. */
  function applyAttestation(tx: PooledTransaction): { receipt: Receipt; outcome: Outcome } {
    const refuse = (reason: string) => new TransactionError('BAD_ATTESTATION', reason);
    if (receipts.some((receipt) => !isFeeless(receipt)))
      throw refuse('attestations come before the transactions that pay');
    const { maxPerBlock } = params.attestation;
    if (receipts.filter(({ type }) => type === ATTESTATION_TYPE).length >= maxPerBlock)
      throw refuse(`more than ${maxPerBlock} attestations`);
    const system = systemContext(world, context);
    const operation = attestationOf(tx.raw, params.chainId);
    const problem = modules.hooks.attestation
      ? modules.hooks.attestation(system, operation, options.verify)
      : { early: false, reason: 'this chain has no attestations' };
    if (problem !== undefined) {
      world.abortTransaction();
      throw problem.early
        ? new TransactionError('ATTESTATION_TOO_EARLY', problem.reason)
        : refuse(problem.reason);
    }
    return feelessReceipt(tx, system);
  }

  /** Ends a transaction that paid nothing. */
  function feelessReceipt(
    tx: PooledTransaction,
    { logs, operations }: FrameContext,
  ): { receipt: Receipt; outcome: Outcome } {
    world.endTransaction();
    const receipt: Receipt = {
      type: tx.type,
      status: 1,
      cumulativeGasUsed: gasUsed,
      gasUsed: 0n,
      effectiveGasPrice: 0n,
      logs,
      logsBloom: bloomOfLogs(logs),
      contractAddress: null,
      revertData: EMPTY_BYTES,
      inside: { operations, called: [] },
      transactionHash: tx.hash,
      from: tx.from,
      to: tx.to,
    };
    receipts.push(receipt);
    const outcome: Outcome = {
      gasUsed: 0n,
      refund: 0n,
      status: 1,
      logs: receipt.logs,
      logsBloom: receipt.logsBloom,
      returnData: EMPTY_BYTES,
      createdAddress: null,
      exception: undefined,
      accessList: undefined,
    };
    return { receipt, outcome };
  }

  return {
    context,
    gasLeft: () => context.gasLimit - gasUsed,

    begin: () =>
      step('beginBlock', async () => {
        if (world.code(HISTORY_ADDRESS).length > 0) {
          const ring = BigInt((options.number - 1) % LIMITS.historyServeWindow);
          world.writeSlot(HISTORY_ADDRESS, slotName(ring), stripZeros(fromHex(options.parent.hash)));
        }
        await modules.hooks.beginBlock(systemContext(world, context), {
          ...origin,
          lastCommitHash: lastCommitHash(origin.lastCommit),
        });
      }),

    async apply(tx, observer) {
      if (tx.type === SYSTEM_TYPE) return applyEvidence(tx);
      if (tx.type === ATTESTATION_TYPE) return applyAttestation(tx);
      if (tx.gasLimit > context.gasLimit - gasUsed)
        throw new TransactionError(
          'BLOCK_GAS_EXCEEDED',
          `gas limit ${tx.gasLimit}, ${context.gasLimit - gasUsed} left in the block`,
        );
      const sender = world.read(tx.from);
      const problem = stateProblem(tx, sender, () => world.readCode(sender), context.baseFeePerGas);
      if (problem !== undefined) throw problem;
      const units = unitsOf(tx);
      if (unitsUsed + units > params.block.attributionUnits)
        throw new TransactionError(
          'ATTRIBUTION_EXCEEDED',
          `${units} attribution units, ${params.block.attributionUnits - unitsUsed} left in the block`,
        );
      const outcome = await engine.runTransaction(world, context, tx, observer ? { observer } : {});
      gasUsed += outcome.gasUsed;
      unitsUsed += units;
      const receipt: Receipt = {
        type: tx.type,
        status: outcome.status,
        cumulativeGasUsed: gasUsed,
        gasUsed: outcome.gasUsed,
        effectiveGasPrice: context.baseFeePerGas + priorityFee(tx, context.baseFeePerGas),
        logs: outcome.logs,
        logsBloom: outcome.logsBloom,
        contractAddress: tx.to === null && outcome.status === 1 ? outcome.createdAddress : null,
        revertData: outcome.status === 0 ? outcome.returnData : EMPTY_BYTES,
        transactionHash: tx.hash,
        from: tx.from,
        to: tx.to,
      };
      if (outcome.inside !== undefined) receipt.inside = outcome.inside;
      receipts.push(receipt);
      return { receipt, outcome };
    },

    async finish() {
      await step('endBlock', () => modules.hooks.endBlock(systemContext(world, context)));
      return {
        receipts,
        gasUsed,
        logsBloom: joinBlooms(receipts.map((receipt) => receipt.logsBloom)),
        sets: modules.hooks.validatorSets(world),
      };
    },
  };
}
