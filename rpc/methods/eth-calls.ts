/** `eth`: calls, estimates, access lists and simulations. */
import { callFailure, callRequest, readBlockOverrides, readOverrides, toCallRequest } from '../call.ts';
import { hexOf, quantity } from '../encode.ts';
import { RPC_CODES, RpcError } from '../errors.ts';
import { type Methods, method, resolveNumber } from '../method.ts';
import { blockSelector, optional } from '../params.ts';
import { readSimulation, simulatedBlockJson, simulationFailure } from '../simulation.ts';

export function callMethods(): Methods {
  return {
    eth_call: method(
      [callRequest, optional(blockSelector), optional(readOverrides), optional(readBlockOverrides)],
      async ({ reader, caller }, request, at, overrides, blockOverrides) => {
        const result = await caller.call(
          toCallRequest(request, reader.params.chainId),
          resolveNumber(reader, at),
          overrides,
          blockOverrides,
        );
        if (result.error) throw callFailure(result.error);
        return hexOf(result.returnData);
      },
      { heavy: true },
    ),
    eth_estimateGas: method(
      [callRequest, optional(blockSelector), optional(readOverrides), optional(readBlockOverrides)],
      async ({ reader, caller }, request, at, overrides, blockOverrides) => {
        const result = await caller.estimateGas(
          toCallRequest(request, reader.params.chainId),
          resolveNumber(reader, at),
          overrides,
          blockOverrides,
        );
        if ('error' in result) throw callFailure(result.error);
        return quantity(result.gas);
      },
      { heavy: true },
    ),
    eth_createAccessList: method(
      [callRequest, optional(blockSelector), optional(readOverrides)],
      async ({ reader, caller }, request, at, overrides) => {
        const result = await caller.createAccessList(
          toCallRequest(request, reader.params.chainId),
          resolveNumber(reader, at),
          overrides,
        );
        // geth: what cannot even begin is an error; what fails on its way is part of the answer.
        if (result.error !== undefined && result.gasUsed === 0n)
          throw new RpcError(RPC_CODES.server, `failed to apply transaction: err: ${result.error.message}`);
        return {
          accessList: result.accessList,
          gasUsed: quantity(result.gasUsed),
          ...(result.error ? { error: result.error.message } : {}),
        };
      },
      { heavy: true },
    ),
    eth_simulateV1: method(
      [readSimulation, optional(blockSelector)],
      async ({ reader, caller }, { simulation, fullTransactions }, at) => {
        try {
          const blocks = await caller.simulate(simulation, resolveNumber(reader, at));
          return blocks.map((block) => simulatedBlockJson(block, reader.params.chainId, fullTransactions));
        } catch (error) {
          throw simulationFailure(error);
        }
      },
      { heavy: true },
    ),
  };
}
