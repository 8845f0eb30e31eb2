/**
 * A module's Solidity interface, written once as human-readable signatures. From it come the selectors, both doors'
 * calldata, return data, errors, events and the JSON ABI that clients read.
 */
import type { Hex, Log, NativeField } from '../../types.ts';
import { ModuleRevert } from '../context.ts';
import { keccak } from '../hash.ts';
import {
  AbiDecodeError,
  type AbiParameter,
  type AbiType,
  type AbiValue,
  concatBytes,
  decodeParameters,
  encodeParameters,
  fromHex,
  isDynamic,
  nativeFromValues,
  toHex,
  typeName,
  utf8Bytes,
  valuesFromNative,
} from './codec.ts';

// --- types of arguments, read off the signature by the compiler -------------------------------------------------

type Structs = Record<string, string>;

type ValueOf<T extends string, S extends Structs> = T extends `${infer E}[]`
  ? readonly ValueOf<E, S>[]
  : T extends keyof S
    ? StructOf<S[T], S>
    : T extends `uint${string}` | `int${string}`
      ? bigint
      : T extends 'bool'
        ? boolean
        : T extends 'string'
          ? string
          : T extends 'bytes'
            ? Uint8Array
            : T extends 'address' | `bytes${string}`
              ? Hex
              : never;

type TypeWord<P extends string> = P extends `${infer T} ${string}` ? T : P;
type LastWord<P extends string> = P extends `${string} ${infer R}` ? LastWord<R> : P;

type ListOf<P extends string, S extends Structs> = P extends ''
  ? []
  : P extends `${infer H}, ${infer T}`
    ? [ValueOf<TypeWord<H>, S>, ...ListOf<T, S>]
    : [ValueOf<TypeWord<P>, S>];

type StructOf<P extends string, S extends Structs> = P extends `${infer H}, ${infer T}`
  ? { readonly [K in LastWord<H>]: ValueOf<TypeWord<H>, S> } & StructOf<T, S>
  : { readonly [K in LastWord<P>]: ValueOf<TypeWord<P>, S> };

type ParametersIn<Sig extends string, S extends Structs> = Sig extends `${string}(${infer P})${string}`
  ? ListOf<P, S>
  : never;
type ParametersOut<Sig extends string, S extends Structs> = Sig extends `${string}returns (${infer P})`
  ? ListOf<P, S>
  : [];

// --- declarations -----------------------------------------------------------------------------------------------

/** A write has the number of its native operation; a view has none. */
export interface FunctionSpec {
  readonly op?: number;
  readonly signature: string;
}

export interface InterfaceSpec {
  /** Name of the Solidity interface. */
  readonly name: string;
  readonly address: Hex;
  readonly structs?: Structs;
  readonly functions: Readonly<Record<string, FunctionSpec>>;
  readonly events: Readonly<Record<string, string>>;
  readonly errors: Readonly<Record<string, string>>;
}

export type Mutability = 'view' | 'nonpayable' | 'payable';

export interface AbiFunction {
  readonly name: string;
  readonly op: number | undefined;
  readonly selector: Hex;
  readonly mutability: Mutability;
  readonly inputs: readonly AbiParameter[];
  readonly outputs: readonly AbiParameter[];
}

export interface AbiEvent {
  readonly name: string;
  readonly topic: Hex;
  readonly inputs: readonly (AbiParameter & { readonly indexed: boolean })[];
}

export interface AbiError {
  readonly name: string;
  readonly selector: Hex;
  readonly inputs: readonly AbiParameter[];
}

/** JSON ABI as solc, viem and ethers know it (without `internalType`). */
export interface JsonAbiParameter {
  name: string;
  type: string;
  indexed?: boolean;
  components?: JsonAbiParameter[];
}
export type JsonAbiItem =
  | {
      type: 'function';
      name: string;
      stateMutability: Mutability;
      inputs: JsonAbiParameter[];
      outputs: JsonAbiParameter[];
    }
  | { type: 'event'; name: string; anonymous: false; inputs: JsonAbiParameter[] }
  | { type: 'error'; name: string; inputs: JsonAbiParameter[] };
