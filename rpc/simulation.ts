/** Parameters and results of eth_simulateV1. */
import { toHex } from '../state/crypto.ts';
import type { SimulatedBlock, SimulatedCall, Simulation } from '../state/types.ts';
import { callFailure, callRequest, readBlockOverrides, readOverrides, toCallRequest } from './call.ts';
import { quantity } from './encode.ts';
import { RPC_CODES, RpcError } from './errors.ts';
import { logJson } from './logs.ts';
import { boolean, custom, list, object, optional, type Param } from './params.ts';
import { headerJson, transactionJson } from './views.ts';

/** Above the 256 blocks that a simulation may have, so that more of them meet the error that says so. */
const MAX_BLOCKS = 1_024;
/** Calls in one block: 50 Mgas are enough for 2,380 of the cheapest. */
const MAX_CALLS = 2_400;

const simulatedBlock = object('block', {
  blockOverrides: optional(readBlockOverrides),
  stateOverrides: optional(readOverrides),
  calls: optional(list(callRequest, MAX_CALLS)),
});
const shape = object('simulation', {
  blockStateCalls: list(simulatedBlock, MAX_BLOCKS),
  traceTransfers: optional(boolean),
  validation: optional(boolean),
  returnFullTransactions: optional(boolean),
});

export interface SimulationWish {
  readonly simulation: Simulation;
  readonly fullTransactions: boolean;
}

export const readSimulation: Param<SimulationWish> = custom('simulation', (value, refuse) => {
  const read = shape.read(value);
  if (read.blockStateCalls.length === 0) refuse('empty input');
  const blocks = read.blockStateCalls.map(({ blockOverrides, stateOverrides, calls }) => ({
    overrides: blockOverrides ?? {},
    ...(stateOverrides === undefined ? {} : { stateOverrides }),
    calls: (calls ?? []).map((call) => {
      if (call.native) refuse('native operations are simulated as calls of their module');
      return toCallRequest(call);
    }),
  }));
  return {
    simulation: {
      blocks,
      validation: read.validation ?? false,
      traceTransfers: read.traceTransfers ?? false,
    },
    fullTransactions: read.returnFullTransactions ?? false,
  };
});

export function simulatedBlockJson(
  { block, size, transactions, calls }: SimulatedBlock,
  chainId: number,
  fullTransactions: boolean,
): object {
  const showLogs = ({ logs }: SimulatedCall, index: number): object[] =>
    logs.map((item) => logJson(item.log, block, transactions[index]!.hash, index, item.index));
  return {
    ...headerJson(block),
    size: quantity(size),
    transactions: transactions.map((transaction, index) =>
      fullTransactions ? transactionJson(transaction, chainId, { block, index }) : transaction.hash,
    ),
    uncles: [],
    ...(block.header.withdrawalsRoot === undefined ? {} : { withdrawals: [] }),
    calls: calls.map((call, index) => ({
      returnData: toHex(call.returnData),
      logs: showLogs(call, index),
      gasUsed: quantity(call.gasUsed),
      maxUsedGas: quantity(call.maxUsedGas),
      status: call.error === undefined ? '0x1' : '0x0',
      ...(call.error === undefined ? {} : { error: errorJson(call.error) }),
    })),
  };
}

function errorJson(error: NonNullable<SimulatedCall['error']>): object {
  const { code, message, data } = callFailure(error);
  if (code === RPC_CODES.reverted) return { message, code, data };
  return { message, code: RPC_CODES.vmError };
}

/** Calls that fail are results; a simulation that cannot be is an error with a code of its own. */
export function simulationFailure(thrown: unknown): unknown {
  if (thrown instanceof Error && 'rpcCode' in thrown && typeof thrown.rpcCode === 'number')
    return new RpcError(thrown.rpcCode, thrown.message);
  return thrown;
}
