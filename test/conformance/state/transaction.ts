/**
 * The transaction of a state test that comes in parts: lists of data, gas limits and values, of which a case names
 * one each, and the key that signs. Files that have the signed bytes as well are read from those.
 */
import { bigintToBytes, concat, keccak256, signHash } from '../../../state/crypto.ts';
import { encodeRlp, type RlpItem } from '../../../state/rlp.ts';
import type { Expectation } from './fixtures.ts';
import { bytesOf, type Fields, FormatError, fieldsOf, listOf, numberOf } from './format.ts';

/** @returns undefined without a key; @throws FormatError */
export function signedTransactionOf(
  json: unknown,
  indexes: Expectation['indexes'],
  chainId: bigint,
): Uint8Array | undefined {
  const tx = fieldsOf(json, 'transaction');
  if (tx['secretKey'] === undefined) return undefined;
  const key = bytesOf(tx['secretKey'], 'transaction.secretKey', 32);
  const number = (name: string) => bigintToBytes(numberOf(tx[name], `transaction.${name}`));
  const chosen = (name: string, index: number) => {
    const list = listOf(tx[name], `transaction.${name}`);
    if (index >= list.length) throw new FormatError(`transaction.${name} has no item ${index}`);
    return list[index];
  };
  const gasLimit = bigintToBytes(numberOf(chosen('gasLimit', indexes.gas), 'transaction.gasLimit'));
  const value = bigintToBytes(numberOf(chosen('value', indexes.value), 'transaction.value'));
  const data = bytesOf(chosen('data', indexes.data), 'transaction.data');
  const to = bytesOf(tx['to'] ?? '0x', 'transaction.to');
  if (to.length !== 0 && to.length !== 20) throw new FormatError('transaction.to is no address');
  const accessLists = tx['accessLists'] ?? [];
  const accessList = listOf(accessLists, 'transaction.accessLists')[indexes.data] ?? undefined;
  const type = typeOf(tx, accessList);
  const body = [gasLimit, to, value, data];
  if (type === 0) {
    const items = [number('nonce'), number('gasPrice'), ...body];
    const { r, s, yParity } = signHash(keccak256(encodeRlp([...items, ...replayProtection(chainId)])), key);
    const v = 35n + 2n * chainId + BigInt(yParity);
    return encodeRlp([...items, bigintToBytes(v), bigintToBytes(r), bigintToBytes(s)]);
  }
  const fees = type === 1 ? ['gasPrice'] : ['maxPriorityFeePerGas', 'maxFeePerGas'];
  const items: RlpItem[] = [bigintToBytes(chainId), number('nonce'), ...fees.map(number), ...body];
  items.push(accessListOf(accessList ?? []));
  if (type === 3) {
    const hashes = listOf(tx['blobVersionedHashes'], 'transaction.blobVersionedHashes');
    items.push(number('maxFeePerBlobGas'));
    items.push(hashes.map((hash) => bytesOf(hash, 'transaction.blobVersionedHashes', 32)));
  }
  if (type === 4) items.push(authorizationsOf(tx['authorizationList']));
  const kind = Uint8Array.of(type);
  const { r, s, yParity } = signHash(keccak256(concat(kind, encodeRlp(items))), key);
  return concat(
    kind,
    encodeRlp([...items, bigintToBytes(BigInt(yParity)), bigintToBytes(r), bigintToBytes(s)]),
  );
}

function replayProtection(chainId: bigint): Uint8Array[] {
  return [bigintToBytes(chainId), new Uint8Array(0), new Uint8Array(0)];
}

/** A case whose access list is null is one of the type before. */
function typeOf(tx: Fields, accessList: unknown): 0 | 1 | 2 | 3 | 4 {
  if (tx['authorizationList'] !== undefined && tx['authorizationList'] !== null) return 4;
  if (tx['maxFeePerBlobGas'] !== undefined || tx['blobVersionedHashes'] !== undefined) return 3;
  if (tx['maxFeePerGas'] !== undefined) return 2;
  return accessList === undefined ? 0 : 1;
}

function accessListOf(json: unknown): RlpItem {
  return listOf(json, 'transaction.accessLists').map((item) => {
    const { address, storageKeys } = fieldsOf(item, 'an entry of transaction.accessLists');
    return [
      bytesOf(address, 'an address of transaction.accessLists', 20),
      listOf(storageKeys, 'storageKeys').map((slot) =>
        bytesOf(slot, 'a slot of transaction.accessLists', 32),
      ),
    ];
  });
}

function authorizationsOf(json: unknown): RlpItem {
  return listOf(json, 'transaction.authorizationList').map((item) => {
    const fields = fieldsOf(item, 'an entry of transaction.authorizationList');
    const number = (name: string) =>
      bigintToBytes(numberOf(fields[name], `transaction.authorizationList: ${name}`));
    const address = bytesOf(fields['address'], 'transaction.authorizationList: address', 20);
    const parity = number(fields['yParity'] === undefined ? 'v' : 'yParity');
    return [number('chainId'), address, number('nonce'), parity, number('r'), number('s')];
  });
}
