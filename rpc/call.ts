/** Parameters of eth_call and its kin, and how their failures are told. */
import { checksumAddress, toHex } from '../state/crypto.ts';
import type {
  BlockOverrides,
  CallError,
  CallRequest,
  Hex,
  NativeField,
  StateOverrides,
} from '../state/types.ts';
import { RPC_CODES, RpcError } from './errors.ts';
import { revertReason } from './native.ts';
import {
  address,
  asObject,
  bytes,
  count,
  custom,
  hash,
  list,
  object,
  optional,
  type Param,
  quantityParam,
  safeInteger,
  slot,
  uint64,
} from './params.ts';

/** Items of an access list, keys of an item, authorizations: more would not fit a transaction of 128 KiB. */
const MAX_LIST = 4_096;
/** Accounts and slots of state overrides; bounded by the body as well. */
const MAX_OVERRIDES = 4_096;

const accessListItem = object('access list item', { address, storageKeys: list(hash, MAX_LIST) });
const authorization = object('authorization', {
  chainId: quantityParam,
  address,
  nonce: quantityParam,
  yParity: quantityParam,
  r: quantityParam,
  s: quantityParam,
});

/** RLP fields of a native operation: bytes or lists of fields. Depth is bounded by the request's own. */
const nativeField: Param<NativeField> = custom('native field', (value) => readField(value));
function readField(value: unknown): NativeField {
  return Array.isArray(value) ? value.map(readField) : bytes.read(value);
}

const shape = object('call', {
  from: optional(address),
  to: optional(address),
  gas: optional(uint64),
  gasPrice: optional(quantityParam),
  maxFeePerGas: optional(quantityParam),
  maxPriorityFeePerGas: optional(quantityParam),
  value: optional(quantityParam),
  nonce: optional(uint64),
  data: optional(bytes),
  input: optional(bytes),
  accessList: optional(list(accessListItem, MAX_LIST)),
  authorizationList: optional(list(authorization, MAX_LIST)),
  chainId: optional(quantityParam),
  blobVersionedHashes: optional(list(hash, MAX_LIST)),
  /** The native door of a module (an addition of ours): transaction type, operation, RLP fields. */
  native: optional(object('native', { type: count, op: count, fields: list(nativeField, MAX_LIST) })),
});
type CallParams = typeof shape extends Param<infer T> ? T : never;

export const callRequest: Param<CallParams> = custom('call', (value, refuse) => {
  const read = shape.read(value);
  if (read.blobVersionedHashes !== undefined)
    refuse('transaction type not supported: this chain has no blob transactions');
  if (read.data && read.input && toHex(read.data) !== toHex(read.input))
    refuse('both "data" and "input" are set and not equal. Please use "input" to pass transaction call data');
  if (
    read.gasPrice !== undefined &&
    (read.maxFeePerGas !== undefined || read.maxPriorityFeePerGas !== undefined)
  )
    refuse('both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified');
  if (
    read.maxFeePerGas !== undefined &&
    read.maxPriorityFeePerGas !== undefined &&
    read.maxPriorityFeePerGas > read.maxFeePerGas
  )
    refuse(
      `max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas ${read.maxPriorityFeePerGas}, maxFeePerGas ${read.maxFeePerGas}`,
    );
  return read;
});

/** @throws RpcError if the call names another chain than `thisChain`, where that is given */
export function toCallRequest(read: CallParams, thisChain?: number): CallRequest {
  const { authorizationList, input, data, native, chainId, blobVersionedHashes: _none, to, ...plain } = read;
  if (chainId !== undefined && thisChain !== undefined && chainId !== BigInt(thisChain))
    throw new RpcError(
      RPC_CODES.server,
      `chainId does not match node's (have=${chainId}, want=${thisChain})`,
    );
  const request: CallRequest = { to: to ?? null, data: input ?? data ?? new Uint8Array(0) };
  for (const [name, value] of Object.entries(plain))
    if (value !== undefined) Object.assign(request, { [name]: value });
  if (native) request.native = native;
  if (authorizationList)
    request.authorizationList = authorizationList.map((item) => ({
      ...item,
      yParity: Number(item.yParity),
    }));
  return request;
}

const accountOverride = object(
  'account override',
  {
    balance: optional(quantityParam),
    nonce: optional(uint64),
    code: optional(bytes),
    state: optional(slotMap()),
    stateDiff: optional(slotMap()),
    movePrecompileToAddress: optional(address),
  },
  'refuse',
);

const blockOverrides = object(
  'block overrides',
  {
    number: optional(safeInteger),
    time: optional(safeInteger),
    gasLimit: optional(uint64),
    feeRecipient: optional(address),
    prevRandao: optional(hash),
    baseFeePerGas: optional(quantityParam),
    blobBaseFee: optional(quantityParam),
    /** Without effect since the merge, as in geth. */
    difficulty: optional(quantityParam),
  },
  'refuse',
);

export const readBlockOverrides: Param<BlockOverrides> = custom('block overrides', (value) => {
  const { time, feeRecipient, difficulty: _difficulty, ...same } = blockOverrides.read(value);
  const overrides: BlockOverrides = {};
  for (const [name, item] of Object.entries({ ...same, timestamp: time, coinbase: feeRecipient }))
    if (item !== undefined) Object.assign(overrides, { [name]: item });
  return overrides;
});

function slotMap(): Param<Record<Hex, Hex>> {
  return custom('slots', (value, refuse) => {
    const entries = Object.entries(asObject(value));
    if (entries.length > MAX_OVERRIDES) return refuse(`more than ${MAX_OVERRIDES} slots`);
    return Object.fromEntries(entries.map(([key, item]) => [slot.read(key), slot.read(item)]));
  });
}

/** State overrides by address, as geth takes them. */
export const readOverrides: Param<StateOverrides> = custom('state overrides', (value, refuse) => {
  const entries = Object.entries(asObject(value));
  if (entries.length > MAX_OVERRIDES) return refuse(`more than ${MAX_OVERRIDES} accounts`);
  const overrides: StateOverrides = {};
  for (const [key, item] of entries) {
    const who = address.read(key);
    if (item === null) continue;
    const { balance, nonce, code, state, stateDiff, movePrecompileToAddress } = accountOverride.read(item);
    if (state && stateDiff)
      throw new RpcError(
        RPC_CODES.server,
        `account ${checksumAddress(who)} has both 'state' and 'stateDiff'`,
      );
    overrides[who] = {
      ...(balance === undefined ? {} : { balance }),
      ...(nonce === undefined ? {} : { nonce }),
      ...(code === undefined ? {} : { code }),
      ...(state === undefined ? {} : { state }),
      ...(stateDiff === undefined ? {} : { stateDiff }),
      ...(movePrecompileToAddress === undefined ? {} : { movePrecompileTo: movePrecompileToAddress }),
    };
  }
  return overrides;
});

/** geth: a revert is code 3 with the data; everything else is -32000 with the reason. */
export function callFailure(error: CallError): RpcError {
  if (error.kind !== 'revert') return new RpcError(RPC_CODES.server, error.message);
  const reason = revertReason(error.data);
  return new RpcError(
    RPC_CODES.reverted,
    reason === undefined ? 'execution reverted' : `execution reverted: ${reason}`,
    toHex(error.data),
  );
}
