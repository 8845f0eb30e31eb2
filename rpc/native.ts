/** Native operations, their events and errors for people: one stable JSON for both doors. */
import { toHex } from '../state/crypto.ts';
import type { AbiValue } from '../state/modules/abi.ts';
import { moduleErrors } from '../state/modules/common.ts';
import { attestationInterface, interfaceAt, interfaceList, interfaces } from '../state/modules/interfaces.ts';
import { readAttestation } from '../state/transactions/attestation.ts';
import type { Hex, Log } from '../state/types.ts';

const NAME_OF_ADDRESS: ReadonlyMap<string, string> = new Map(
  Object.entries(interfaces).map(([name, { address }]) => [address, name]),
);

/** Types of the native envelope: 0x50 to 0x5f. */
export function isNativeType(type: number): boolean {
  return type >= 0x50 && type <= 0x5f;
}

/** An argument as JSON: integers as decimal strings (an id may exceed 2^53), bytes as hex, structs by name. */
export type JsonValue = string | boolean | null | JsonValue[] | { [name: string]: JsonValue };

export function argumentJson(value: AbiValue): JsonValue {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map((item) => argumentJson(item as AbiValue));
  if (typeof value === 'object')
    return Object.fromEntries(
      Object.entries(value as Record<string, AbiValue>).map(([name, item]) => [name, argumentJson(item)]),
    );
  return value as string | boolean;
}

function namedJson(named: Record<string, AbiValue>): { [name: string]: JsonValue } {
  return Object.fromEntries(Object.entries(named).map(([name, value]) => [name, argumentJson(value)]));
}

export interface CallDescription {
  module: string;
  /** Name of the operation in the module's Solidity interface; null when the calldata is none of it. */
  operation: string | null;
  args: { [name: string]: JsonValue };
}

/** What a call to a module says, whichever door it used; nothing for other addresses. */
export function describeCall(to: Hex | null, data: Uint8Array): CallDescription | Record<string, never> {
  const module = to === null ? undefined : NAME_OF_ADDRESS.get(to);
  const found = to === null ? undefined : interfaceAt(to);
  if (module === undefined || found === undefined) return {};
  const attestation = found.address === attestationInterface.address ? describeAttestation(data) : undefined;
  if (attestation !== undefined) return attestation;
  const call = found.decodeCall(data);
  return { module, operation: call?.name ?? null, args: call ? namedJson(call.named) : {} };
}

/** Attestations have no calldata: their bytes are what follows the type. */
function describeAttestation(data: Uint8Array): CallDescription | undefined {
  const operation = readAttestation(data);
  if (operation === undefined) return undefined;
  const { op, subject } = operation;
  if (op === 'publish')
    return { module: 'attestation', operation: op, args: { subject, size: String(operation.object.length) } };
  const { validator, root, signature } = operation;
  return {
    module: 'attestation',
    operation: op,
    args: { subject, validator, root, signature: toHex(signature) },
  };
}

/** A module's event: null when the log is not one of a module's. */
export function describeLog(log: Log): { module: string; event: string; args: JsonValue } | null {
  const module = NAME_OF_ADDRESS.get(log.address);
  const decoded = interfaceAt(log.address)?.decodeEvent(log);
  if (module === undefined || decoded === undefined) return null;
  return { module, event: decoded.name, args: namedJson(decoded.named) };
}

const ERROR_STRING = '0x08c379a0';
const PANIC = '0x4e487b71';
/** A reason is cut here: contracts choose its length. */
const MAX_REASON = 1_024;

/** What a person can read in revert data: Error(string), Panic(uint256), or a module's error. */
export function revertReason(data: Uint8Array): string | undefined {
  const error = describeError(data);
  if (error !== undefined) {
    const args = Object.values(error.args).map((value) =>
      typeof value === 'string' ? value : JSON.stringify(value),
    );
    return `${error.name}(${args.join(', ')})`.slice(0, MAX_REASON);
  }
  if (data.length < 4) return undefined;
  const selector = toHex(data.subarray(0, 4));
  if (selector === ERROR_STRING && data.length >= 68) {
    const length = Number(BigInt(toHex(data.subarray(36, 68))));
    if (!(length <= data.length - 68)) return undefined;
    return Buffer.from(data.subarray(68, 68 + length))
      .toString('utf8')
      .slice(0, MAX_REASON);
  }
  if (selector === PANIC && data.length >= 36) {
    const code = BigInt(toHex(data.subarray(4, 36)));
    return PANICS[Number(code)] ?? `unknown panic code: 0x${code.toString(16)}`;
  }
  return undefined;
}

/** Texts of geth (accounts/abi). https://docs.soliditylang.org/en/latest/control-structures.html#panic */
const PANICS: Readonly<Record<number, string>> = {
  0: 'generic panic',
  1: 'assert(false)',
  17: 'arithmetic underflow or overflow',
  18: 'division or modulo by zero',
  33: 'enum overflow',
  34: 'invalid encoded storage byte array accessed',
  49: 'out-of-bounds array access; popping on an empty array',
  50: 'out-of-bounds access of an array or bytesN',
  65: 'out of memory',
  81: 'uninitialized function',
};

/** A module's custom error, or undefined. */
export function describeError(
  data: Uint8Array,
): { name: string; args: { [name: string]: JsonValue } } | undefined {
  if (data.length < 4) return undefined;
  for (const candidate of [moduleErrors, ...interfaceList]) {
    const decoded = candidate.decodeError(data);
    if (decoded) return { name: decoded.name, args: namedJson(decoded.named) };
  }
  return undefined;
}
