/** An operator that does wrong work: judged over RPC, with real processes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChainClient, eventsOf, type TransactionReceipt } from '../../node/client/client.ts';
import { waitForAnswer } from '../../node/client/infer.ts';
import { silentLog } from '../../node/log.ts';
import { runOperator } from '../../node/operator/index.ts';
import { inferenceInterface, modelInterface } from '../../state/modules/interfaces.ts';
import { ANSWER, chainClient, type Economy, foundEconomy } from './support/ai.ts';
import type { Hex } from './support/client.ts';
import { startNetwork, type TestNetwork } from './support/network.ts';

describe('an operator that posts a wrong attribution hash', () => {
  let network: TestNetwork;
  let economy: Economy;
  let client: ChainClient;
  const stop = new AbortController();
  let operating: Promise<void> | undefined;

  beforeAll(async () => {
    network = await startNetwork({ validators: 4 });
    const [node] = network.nodes;
    economy = await foundEconomy(network, node!);
    client = chainClient(node!);
    await new Promise<void>((resolve, reject) => {
      operating = runOperator({
        rpcUrl: client.rpc.url,
        account: economy.people.operator,
        log: silentLog,
        signal: stop.signal,
        answer: async () => new TextEncoder().encode(ANSWER),
        attributionHash: (computed) =>
          `${computed.slice(0, -2)}${computed.endsWith('00') ? '01' : '00'}` as Hex,
        onReady: resolve,
      });
      operating.catch(reject);
    });
  });
  afterAll(async () => {
    stop.abort();
    await operating?.catch(() => {});
    await network?.close();
  });

  it('gets SettlementRejected with status 1, loses bond, and the asker is paid back to the wei', async () => {
    const { asker } = economy.people;
    const balance = async () =>
      BigInt(await client.rpc.request<Hex>('eth_getBalance', [asker.address, 'latest']));
    const [before] = await client.view(modelInterface, 'model', [economy.modelId]);
    const supply = await client.rpc.request<{ total: Hex }>('ol_supply');
    const requestId = await economy.ask(client);
    const escrowed = await balance();

    await expect(waitForAnswer(client, requestId, 60_000)).rejects.toMatchObject({ code: 'REQUEST_CLOSED' });

    const [request] = await client.view(inferenceInterface, 'inference', [requestId]);
    const [after] = await client.view(modelInterface, 'model', [economy.modelId]);
    const receipts = await client.rpc.request<TransactionReceipt[]>('eth_getBlockReceipts', [
      `0x${request.closedAt.toString(16)}`,
    ]);
    const rejections = receipts.flatMap((receipt) =>
      eventsOf(receipt)
        .filter(({ name }) => name === 'SettlementRejected')
        .map(({ values }) => ({ status: receipt.status, ...values })),
    ) as unknown as { status: Hex; requestId: Hex; expected: Hex; posted: Hex }[];
    expect(rejections).toHaveLength(1);
    expect(rejections[0]).toMatchObject({ status: '0x1', requestId });
    expect(rejections[0]!.posted).not.toBe(rejections[0]!.expected);
    // A closed request takes no second answer.
    const preview = await client.rpc.request('ol_previewAttribution', [
      requestId,
      `0x${Buffer.from(ANSWER).toString('hex')}`,
    ]);
    expect(preview).toBeNull();
    expect(after.bond).toBeLessThan(before.bond);
    expect((await balance()) - escrowed).toBe(request.escrow);
    expect((await client.rpc.request<{ total: Hex }>('ol_supply')).total).toBe(supply.total);
  });
});
