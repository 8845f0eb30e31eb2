import fc from 'fast-check';
import {
  type Abi,
  decodeErrorResult,
  decodeEventLog,
  encodeAbiParameters,
  encodeFunctionData,
  getAbiItem,
  toEventSelector,
  toFunctionSelector,
} from 'viem';
import { describe, expect, it } from 'vitest';
import {
  AbiDecodeError,
  type AbiParameter,
  type AbiType,
  type AbiValue,
  decodeParameters,
  encodeParameters,
  fromHex,
  nativeFromValues,
  toHex,
  typeName,
  valuesFromNative,
} from '../../../../state/modules/abi.ts';
import {
  contributionInterface,
  dataNetInterface,
  interfaces,
  modelInterface,
} from '../../../../state/modules/interfaces.ts';

const seed = Number(process.env['FC_SEED'] ?? 20260701);
const settings = { seed, numRuns: 400 };

/** viem's description of a type of ours. */
function viemParameter(type: AbiType, name = ''): { name: string; type: string; components?: unknown[] } {
  let element = type;
  let suffix = '';
  while (element.kind === 'array') {
    suffix += '[]';
    element = element.element;
  }
  if (element.kind !== 'tuple') return { name, type: typeName(type) };
  return {
    name,
    type: `tuple${suffix}`,
    components: element.components.map((component) => viemParameter(component.type, component.name)),
  };
}

/** viem takes small integers as numbers and bytes as hex. */
function viemValue(type: AbiType, value: AbiValue): unknown {
  switch (type.kind) {
    case 'uint':
    case 'int':
      return type.bits <= 48 ? Number(value) : value;
    case 'bytes':
      return toHex(value as Uint8Array);
    case 'array':
      return (value as AbiValue[]).map((item) => viemValue(type.element, item));
    case 'tuple':
      return Object.fromEntries(
        type.components.map((component) => [
          component.name,
          viemValue(component.type, (value as Record<string, AbiValue>)[component.name] as AbiValue),
        ]),
      );
    default:
      return value;
  }
}

const anyType: fc.Arbitrary<AbiType> = fc.letrec<{ type: AbiType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constantFrom<AbiType>({ kind: 'bool' }, { kind: 'address' }, { kind: 'bytes' }, { kind: 'string' }),
    fc.integer({ min: 1, max: 32 }).map((n): AbiType => ({ kind: 'uint', bits: 8 * n })),
    fc.integer({ min: 1, max: 32 }).map((n): AbiType => ({ kind: 'int', bits: 8 * n })),
    fc.integer({ min: 1, max: 32 }).map((length): AbiType => ({ kind: 'fixedBytes', length })),
    tie('type').map((element): AbiType => ({ kind: 'array', element })),
    fc.array(tie('type'), { minLength: 1, maxLength: 4 }).map(
      (types): AbiType => ({
        kind: 'tuple',
        name: 'T',
        components: types.map((type, i): AbiParameter => ({ name: `f${i}`, type })),
      }),
    ),
  ),
})).type;

const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });

function valuesOf(type: AbiType): fc.Arbitrary<AbiValue> {
  switch (type.kind) {
    case 'uint':
      return fc.bigInt({ min: 0n, max: (1n << BigInt(type.bits)) - 1n });
    case 'int':
      return fc.bigInt({ min: -(1n << BigInt(type.bits - 1)), max: (1n << BigInt(type.bits - 1)) - 1n });
    case 'bool':
      return fc.boolean();
    case 'address':
      return bytes(20).map(toHex);
    case 'fixedBytes':
      return bytes(type.length).map(toHex);
    case 'bytes':
      return fc.uint8Array({ maxLength: 100 });
    case 'string':
      return fc.string({ unit: 'binary', maxLength: 60 });
    case 'array':
      return fc.array(valuesOf(type.element), { maxLength: 4 });
    case 'tuple':
      return fc
        .tuple(...type.components.map((component) => valuesOf(component.type)))
        .map((values) =>
          Object.fromEntries(type.components.map((component, i) => [component.name, values[i] as AbiValue])),
        );
  }
}

