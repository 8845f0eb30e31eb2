/**
 * Sets of validators: who they are, in which order bits and bytes list them, and what a quorum is.
 */
import { bytesToHex, hexToBytes } from '../bytes.ts';
import { ConsensusError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { bigintToBytes, decodeRlp, encodeRlp, rlpBigint, rlpBytes, rlpList } from '../rlp.ts';
import type { Address, Hash, Validator, ValidatorSet } from '../types.ts';
import { ADDRESS_BYTES, isAddress, PUBLIC_KEY_BYTES } from '../types.ts';

/**
 * Sorts by address and checks the set.
 * @throws ConsensusError BAD_SET (empty, duplicate address or key, power < 1) or LIMIT.
 */
export function createValidatorSet(members: readonly Validator[]): ValidatorSet {
  const validators = [...members].sort((a, b) =>
    a.address < b.address ? -1 : a.address > b.address ? 1 : 0,
  );
  if (validators.length === 0)
    throw new ConsensusError('BAD_SET', 'a validator set needs at least one member');
  if (validators.length > LIMITS.maxValidators)
    throw new ConsensusError('LIMIT', `${validators.length} validators, at most ${LIMITS.maxValidators}`);
  let totalPower = 0n;
  const keys = new Set<string>();
  for (const [i, validator] of validators.entries()) {
    if (!isAddress(validator.address) || !isAddress(validator.recipient))
      throw new ConsensusError('BAD_SET', `not an address: ${validator.address} / ${validator.recipient}`);
    if (i > 0 && validators[i - 1]!.address === validator.address)
      throw new ConsensusError('BAD_SET', `validator ${validator.address} is listed twice`);
    if (validator.blsPublicKey.length !== PUBLIC_KEY_BYTES)
      throw new ConsensusError(
        'BAD_SET',
        `key of ${validator.address} has ${validator.blsPublicKey.length} bytes, not 48`,
      );
    const key = bytesToHex(validator.blsPublicKey);
    if (keys.has(key)) throw new ConsensusError('BAD_SET', `two validators share the key ${key}`);
    keys.add(key);
    if (validator.power < 1n)
      throw new ConsensusError('BAD_SET', `validator ${validator.address} has no power`);
    totalPower += validator.power;
  }
  if (totalPower > LIMITS.maxTotalPower)
    throw new ConsensusError('LIMIT', `total power ${totalPower} is too large`);
  return { validators, totalPower };
}

const indexes = new WeakMap<ValidatorSet, Map<Address, number>>();

/** Position in address order, or -1. Cached per set object, since every vote asks. */
export function indexOfValidator(set: ValidatorSet, address: Address): number {
  let index = indexes.get(set);
  if (index === undefined) {
    index = new Map(set.validators.map((validator, i) => [validator.address, i]));
    indexes.set(set, index);
  }
  return index.get(address) ?? -1;
}

export function findValidator(set: ValidatorSet, address: Address): Validator | undefined {
  const index = indexOfValidator(set, address);
  return index < 0 ? undefined : set.validators[index];
}

/** Strictly more than two thirds of the power: the paper's 2f+1. */
export function isQuorum(power: bigint, totalPower: bigint): boolean {
  return 3n * power > 2n * totalPower;
}

/** Strictly more than one third: the paper's f+1, which holds at least one correct validator. */
export function isMinority(power: bigint, totalPower: bigint): boolean {
  return 3n * power > totalPower;
}

/** Power of the validators whose bits are set. The bitmap must fit the set (see certificate.ts). */
export function powerOfBitmap(set: ValidatorSet, bitmap: Uint8Array): bigint {
  let power = 0n;
  for (const [i, validator] of set.validators.entries()) if (hasBit(bitmap, i)) power += validator.power;
  return power;
}

export function bitmapBytes(validatorCount: number): number {
  return (validatorCount + 7) >> 3;
}

export function hasBit(bitmap: Uint8Array, index: number): boolean {
  return ((bitmap[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
}

export function setBit(bitmap: Uint8Array, index: number): void {
  bitmap[index >> 3]! |= 1 << (index & 7);
}

/** Right length, spare bits zero: each subset of validators has one bitmap (rule A2). */
export function isCanonicalBitmap(bitmap: Uint8Array, validatorCount: number): boolean {
  if (bitmap.length !== bitmapBytes(validatorCount)) return false;
  const used = validatorCount & 7;
  return used === 0 || bitmap[bitmap.length - 1]! >> used === 0;
}

/** Priorities are signed and RLP is not: 0, -1, 1, -2, 2 ... become 0, 1, 2, 3, 4 ... */
function zigzag(value: bigint): bigint {
  return value < 0n ? -2n * value - 1n : 2n * value;
}

function unzigzag(value: bigint): bigint {
  return (value & 1n) === 1n ? -(value + 1n) / 2n : value / 2n;
}

/** RLP list of (address, key, power, recipient, zigzag(priority)) in address order (rule A6). */
export function encodeValidatorSet(set: ValidatorSet): Uint8Array {
  return encodeRlp(
    set.validators.map((v) => [
      hexToBytes(v.address, ADDRESS_BYTES),
      v.blsPublicKey,
      bigintToBytes(v.power),
      hexToBytes(v.recipient, ADDRESS_BYTES),
      bigintToBytes(zigzag(v.priority)),
    ]),
  );
}

/** Inverse of `encodeValidatorSet`; any other bytes are refused. @throws ConsensusError MALFORMED, BAD_SET, LIMIT */
export function decodeValidatorSet(bytes: Uint8Array): ValidatorSet {
  const members = rlpList(decodeRlp(bytes)).map((item): Validator => {
    const fields = rlpList(item);
    if (fields.length !== 5)
      throw new ConsensusError('MALFORMED', `validator with ${fields.length} fields, expected 5`);
    return {
      address: bytesToHex(rlpBytes(fields[0], ADDRESS_BYTES)),
      blsPublicKey: rlpBytes(fields[1], PUBLIC_KEY_BYTES),
      power: rlpBigint(fields[2], 8),
      recipient: bytesToHex(rlpBytes(fields[3], ADDRESS_BYTES)),
      priority: unzigzag(rlpBigint(fields[4], 9)),
    };
  });
  const set = createValidatorSet(members);
  if (set.validators.some((validator, i) => validator.address !== members[i]!.address))
    throw new ConsensusError('MALFORMED', 'validators are not in address order');
  return set;
}

/** Hash of the encoding; headers carry it as extraData. Pass keccak-256. */
export function hashValidatorSet(set: ValidatorSet, keccak256: (bytes: Uint8Array) => Uint8Array): Hash {
  return bytesToHex(keccak256(encodeValidatorSet(set)));
}
