/** The operator's bond: what happens to it when requests end. */
import type { ModuleContext } from '../context.ts';
import { modelInterface } from './abi.ts';
import { closeRequest, MODEL_ADDRESS, readModelBond, readModelOwner, writeModelBond } from './storage.ts';

const { encodeEvent } = modelInterface;

/** Ends one request of a model. With the last one of a retired model the bond returns to its owner. */
export function endRequest(context: ModuleContext, modelId: bigint): void {
  const state = closeRequest(context, modelId);
  if (state.status === 'retired' && state.openRequests === 0) returnBond(context, modelId);
}

export function returnBond(context: ModuleContext, modelId: bigint): void {
  const bond = readModelBond(context, modelId);
  if (bond === 0n) return;
  const owner = readModelOwner(context, modelId);
  writeModelBond(context, modelId, 0n);
  context.transfer(MODEL_ADDRESS, owner, bond);
  context.emit(encodeEvent('BondReturned', [modelId, owner, bond]));
}

/** Moves up to `penalty` wei of the bond to the treasury and returns how many. Call it before `endRequest`. */
export function slashBond(context: ModuleContext, modelId: bigint, penalty: bigint): bigint {
  const bond = readModelBond(context, modelId);
  const taken = penalty < bond ? penalty : bond;
  if (taken === 0n) return 0n;
  writeModelBond(context, modelId, bond - taken);
  context.transfer(MODEL_ADDRESS, context.params.treasury, taken);
  context.emit(encodeEvent('BondSlashed', [modelId, taken]));
  return taken;
}