const typesAndValues = fc
  .array(anyType, { minLength: 1, maxLength: 5 })
  .chain((types) => fc.tuple(fc.constant(types), fc.tuple(...types.map(valuesOf))));

describe('the ABI codec', () => {
  it('encodes what viem encodes and reads it back', () => {
    fc.assert(
      fc.property(typesAndValues, ([types, values]) => {
        const ours = encodeParameters(types, values);
        const theirs = encodeAbiParameters(
          types.map((type) => viemParameter(type)) as never,
          types.map((type, i) => viemValue(type, values[i] as AbiValue)) as never,
        );
        expect(toHex(ours)).toBe(theirs);
        expect(decodeParameters(types, ours)).toEqual(values);
      }),
      settings,
    );
  });

  it('accepts exactly one encoding: whatever it decodes, it encodes to the same bytes', () => {
    let accepted = 0;
    fc.assert(
      fc.property(
        typesAndValues,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.constantFrom('flip', 'append', 'cut'),
        ([types, values], at, change, how) => {
          const data = encodeParameters(types, values);
          const broken =
            how === 'append'
              ? new Uint8Array([...data, change & 1])
              : how === 'cut'
                ? data.slice(0, data.length - 1)
                : data.map((byte, i) => (i === at % data.length ? byte ^ change : byte));
          let decoded: AbiValue[];
          try {
            decoded = decodeParameters(types, broken);
          } catch (error) {
            expect(error).toBeInstanceOf(AbiDecodeError);
            return;
          }
          accepted++;
          expect(toHex(encodeParameters(types, decoded))).toBe(toHex(broken));
        },
      ),
      settings,
    );
    expect(accepted).toBeGreaterThan(0);
  });

  it('refuses random bytes without any other exception and in time linear in their length', () => {
    fc.assert(
      fc.property(
        fc.array(anyType, { minLength: 1, maxLength: 5 }),
        fc.uint8Array({ maxLength: 400 }),
        (types, data) => {
          try {
            decodeParameters(types, data);
          } catch (error) {
            expect(error).toBeInstanceOf(AbiDecodeError);
          }
        },
      ),
      settings,
    );
  });

  it('refuses tails that overlap, leave gaps or stand out of order', () => {
    const text: AbiType[] = [{ kind: 'string' }, { kind: 'string' }];
    const word = (n: number): string => n.toString(16).padStart(64, '0');
    const tail = word(1) + '61'.padEnd(64, '0');
    const good = fromHex(`0x${word(64)}${word(128)}${tail}${tail}`);
    expect(decodeParameters(text, good)).toEqual(['a', 'a']);
    for (const [first, second] of [
      [64, 64],
      [128, 64],
      [64, 96],
      [0, 0],
    ] as const)
      expect(() => decodeParameters(text, fromHex(`0x${word(first)}${word(second)}${tail}${tail}`))).toThrow(
        AbiDecodeError,
      );
    const gap = fromHex(`0x${word(64)}${word(160)}${tail}${word(0)}${tail}`);
    expect(() => decodeParameters(text, gap)).toThrow(AbiDecodeError);
  });

  it('refuses a list that claims more elements than the data has room for', () => {
    const type: AbiType[] = [{ kind: 'array', element: { kind: 'uint', bits: 256 } }];
    const word = (n: number): string => n.toString(16).padStart(64, '0');
    expect(() => decodeParameters(type, fromHex(`0x${word(32)}${word(0xffffffff)}`))).toThrow(AbiDecodeError);
    expect(() => decodeParameters(type, fromHex(`0x${word(32)}${'ff'.repeat(32)}`))).toThrow(AbiDecodeError);
  });

  it('says which bytes are not UTF-8', () => {
    const data = encodeParameters([{ kind: 'bytes' }], [Uint8Array.of(0xc3, 0x28)]);
    expect(() => decodeParameters([{ kind: 'string' }], data)).toThrow(/UTF-8/);
  });

  it('carries the same values through the native door', () => {
    const noSigned = (type: AbiType): boolean =>
      type.kind === 'int'
        ? false
        : type.kind === 'array'
          ? noSigned(type.element)
          : type.kind === 'tuple'
            ? type.components.every((component) => noSigned(component.type))
            : true;
    fc.assert(
      fc.property(
        typesAndValues.filter(([types]) => types.every(noSigned)),
        ([types, values]) => {
          expect(valuesFromNative(types, nativeFromValues(types, values))).toEqual(values);
        },
      ),
      settings,
    );
  });

  it('refuses native fields that are not canonical', () => {
    const uint: AbiType[] = [{ kind: 'uint', bits: 16 }];
    expect(valuesFromNative(uint, [new Uint8Array(0)])).toEqual([0n]);
    for (const field of [Uint8Array.of(0), Uint8Array.of(0, 1), Uint8Array.of(1, 0, 0), []])
      expect(() => valuesFromNative(uint, [field])).toThrow(AbiDecodeError);
    expect(() => valuesFromNative([{ kind: 'bool' }], [Uint8Array.of(2)])).toThrow(AbiDecodeError);
    expect(() => valuesFromNative([{ kind: 'address' }], [new Uint8Array(19)])).toThrow(AbiDecodeError);
    expect(() => valuesFromNative(uint, [])).toThrow(AbiDecodeError);
  });
});