export type JsonAbi = JsonAbiItem[];

export interface DecodedItem {
  name: string;
  args: AbiValue[];
  /** The same arguments by parameter name. */
  named: Record<string, AbiValue>;
}

type StructsOf<I extends InterfaceSpec> = I['structs'] extends Structs ? I['structs'] : Record<never, never>;
export type FunctionName<I extends InterfaceSpec> = keyof I['functions'] & string;
export type FunctionArguments<I extends InterfaceSpec, N extends FunctionName<I>> = ParametersIn<
  I['functions'][N]['signature'],
  StructsOf<I>
>;
export type FunctionResults<I extends InterfaceSpec, N extends FunctionName<I>> = ParametersOut<
  I['functions'][N]['signature'],
  StructsOf<I>
>;
export type EventArguments<I extends InterfaceSpec, N extends keyof I['events'] & string> = ParametersIn<
  I['events'][N],
  StructsOf<I>
>;
export type ErrorArguments<I extends InterfaceSpec, N extends keyof I['errors'] & string> = ParametersIn<
  I['errors'][N],
  StructsOf<I>
>;

export interface ModuleInterface<I extends InterfaceSpec = InterfaceSpec> {
  readonly spec: I;
  readonly name: string;
  readonly address: Hex;
  readonly abi: JsonAbi;
  readonly functions: ReadonlyMap<string, AbiFunction>;
  /** The function that this calldata calls, undefined for an unknown selector. */
  functionOf(calldata: Uint8Array): AbiFunction | undefined;
  /** selector || arguments. @throws RangeError when an argument does not fit. */
  encodeCall<N extends FunctionName<I>>(name: N, args: FunctionArguments<I, N>): Uint8Array;
  /** Native door of the same call, for clients. */
  nativeCall<N extends FunctionName<I>>(
    name: N,
    args: FunctionArguments<I, N>,
  ): { op: number; fields: NativeField[] };
  /** Calldata of native operation `op`, undefined when the fields are malformed. */
  encodeNative(op: number, fields: readonly NativeField[]): Uint8Array | undefined;
  /** Name and arguments of a call, undefined when it is none of this interface's. */
  decodeCall(calldata: Uint8Array): DecodedItem | undefined;
  encodeResult<N extends FunctionName<I>>(name: N, values: FunctionResults<I, N>): Uint8Array;
  decodeResult<N extends FunctionName<I>>(name: N, data: Uint8Array): FunctionResults<I, N>;
  encodeError<N extends keyof I['errors'] & string>(name: N, args: ErrorArguments<I, N>): Uint8Array;
  decodeError(data: Uint8Array): DecodedItem | undefined;
  /** What a handler throws: a revert whose data is the ABI-encoded error. */
  revert<N extends keyof I['errors'] & string>(name: N, args: ErrorArguments<I, N>): ModuleRevert;
  encodeEvent<N extends keyof I['events'] & string>(name: N, args: EventArguments<I, N>): Log;
  decodeEvent(log: { topics: readonly Hex[]; data: Uint8Array }): DecodedItem | undefined;
  /** First topic of an event, for filters. */
  topicOf(name: keyof I['events'] & string): Hex;
}

/** The JSON ABI errors of these data, whichever interface they belong to; used by people-facing code. */
export function describeError(
  interfaces: readonly Pick<ModuleInterface, 'decodeError'>[],
  data: Uint8Array,
): DecodedItem | undefined {
  for (const candidate of interfaces) {
    const decoded = candidate.decodeError(data);
    if (decoded) return decoded;
  }
  return undefined;
}

/**
 * Builds an interface from signatures. Parameters are separated by `, `; a struct is named and declared in `structs`.
 * @throws Error at load time when a signature cannot be read or two selectors or operations collide.
 */
