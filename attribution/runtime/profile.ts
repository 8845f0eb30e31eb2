/** Canonical bytes of a profile: what a registration pins. Layout in docs/runtime.md, §4. */
import { keccak_256 } from '@noble/hashes/sha3.js';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { ELEMENT_TYPE_NUMBERS, type ModelProfile, type NamedTensorType } from './types.ts';

const VERSION = 1;

/** All integers are big-endian; text is ASCII with its length in two bytes; lists begin with their length in two bytes. */
export function encodeProfile(profile: ModelProfile): Uint8Array {
  const bytes: number[] = [];
  const integer = (value: number, size: number): void => {
    for (let i = size - 1; i >= 0; i--) bytes.push(Number((BigInt(value) >> BigInt(8 * i)) & 0xffn));
  };
  const text = (value: string): void => {
    integer(value.length, 2);
    for (let i = 0; i < value.length; i++) bytes.push(value.charCodeAt(i));
  };
  const list = <T>(values: readonly T[], write: (value: T) => void): void => {
    integer(values.length, 2);
    for (const value of values) write(value);
  };
  const tensor = ({ name, type, shape }: NamedTensorType): void => {
    text(name);
    integer(ELEMENT_TYPE_NUMBERS[type], 1);
    list(shape, (size) => integer(size, 4));
  };
  integer(VERSION, 1);
  bytes.push(...hexToBytes(profile.modelHash.slice(2)));
  integer(profile.modelBytes, 4);
  integer(profile.irVersion, 1);
  integer(profile.opset, 1);
  integer(profile.modelClass === 'integer-only' ? 1 : 0, 1);
  integer(profile.parameters, 8);
  integer(profile.peakBytes, 8);
  integer(profile.operations, 8);
  list(profile.operators, ({ name, nodes }) => {
    text(name);
    integer(nodes, 4);
  });
  list(profile.inputs, tensor);
  list(profile.outputs, tensor);
  list(profile.dimensions, ({ name, size }) => {
    text(name);
    integer(size, 4);
  });
  return Uint8Array.from(bytes);
}

/** keccak-256 of the canonical bytes: 0x and 64 lower-case hex digits. */
export function profileHash(profile: ModelProfile): string {
  return `0x${bytesToHex(keccak_256(encodeProfile(profile)))}`;
}