describe('the interfaces of the modules', () => {
  it('have the selectors and topics that viem computes', () => {
    for (const candidate of Object.values(interfaces)) {
      for (const item of candidate.functions.values())
        expect(item.selector).toBe(
          toFunctionSelector(getAbiItem({ abi: candidate.abi as Abi, name: item.name }) as never),
        );
      for (const name of Object.keys(candidate.spec.events))
        expect((candidate.topicOf as (name: string) => string)(name)).toBe(
          toEventSelector(getAbiItem({ abi: candidate.abi as Abi, name }) as never),
        );
    }
  });

  it('encode calls, errors and events that viem reads', () => {
    const args = ['poems', 'a summary', '', ['verse', 'English']] as [string, string, string, string[]];
    expect(toHex(dataNetInterface.encodeCall('create', args))).toBe(
      encodeFunctionData({ abi: dataNetInterface.abi as Abi, functionName: 'create', args }),
    );
    const error = contributionInterface.revert('ContributionTooLarge', [7n, 5n]);
    expect(
      decodeErrorResult({ abi: contributionInterface.abi as Abi, data: toHex(error.data) }),
    ).toMatchObject({
      errorName: 'ContributionTooLarge',
      args: [7n, 5n],
    });
    const owner = `0x${'12'.repeat(20)}` as const;
    const log = modelInterface.encodeEvent('Registered', [3n, owner, owner, 4n, 1n, 'oracle']);
    expect(
      decodeEventLog({ abi: modelInterface.abi as Abi, topics: log.topics as never, data: toHex(log.data) }),
    ).toMatchObject({ eventName: 'Registered', args: { modelId: 3n, kind: 4, engine: 1, name: 'oracle' } });
    expect(modelInterface.decodeEvent(log)?.named).toEqual({
      modelId: 3n,
      owner,
      operator: owner,
      kind: 4n,
      engine: 1n,
      name: 'oracle',
    });
  });

  it('give the same calldata through both doors', () => {
    const args = ['poems', 'a summary', '', ['verse']] as [string, string, string, string[]];
    const { op, fields } = dataNetInterface.nativeCall('create', args);
    expect(op).toBe(1);
    expect(dataNetInterface.encodeNative(op, fields)).toEqual(dataNetInterface.encodeCall('create', args));
    expect(dataNetInterface.encodeNative(99, fields)).toBeUndefined();
    expect(dataNetInterface.encodeNative(1, fields.slice(1))).toBeUndefined();
    expect(dataNetInterface.encodeNative(1, [Uint8Array.of(0xff), ...fields.slice(1)])).toBeUndefined();
  });
});