export function defineInterface<const I extends InterfaceSpec>(spec: I): ModuleInterface<I> {
  const structs = spec.structs ?? {};
  const functions = new Map<string, AbiFunction>();
  const bySelector = new Map<Hex, AbiFunction>();
  const byOp = new Map<number, AbiFunction>();
  for (const [key, { op, signature }] of Object.entries(spec.functions)) {
    const item = parseFunction(key, op, signature, structs);
    if (bySelector.has(item.selector)) throw new Error(`${spec.name}: selector of ${key} is taken`);
    functions.set(key, item);
    bySelector.set(item.selector, item);
    if (op === undefined) continue;
    if (byOp.has(op)) throw new Error(`${spec.name}: operation ${op} is taken`);
    byOp.set(op, item);
  }
  const events = new Map<string, AbiEvent>();
  const byTopic = new Map<Hex, AbiEvent>();
  for (const [key, signature] of Object.entries(spec.events)) {
    const item = parseEvent(key, signature, structs);
    events.set(key, item);
    byTopic.set(item.topic, item);
  }
  const errors = new Map<string, AbiError>();
  const errorBySelector = new Map<Hex, AbiError>();
  for (const [key, signature] of Object.entries(spec.errors)) {
    const item = parseError(key, signature, structs);
    errors.set(key, item);
    errorBySelector.set(item.selector, item);
  }

  const functionNamed = (name: string): AbiFunction => must(functions.get(name), `${spec.name}.${name}`);
  const errorNamed = (name: string): AbiError => must(errors.get(name), `${spec.name}.${name}`);
  const eventNamed = (name: string): AbiEvent => must(events.get(name), `${spec.name}.${name}`);
  const encodeError = (name: string, args: readonly AbiValue[]): Uint8Array => {
    const item = errorNamed(name);
    return concatBytes(fromHex(item.selector), encodeParameters(typesOf(item.inputs), args));
  };
  const functionOf = (calldata: Uint8Array): AbiFunction | undefined =>
    calldata.length < 4 ? undefined : bySelector.get(toHex(calldata.subarray(0, 4)));

  return {
    spec,
    name: spec.name,
    address: spec.address,
    abi: jsonAbi([...functions.values()], [...events.values()], [...errors.values()]),
    functions,
    functionOf,
    encodeCall(name, args) {
      const item = functionNamed(name);
      return concatBytes(
        fromHex(item.selector),
        encodeParameters(typesOf(item.inputs), args as readonly AbiValue[]),
      );
    },
    nativeCall(name, args) {
      const item = functionNamed(name);
      if (item.op === undefined) throw new RangeError(`${spec.name}.${name} is a view`);
      return {
        op: item.op,
        fields: nativeFromValues(typesOf(item.inputs), args as readonly AbiValue[]),
      };
    },
    encodeNative(op, fields) {
      const item = byOp.get(op);
      if (!item) return undefined;
      try {
        const values = valuesFromNative(typesOf(item.inputs), fields);
        return concatBytes(fromHex(item.selector), encodeParameters(typesOf(item.inputs), values));
      } catch (error) {
        if (error instanceof AbiDecodeError) return undefined;
        throw error;
      }
    },
    decodeCall(calldata) {
      const item = functionOf(calldata);
      return item && tryDecode(item.name, item.inputs, calldata.subarray(4));
    },
    encodeResult(name, values) {
      return encodeParameters(typesOf(functionNamed(name).outputs), values as readonly AbiValue[]);
    },
    decodeResult<N extends FunctionName<I>>(name: N, data: Uint8Array) {
      return decodeParameters(typesOf(functionNamed(name).outputs), data) as unknown as FunctionResults<I, N>;
    },
    encodeError(name, args) {
      return encodeError(name, args as readonly AbiValue[]);
    },
    decodeError(data) {
      const item = data.length < 4 ? undefined : errorBySelector.get(toHex(data.subarray(0, 4)));
      return item && tryDecode(item.name, item.inputs, data.subarray(4));
    },
    revert(name, args) {
      const list = args as readonly AbiValue[];
      return new ModuleRevert(encodeError(name, list), `${name}(${list.map(show).join(', ')})`);
    },
    encodeEvent(name, args) {
      const item = eventNamed(name);
      const values = args as readonly AbiValue[];
      const topics: Hex[] = [item.topic];
      item.inputs.forEach((input, i) => {
        if (input.indexed) topics.push(toHex(encodeParameters([input.type], [values[i] as AbiValue])));
      });
      const plain = item.inputs.flatMap((input, i) =>
        input.indexed ? [] : [{ type: input.type, value: values[i] as AbiValue }],
      );
      const data = encodeParameters(
        plain.map((entry) => entry.type),
        plain.map((entry) => entry.value),
      );
      return { address: spec.address, topics, data };
    },
    decodeEvent(log) {
      const topic = log.topics[0];
      const item = topic && byTopic.get(topic);
      return item ? decodeLog(item, log) : undefined;
    },
    topicOf: (name) => eventNamed(name).topic,
  };
}

