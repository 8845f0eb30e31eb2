/** Validator sets between the state's form and the one of consensus. */

import type { ValidatorSet } from '../../consensus/types.ts';
import {
  createValidatorSet,
  decodeValidatorSet,
  encodeValidatorSet,
} from '../../consensus/validator-set/set.ts';
import { fromHex, keccakHex, toHex } from '../crypto.ts';
import type { Hex, ValidatorRecord } from '../types.ts';

/** @throws ConsensusError BAD_SET, LIMIT */
export function toValidatorSet(records: readonly ValidatorRecord[]): ValidatorSet {
  return createValidatorSet(
    records.map((record) => ({
      address: record.address,
      blsPublicKey: fromHex(record.blsPublicKey, 48),
      power: record.power,
      recipient: record.recipient,
      priority: record.priority,
    })),
  );
}

export function fromValidatorSet(set: ValidatorSet): ValidatorRecord[] {
  return set.validators.map((validator) => ({
    address: validator.address,
    blsPublicKey: toHex(validator.blsPublicKey),
    power: validator.power,
    recipient: validator.recipient,
    priority: validator.priority,
  }));
}

export function encodeRecords(records: readonly ValidatorRecord[]): Uint8Array {
  return encodeValidatorSet(toValidatorSet(records));
}

export function decodeRecords(bytes: Uint8Array): ValidatorRecord[] {
  return fromValidatorSet(decodeValidatorSet(bytes.slice()));
}

/** The header's extraData (A6). */
export function setHash(records: readonly ValidatorRecord[]): Hex {
  return keccakHex(encodeRecords(records));
}
