/**
 * A thousand blocks of transfers as a node that catches up takes them in: the certificate of four validators is
 * checked, the block is executed and compared with its header, and committed durably with its indexes. Beside it the
 * stock library's loop on the first of the same blocks: it neither checks certificates nor keeps blocks, receipts or
 * indexes. CPU of the process; the seconds by the clock stand in the unit.
 */
import { verifyCertificate } from '../../consensus/certificate.ts';
import { decodeCertificate } from '../../consensus/codec.ts';
import { OPEN } from '../../genesis/parameters.ts';
import { toValidatorSet } from '../../state/block/validators.ts';
import type { Hex } from '../../state/types.ts';
import {
  accountAddress,
  accountKey,
  openTestChain,
  signedTransaction,
  testValidators,
  verifier,
} from '../unit/state/support.ts';
import { cpuMs, openStock } from './stock.ts';
import type { BenchRow } from './types.ts';

const BLOCKS = 1_000;
const TRANSFERS = 20;
const ACCOUNTS = 100;
const STOCK_BLOCKS = 60;
/** Blocks that warm the compiler and the caches of both. */
const WARM_BLOCKS = 20;

/** One transfer each of the accounts whose turn it is. */
function transfersOf(block: number, chainId: number): Uint8Array[] {
  return Array.from({ length: TRANSFERS }, (_, i) => {
    const sent = block * TRANSFERS + i;
    return signedTransaction({
      key: accountKey(sent % ACCOUNTS),
      nonce: Math.floor(sent / ACCOUNTS),
      to: accountAddress((sent * 7 + 1) % ACCOUNTS),
      value: 1n,
      chainId,
    });
  });
}

export async function run(): Promise<BenchRow[]> {
  const validators = testValidators(4);
  const source = await openTestChain({ validators, accounts: ACCOUNTS });
  const node = await openTestChain({ validators, genesis: source.genesis });
  const { chainId } = source.genesis.params;
  const accounts = Array.from({ length: ACCOUNTS }, (_, i): [Hex, bigint] => [accountAddress(i), OPEN]);
  const stock = await openStock({ accounts, contracts: [] });
  let cpu = 0;
  let clockMs = 0;
  let theirCpu = 0;
  for (let index = 0; index < BLOCKS + WARM_BLOCKS; index++) {
    const transfers = transfersOf(index, chainId);
    const { head, built } = await source.produce(transfers);
    if (built.block.transactions.length !== TRANSFERS) throw new Error('a transfer was left out');
    const certificate = source.chain.reader.certificate(head.number)!;
    const { genesisHash } = node.chain.reader;
    const start = process.cpuUsage();
    const begun = performance.now();
    const set = toValidatorSet(node.chain.reader.validators(head.number)!);
    const problem = verifyCertificate(
      set,
      genesisHash,
      decodeCertificate(certificate),
      (message, keys, signature) => verifier.fastAggregateVerify(message, keys, signature),
    );
    const { answer } = await node.chain.check(built.bytes);
    if (problem !== undefined || answer !== 'valid')
      throw new Error(`block ${head.number}: ${problem ?? answer}`);
    await node.chain.commit(head.hash, certificate);
    if (index >= WARM_BLOCKS) {
      cpu += cpuMs(start);
      clockMs += performance.now() - begun;
    }
    if (index >= WARM_BLOCKS + STOCK_BLOCKS) continue;
    const theirs = await stock.block(transfers, index + 1);
    if (index >= WARM_BLOCKS) theirCpu += theirs.cpu;
  }
  if (node.chain.head().hash !== source.chain.head().hash) throw new Error('the heads differ');
  await Promise.all([source.close(), node.close(), stock.close()]);
  const perSecond = (1_000 * BLOCKS) / cpu;
  const theirs = (1_000 * STOCK_BLOCKS) / theirCpu;
  return [
    {
      name: 'import.1000-blocks',
      value: perSecond,
      unit: `blocks/s of CPU (${(clockMs / 1_000).toFixed(1)} s by the clock)`,
      peer: `@ethereumjs/vm runBlock on level ${theirs.toFixed(1)}`,
      ratio: perSecond / theirs,
    },
  ];
}