/** A struct as it stands in a record's body: `abi.encode(struct)`, so that a contract can read what it has proved. */
export interface StructCodec<T> {
  encode(value: T): Uint8Array;
  /** @throws AbiDecodeError */
  decode(bytes: Uint8Array): T;
}

/** Codec of the struct with these fields; `structs` are the structs it names. */
export function defineStruct<const F extends string, const S extends Structs = Record<never, never>>(
  fields: F,
  structs: S = {} as S,
): StructCodec<StructOf<F, S>> {
  const type: AbiType = { kind: 'tuple', name: 'struct', components: parseParameters(fields, structs) };
  return {
    encode: (value) => encodeParameters([type], [value as unknown as AbiValue]),
    decode: (bytes) => decodeParameters([type], bytes)[0] as unknown as StructOf<F, S>,
  };
}

// --- signatures -------------------------------------------------------------------------------------------------

function parseFunction(
  key: string,
  op: number | undefined,
  signature: string,
  structs: Structs,
): AbiFunction {
  const match = /^function (\w+)\(([^)]*)\)(?: (payable|view))?(?: returns \(([^)]*)\))?$/.exec(signature);
  if (!match || match[1] !== key) throw new Error(`cannot read signature: ${signature}`);
  const mutability = (match[3] ?? 'nonpayable') as Mutability;
  if ((mutability === 'view') !== (op === undefined))
    throw new Error(`${key}: a write has an operation number and a view has none`);
  const inputs = parseParameters(match[2] ?? '', structs);
  return {
    name: key,
    op,
    mutability,
    selector: selectorOf(key, inputs),
    inputs,
    outputs: parseParameters(match[4] ?? '', structs),
  };
}

function parseEvent(key: string, signature: string, structs: Structs): AbiEvent {
  const match = /^event (\w+)\(([^)]*)\)$/.exec(signature);
  if (!match || match[1] !== key) throw new Error(`cannot read signature: ${signature}`);
  const inputs = splitList(match[2] ?? '').map((text) => {
    const indexed = text.includes(' indexed ');
    const parameter = parseParameter(text.replace(' indexed ', ' '), structs);
    if (indexed && isDynamic(parameter.type))
      throw new Error(`${key}: an indexed ${parameter.name} would be hashed`);
    return { ...parameter, indexed };
  });
  return { name: key, topic: toHex(signatureHash(key, inputs)), inputs };
}

function parseError(key: string, signature: string, structs: Structs): AbiError {
  const match = /^error (\w+)\(([^)]*)\)$/.exec(signature);
  if (!match || match[1] !== key) throw new Error(`cannot read signature: ${signature}`);
  const inputs = parseParameters(match[2] ?? '', structs);
  return { name: key, selector: selectorOf(key, inputs), inputs };
}

function parseParameters(text: string, structs: Structs): AbiParameter[] {
  return splitList(text).map((part) => parseParameter(part, structs));
}

function splitList(text: string): string[] {
  return text === '' ? [] : text.split(', ');
}

function parseParameter(text: string, structs: Structs): AbiParameter {
  const words = text.split(' ');
  if (words.length !== 2 || !words[0] || !words[1]) throw new Error(`cannot read parameter: ${text}`);
  return { name: words[1], type: parseType(words[0], structs) };
}

