/** Fee suggestions and history. */
import { greater } from '../state/crypto.ts';
import { nextBaseFee as baseFeeOfChild, FULL_STEP_MS } from '../state/execution/fees.ts';
import type { Block, ChainReader, Receipt } from '../state/types.ts';
import { quantity } from './encode.ts';
import { limitExceeded } from './errors.ts';
import type { RpcLimits } from './limits.ts';
import { headerOf } from './method.ts';
import { keptReceipts } from './views.ts';

/** Blocks looked at for a suggestion, and which tip of them is suggested (geth: 20 and 60). */
const TIP_BLOCKS = 20;
const TIP_PERCENTILE = 60;
/** Suggested while nobody paid a tip lately: 1 gwei, what wallets offer by default. */
const DEFAULT_TIP = 1_000_000_000n;
/** Never suggest more, however much somebody overpaid (geth: 500 gwei). */
const MAX_TIP = 500_000_000_000n;
/** Tips of a block that count: its lowest ones, since they were enough to get in. */
const TIPS_PER_BLOCK = 3;

/** Of the blocks that suggestions are made from, per reader: blocks never change, and each costs its receipts. */
const known = new WeakMap<ChainReader, Map<number, readonly bigint[]>>();

/** undefined where the block or its receipts are not kept. */
function lowestTips(reader: ChainReader, number: number): readonly bigint[] | undefined {
  const tipsOf = known.get(reader) ?? new Map<number, readonly bigint[]>();
  known.set(reader, tipsOf);
  const found = tipsOf.get(number);
  if (found !== undefined) return found;
  const header = headerOf(reader, number);
  const receipts = header && keptReceipts(reader, number);
  if (header === undefined || receipts === undefined) return undefined;
  const lowest = tips(receipts, header.baseFeePerGas)
    .map(({ tip }) => tip)
    .sort(ascending)
    .slice(0, TIPS_PER_BLOCK);
  // The oldest was put in first.
  if (tipsOf.size >= 2 * TIP_BLOCKS) tipsOf.delete(tipsOf.keys().next().value!);
  tipsOf.set(number, lowest);
  return lowest;
}

/** Tip per gas of each transaction of a block, with its gas, in block order. */
function tips(receipts: readonly Receipt[], baseFee: bigint): { tip: bigint; gas: bigint }[] {
  return (
    receipts
      // System transactions use no gas and pay nobody: they say nothing about what a place costs.
      .filter((receipt) => receipt.gasUsed > 0n)
      .map((receipt) => ({
        tip: receipt.effectiveGasPrice > baseFee ? receipt.effectiveGasPrice - baseFee : 0n,
        gas: receipt.gasUsed,
      }))
  );
}

/** Wei per gas. */
export function suggestTip(reader: ChainReader): bigint {
  const head = reader.head().number;
  const seen: bigint[] = [];
  for (let number = head; number > 0 && number > head - TIP_BLOCKS; number--) {
    const lowest = lowestTips(reader, number);
    if (lowest === undefined) break;
    seen.push(...lowest);
  }
  if (seen.length === 0) return DEFAULT_TIP;
  seen.sort(ascending);
  const tip = seen[Math.floor(((seen.length - 1) * TIP_PERCENTILE) / 100)] ?? DEFAULT_TIP;
  return tip < MAX_TIP ? tip : MAX_TIP;
}

/**
 * What a legacy transaction should offer: base fee and tip. Also while the fee falls, enough for the head's: that is
 * what a call or an estimate with this price is measured against before it is sent.
 */
export function gasPrice(reader: ChainReader): bigint {
  const next = nextBaseFee(reader);
  const now = reader.blockByNumber(reader.head().number)?.header.baseFeePerGas ?? next;
  return greater(now, next) + suggestTip(reader);
}

/**
 * Base fee to expect of the next block. It moves with the time that passes until then (A10), so nobody knows it
 * exactly; this is what a block one whole step (2 s) later would have: after a full block the most it can be.
 */
export function nextBaseFee(reader: ChainReader): bigint {
  const block = reader.blockByNumber(reader.head().number);
  return block === undefined ? 0n : baseFeeAfter(reader, block);
}

function baseFeeAfter(reader: ChainReader, block: Block): bigint {
  const parent = { ...block.header, timestampMs: block.timestampMs };
  return baseFeeOfChild(parent, block.timestampMs + Number(FULL_STEP_MS), reader.params.block);
}

/** eth_feeHistory. @param newest height of the last block */
export function feeHistory(
  reader: ChainReader,
  limits: RpcLimits,
  wanted: number,
  newest: number,
  percentiles: readonly number[] | undefined,
): object {
  if (percentiles !== undefined && percentiles.length > limits.maxFeeHistoryPercentiles)
    throw limitExceeded('reward percentiles', limits.maxFeeHistoryPercentiles);
  const count = Math.min(wanted, limits.maxFeeHistoryBlocks, newest + 1);
  const oldest = newest - count + 1;
  if (count === 0) return { oldestBlock: '0x0', gasUsedRatio: [], baseFeePerGas: [] };
  const baseFees: bigint[] = [];
  const ratios: number[] = [];
  const rewards: string[][] = [];
  for (let number = oldest; number <= newest; number++) {
    const header = headerOf(reader, number);
    if (header === undefined) continue;
    baseFees.push(header.baseFeePerGas);
    ratios.push(Number(header.gasUsed) / Number(header.gasLimit));
    if (percentiles?.length)
      rewards.push(
        rewardsOf(tips(reader.receipts(number) ?? [], header.baseFeePerGas), percentiles).map(quantity),
      );
  }
  const last = reader.blockByNumber(newest);
  const following = headerOf(reader, newest + 1)?.baseFeePerGas;
  baseFees.push(following ?? (last ? baseFeeAfter(reader, last) : 0n));
  return {
    oldestBlock: quantity(oldest),
    baseFeePerGas: baseFees.map(quantity),
    baseFeePerBlobGas: baseFees.map(() => '0x0'),
    gasUsedRatio: ratios,
    blobGasUsedRatio: ratios.map(() => 0),
    ...(percentiles?.length ? { reward: rewards } : {}),
  };
}

/** Tips at percentiles of a block's gas, cheapest first. */
function rewardsOf(paid: { tip: bigint; gas: bigint }[], percentiles: readonly number[]): bigint[] {
  const sorted = [...paid].sort((a, b) => ascending(a.tip, b.tip));
  const total = sorted.reduce((sum, { gas }) => sum + gas, 0n);
  return percentiles.map((percentile) => {
    let below = 0n;
    for (const { tip, gas } of sorted) {
      below += gas;
      if (Number(below) >= (Number(total) * percentile) / 100) return tip;
    }
    return 0n;
  });
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
