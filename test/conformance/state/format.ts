/**
 * State tests as they stand in JSON, of ethereum/tests and of execution-spec-tests, read strictly: what is wrong is
 * said with its place. Format: https://ethereum-tests.readthedocs.io ("General State Tests") and
 * https://eest.ethereum.org ("State Tests").
 */
import { fromHex, toHex } from '../../../state/crypto.ts';
import type { Hex } from '../../../state/types.ts';
import type { Expectation, StateTest } from './fixtures.ts';
import { signedTransactionOf } from './transaction.ts';

/** What is wrong with a test, and where. */
export class FormatError extends Error {
  override name = 'FormatError';
}

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown, place: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FormatError(`${place} is no object`);
  return value as Fields;
}

export function listOf(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new FormatError(`${place} is no list`);
  return value;
}

/** Hex or decimal text, or a JSON number; `0x` is zero. What has more than 256 bits says so in front. */
export function numberOf(value: unknown, place: string): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  const text = typeof value === 'string' ? value.replace(/^0x:bigint /, '') : '';
  if (/^(0x[0-9a-fA-F]*|[0-9]+)$/.test(text)) return text === '0x' ? 0n : BigInt(text);
  throw new FormatError(`${place} is no number: ${shown(value)}`);
}

/** @param length in bytes, if there is but one */
export function bytesOf(value: unknown, place: string, length?: number): Uint8Array {
  if (typeof value !== 'string' || !/^(0x)?([0-9a-fA-F]{2})*$/.test(value))
    throw new FormatError(`${place} is no hex: ${shown(value)}`);
  const text = value.startsWith('0x') ? value.slice(2) : value;
  if (length !== undefined && text.length !== 2 * length)
    throw new FormatError(`${place} has ${text.length / 2} bytes, not ${length}`);
  return fromHex(`0x${text.toLowerCase()}`);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 60);
}

const hexNumber = (value: bigint): Hex => `0x${value.toString(16)}`;
const numberIn = (fields: Fields, name: string, place: string): Hex =>
  hexNumber(numberOf(fields[name], `${place}.${name}`));

/** @throws FormatError */
export function readStateTest(json: unknown): StateTest {
  const fields = fieldsOf(json, 'the test');
  for (const part of ['env', 'pre', 'post'])
    if (!Object.hasOwn(fields, part)) throw new FormatError(`it has no "${part}", so it is no state test`);
  const chainId = chainIdOf(fields);
  const post: StateTest['post'] = {};
  for (const [fork, list] of Object.entries(fieldsOf(fields['post'], 'post')))
    post[fork] = listOf(list, `post.${fork}`).map((item, i) =>
      readExpectation(item, `post.${fork}[${i}]`, fields['transaction'], chainId),
    );
  return {
    env: readEnvironment(fields['env']),
    pre: readPre(fields['pre']),
    post,
    config: { chainid: hexNumber(chainId) },
  };
}

function chainIdOf(fields: Fields): bigint {
  if (fields['config'] === undefined || fields['config'] === null) return 1n;
  const { chainid, chainId } = fieldsOf(fields['config'], 'config');
  return chainid === undefined && chainId === undefined ? 1n : numberOf(chainid ?? chainId, 'config.chainid');
}

function readEnvironment(json: unknown): StateTest['env'] {
  const fields = fieldsOf(json, 'env');
  const env: StateTest['env'] = {
    currentCoinbase: toHex(bytesOf(fields['currentCoinbase'], 'env.currentCoinbase', 20)),
    currentNumber: numberIn(fields, 'currentNumber', 'env'),
    currentTimestamp: numberIn(fields, 'currentTimestamp', 'env'),
    currentGasLimit: numberIn(fields, 'currentGasLimit', 'env'),
  };
  for (const name of ['currentBaseFee', 'currentExcessBlobGas'] as const)
    if (given(fields[name])) env[name] = numberIn(fields, name, 'env');
  // What older files call difficulty is the randomness of later forks.
  const random = given(fields['currentRandom']) ? 'currentRandom' : 'currentDifficulty';
  if (given(fields[random])) env.currentRandom = numberIn(fields, random, 'env');
  return env;
}

const given = (value: unknown): boolean => value !== undefined && value !== null;

function readPre(json: unknown): StateTest['pre'] {
  const pre: StateTest['pre'] = {};
  for (const [name, item] of Object.entries(fieldsOf(json, 'pre'))) {
    const place = `pre.${name}`;
    const account = fieldsOf(item, place);
    const storage: Record<Hex, Hex> = {};
    for (const [slot, value] of Object.entries(fieldsOf(account['storage'] ?? {}, `${place}.storage`)))
      storage[hexNumber(numberOf(slot, `a slot of ${place}`))] = hexNumber(
        numberOf(value, `${place}.storage.${slot}`),
      );
    pre[toHex(bytesOf(name, `the address ${name}`, 20))] = {
      balance: numberIn(account, 'balance', place),
      nonce: numberIn(account, 'nonce', place),
      code: toHex(bytesOf(account['code'], `${place}.code`)),
      storage,
    };
  }
  return pre;
}

function readExpectation(json: unknown, place: string, transaction: unknown, chainId: bigint): Expectation {
  const fields = fieldsOf(json, place);
  const parts = fieldsOf(fields['indexes'], `${place}.indexes`);
  const index = (name: string) => Number(numberOf(parts[name], `${place}.indexes.${name}`));
  const indexes = { data: index('data'), gas: index('gas'), value: index('value') };
  const expected: Expectation = {
    indexes,
    hash: toHex(bytesOf(fields['hash'], `${place}.hash`, 32)),
    logs: toHex(bytesOf(fields['logs'], `${place}.logs`, 32)),
  };
  const { txbytes, expectException: reason } = fields;
  if (given(txbytes)) expected.txbytes = toHex(bytesOf(txbytes, `${place}.txbytes`));
  else if (given(transaction)) {
    const signed = signedTransactionOf(transaction, indexes, chainId);
    if (signed !== undefined) expected.txbytes = toHex(signed);
  }
  if (given(reason)) {
    const names = Array.isArray(reason) ? reason.join('|') : reason;
    if (typeof names !== 'string') throw new FormatError(`${place}.expectException is no text`);
    expected.expectException = names;
  }
  return expected;
}