function parseType(text: string, structs: Structs): AbiType {
  if (text.endsWith('[]')) return { kind: 'array', element: parseType(text.slice(0, -2), structs) };
  const fields = structs[text];
  if (fields !== undefined)
    return { kind: 'tuple', name: text, components: parseParameters(fields, structs) };
  if (text === 'bool' || text === 'address' || text === 'bytes' || text === 'string') return { kind: text };
  const integer = /^(u?int)(\d+)$/.exec(text);
  if (integer) {
    const bits = Number(integer[2]);
    if (bits >= 8 && bits <= 256 && bits % 8 === 0)
      return { kind: integer[1] === 'uint' ? 'uint' : 'int', bits };
  }
  const fixed = /^bytes(\d+)$/.exec(text);
  if (fixed && Number(fixed[1]) >= 1 && Number(fixed[1]) <= 32)
    return { kind: 'fixedBytes', length: Number(fixed[1]) };
  throw new Error(`unknown type: ${text}`);
}

function signatureHash(name: string, inputs: readonly AbiParameter[]): Uint8Array {
  return keccak(utf8Bytes(`${name}(${inputs.map((input) => typeName(input.type)).join(',')})`));
}

function selectorOf(name: string, inputs: readonly AbiParameter[]): Hex {
  return toHex(signatureHash(name, inputs).subarray(0, 4));
}

function typesOf(parameters: readonly AbiParameter[]): AbiType[] {
  return parameters.map((parameter) => parameter.type);
}

// --- decoding for clients ---------------------------------------------------------------------------------------

function tryDecode(name: string, inputs: readonly AbiParameter[], data: Uint8Array): DecodedItem | undefined {
  try {
    const args = decodeParameters(typesOf(inputs), data);
    return { name, args, named: nameValues(inputs, args) };
  } catch (error) {
    if (error instanceof AbiDecodeError) return undefined;
    throw error;
  }
}

function decodeLog(
  item: AbiEvent,
  log: { topics: readonly Hex[]; data: Uint8Array },
): DecodedItem | undefined {
  const indexed = item.inputs.filter((input) => input.indexed);
  if (log.topics.length !== 1 + indexed.length) return undefined;
  try {
    const plain = decodeParameters(typesOf(item.inputs.filter((input) => !input.indexed)), log.data);
    let topic = 1;
    let at = 0;
    const args = item.inputs.map((input) =>
      input.indexed
        ? (decodeParameters([input.type], fromHex(log.topics[topic++] as Hex))[0] as AbiValue)
        : (plain[at++] as AbiValue),
    );
    return { name: item.name, args, named: nameValues(item.inputs, args) };
  } catch (error) {
    if (error instanceof AbiDecodeError) return undefined;
    throw error;
  }
}

function nameValues(inputs: readonly AbiParameter[], values: readonly AbiValue[]): Record<string, AbiValue> {
  return Object.fromEntries(inputs.map((input, i) => [input.name, values[i] as AbiValue]));
}

function show(value: AbiValue): string {
  if (value instanceof Uint8Array) return toHex(value.subarray(0, 32));
  return typeof value === 'object' ? '…' : String(value).slice(0, 80);
}

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`no such item: ${what}`);
  return value;
}

// --- JSON ABI ---------------------------------------------------------------------------------------------------

function jsonAbi(
  functions: readonly AbiFunction[],
  events: readonly AbiEvent[],
  errors: readonly AbiError[],
): JsonAbi {
  return [
    ...functions.map((item) => ({
      type: 'function' as const,
      name: item.name,
      stateMutability: item.mutability,
      inputs: item.inputs.map(jsonParameter),
      outputs: item.outputs.map(jsonParameter),
    })),
    ...events.map((item) => ({
      type: 'event' as const,
      name: item.name,
      anonymous: false as const,
      inputs: item.inputs.map((input) => ({ ...jsonParameter(input), indexed: input.indexed })),
    })),
    ...errors.map((item) => ({
      type: 'error' as const,
      name: item.name,
      inputs: item.inputs.map(jsonParameter),
    })),
  ];
}

function jsonParameter({ name, type }: AbiParameter): JsonAbiParameter {
  let element = type;
  let suffix = '';
  while (element.kind === 'array') {
    suffix += '[]';
    element = element.element;
  }
  if (element.kind !== 'tuple') return { name, type: typeName(type) };
  return { name, type: `tuple${suffix}`, components: element.components.map(jsonParameter) };
}
