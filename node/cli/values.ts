/** Texts of the command line as numbers, addresses and ids. */
import type { Hex } from '../../genesis/types.ts';
import type { AttributionEngine } from '../../state/types.ts';
import { UserError } from '../config/errors.ts';
import { parseAddress } from '../keys/hex.ts';

/** @throws UserError USAGE */
export function wholeNumber(text: string, name: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new UserError('USAGE', `${name}: '${text}' is not a whole number from ${min} to ${max}`);
  return value;
}

/** Id of a DataNet or a model: a whole number. @throws UserError USAGE */
export function numericId(text: string, name: string): bigint {
  return BigInt(wholeNumber(text, name, 0, Number.MAX_SAFE_INTEGER));
}

/** Engines of external models; that of trained ones is nobody's choice. */
const ENGINES: readonly AttributionEngine[] = ['token', 'retrieval'];

/** Name of an attribution engine. @throws UserError USAGE */
export function engineValue(text: string, name: string): AttributionEngine {
  const engine = ENGINES.find((candidate) => candidate === text);
  if (engine === undefined)
    throw new UserError('USAGE', `${name}: '${text.slice(0, 70)}' is not ${ENGINES.join(' or ')}`);
  return engine;
}

/** Id of a contribution or a request: 32 bytes. @throws UserError USAGE */
export function hashId(text: string, name: string): Hex {
  if (!/^0x[0-9a-fA-F]{64}$/.test(text))
    throw new UserError('USAGE', `${name}: '${text.slice(0, 70)}' is not an id (0x and 64 hex digits)`);
  return text.toLowerCase() as Hex;
}

/** @throws UserError USAGE */
export function addressValue(text: string, name: string): Hex {
  try {
    return parseAddress(text);
  } catch (error) {
    throw new UserError('USAGE', `${name}: ${(error as Error).message}`);
  }
}

/** Name of a key: it becomes a file's name. @throws UserError USAGE */
export function keyName(text: string): string {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}$/.test(text))
    throw new UserError('USAGE', `'${text}' is not a name: use letters, digits, - and _`);
  return text;
}
