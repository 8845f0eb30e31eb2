/** Makes a module of an interface and its handlers: everything that all operations have in common happens here. */
import type { StateView } from '../types.ts';
import {
  AbiDecodeError,
  type AbiFunction,
  type AbiValue,
  decodeParameters,
  type FunctionArguments,
  type FunctionName,
  type FunctionResults,
  type InterfaceSpec,
  type ModuleInterface,
  utf8Bytes,
} from './abi.ts';
import { recordAddress } from './addresses.ts';
import { moduleErrors } from './common.ts';
import type { ModuleContext, ModuleDefinition, TopLevelCall } from './context.ts';
import * as GAS from './gas.ts';
import { type MeteredContext, meter } from './meter.ts';

type Handler<I extends InterfaceSpec, N extends FunctionName<I>> = (
  context: MeteredContext,
  ...args: FunctionArguments<I, N>
) => FunctionResults<I, N> | Promise<FunctionResults<I, N>>;

export interface ModuleSpec<I extends InterfaceSpec> {
  readonly type: number;
  /** Short name: of the folder, of the namespace. */
  readonly name: string;
  readonly interface: ModuleInterface<I>;
  /** One handler per function of the interface. Values that leave are a tuple, as the interface lists them. */
  readonly handlers: { readonly [N in FunctionName<I>]: Handler<I, N> };
  /** Attribution units of a transaction, from declared sizes only; none by default. */
  readonly attributionUnits?: (call: TopLevelCall, view: StateView) => number;
}

/** What every call pays before anything else is done, even before its calldata is copied. */
export function entryPrice(calldataBytes: number): number {
  return ENTRY + CALLDATA_WORD * Math.ceil(calldataBytes / 32);
}
const ENTRY = Number(GAS.OPERATION);
const CALLDATA_WORD = Number(GAS.CALLDATA_WORD);

/** Builds the definition that the executor mounts. */
export function createModule<I extends InterfaceSpec>(spec: ModuleSpec<I>): ModuleDefinition {
  const { type, name, interface: abi, handlers } = spec;
  return {
    type,
    name,
    address: abi.address,
    recordAddress: recordAddress(type),
    async run(context: ModuleContext, calldata: Uint8Array): Promise<Uint8Array> {
      context.useGas(BigInt(entryPrice(calldata.length)));
      const item = abi.functionOf(calldata);
      if (item === undefined) throw moduleErrors.revert('UnknownOperation', []);
      checkCall(context, item);
      const args = decodeArguments(item, calldata);
      const handler = handlers[item.name as FunctionName<I>] as unknown as (
        context: MeteredContext,
        ...args: AbiValue[]
      ) => AbiValue[] | Promise<AbiValue[]>;
      const results = await handler(meter(context), ...args);
      return abi.encodeResult(item.name as FunctionName<I>, results as never);
    },
    encodeNative: (op, fields) => abi.encodeNative(op, fields),
    attributionUnits: (call, view) => spec.attributionUnits?.(call, view) ?? 0,
  };
}

/** E1: writes revert under static calls at any depth; value only where an operation is payable. */
function checkCall(context: ModuleContext, item: AbiFunction): void {
  if (item.mutability !== 'view' && context.isStatic) throw moduleErrors.revert('WriteInStaticContext', []);
  if (item.mutability !== 'payable' && context.value !== 0n) throw moduleErrors.revert('NotPayable', []);
}

function decodeArguments(item: AbiFunction, calldata: Uint8Array): AbiValue[] {
  try {
    return decodeParameters(
      item.inputs.map((input) => input.type),
      calldata.subarray(4),
    );
  } catch (error) {
    if (!(error instanceof AbiDecodeError)) throw error;
    throw moduleErrors.revert(error.code === 'INVALID_UTF8' ? 'InvalidUtf8' : 'MalformedCalldata', []);
  }
}

/** Refuses a text above its limit; sizes are bytes of UTF-8. */
export function checkText(text: string, limit: number): void {
  const size = utf8Bytes(text).length;
  if (size > limit) throw moduleErrors.revert('TextTooLong', [BigInt(size), BigInt(limit)]);
}
