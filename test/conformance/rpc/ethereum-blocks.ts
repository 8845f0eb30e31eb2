/** Blocks of Ethereum as the RPC reads them: headers of every fork, bodies with ommers and withdrawals. */
import { encodeHeader } from '../../../state/block/codec.ts';
import { bytesToBigint, keccakHex, toHex } from '../../../state/crypto.ts';
import { decodeRlp, encodeRlp, type RlpItem, rlpBytes, rlpList } from '../../../state/rlp.ts';
import type { Block, BlockHeader, Hex } from '../../../state/types.ts';

/** Header fields in the order of their encoding; those from `baseFeePerGas` on came with later forks. */
const FIELDS = [
  'parentHash',
  'ommersHash',
  'coinbase',
  'stateRoot',
  'transactionsRoot',
  'receiptsRoot',
  'logsBloom',
  'difficulty',
  'number',
  'gasLimit',
  'gasUsed',
  'timestamp',
  'extraData',
  'prevRandao',
  'nonce',
  'baseFeePerGas',
  'withdrawalsRoot',
  'blobGasUsed',
  'excessBlobGas',
  'parentBeaconBlockRoot',
  'requestsHash',
] as const satisfies readonly (keyof BlockHeader)[];

const BIGINTS = new Set<string>([
  'difficulty',
  'gasLimit',
  'gasUsed',
  'baseFeePerGas',
  'blobGasUsed',
  'excessBlobGas',
]);
const NUMBERS = new Set<string>(['number', 'timestamp']);

/** What the header of the fork does not have is left out. */
export function readHeader(item: RlpItem): BlockHeader {
  const values = rlpList(item);
  const header: Record<string, bigint | number | Hex> = {};
  values.forEach((value, index) => {
    const name = FIELDS[index];
    if (name === undefined) throw new Error(`a header of ${values.length} fields is not known`);
    const bytes = rlpBytes(value);
    if (BIGINTS.has(name)) header[name] = bytesToBigint(bytes);
    else if (NUMBERS.has(name)) header[name] = Number(bytesToBigint(bytes));
    else header[name] = toHex(bytes);
  });
  return header as unknown as BlockHeader;
}

/** A block without what only this chain has (origin, reveal, certificate), and with what it does not. */
export function readBlock(bytes: Uint8Array): Block {
  const [headerItem, transactions, ommers, withdrawals] = rlpList(decodeRlp(bytes));
  const header = readHeader(headerItem!);
  if (toHex(encodeHeader(header)) !== toHex(encodeRlp(headerItem!)))
    throw new Error(`header ${header.number} is encoded in a way of its own`);
  const block = {
    hash: keccakHex(encodeHeader(header)),
    header,
    timestampMs: header.timestamp * 1000,
    lastCommit: null,
    transactions: rlpList(transactions).map((item) =>
      item instanceof Uint8Array ? item.slice() : encodeRlp(item),
    ),
    uncles: rlpList(ommers).map((item) => keccakHex(encodeRlp(item))),
    ...(withdrawals === undefined
      ? {}
      : {
          withdrawals: rlpList(withdrawals).map((item) => {
            const [index, validatorIndex, address, amount] = rlpList(item).map((part) => rlpBytes(part));
            return {
              index: bytesToBigint(index!),
              validatorIndex: bytesToBigint(validatorIndex!),
              address: toHex(address!),
              amount: bytesToBigint(amount!),
            };
          }),
        }),
  };
  return block as unknown as Block;
}

/** The blocks of a file that holds one encoding after the other. */
export function splitChain(bytes: Uint8Array): Uint8Array[] {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at]!;
    if (first < 0xc0) throw new Error(`no block at byte ${at}`);
    let length = first - 0xc0;
    let head = 1;
    if (first > 0xf7) {
      head = 1 + first - 0xf7;
      length = Number(bytesToBigint(bytes.subarray(at + 1, at + head)));
    }
    if (at + head + length > bytes.length) throw new Error(`the block at byte ${at} is cut off`);
    blocks.push(bytes.slice(at, at + head + length));
    at += head + length;
  }
  return blocks;
}
