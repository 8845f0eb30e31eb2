/** What a project does with its token in the first hour, told once for all clients. */
import assert from 'node:assert/strict';
import type { Hex } from '../../../genesis/types.ts';
import { rpc } from '../../support/devnet.ts';
import { mappingSlot, provenSlot } from './proofs.ts';
import { BALANCES_SLOT } from './token.ts';
import type { Scenario, TokenClient, Transfer } from './types.ts';

const SUPPLY = 1_000_000n * 10n ** 18n;
/** Nobody's account: what arrives there comes from these scenarios only, if the client's accounts differ. */
const FRIEND = '0x00000000000000000000000000000000f00dbabe';
const ZERO = `0x${'00'.repeat(20)}` as Hex;

export function tokenScenarios(client: TokenClient, rpcUrl: string): Scenario[] {
  let deployed: { token: Hex; block: number } | undefined;
  let sent: { block: number; amount: bigint } | undefined;
  const token = (): Hex => {
    assert.ok(deployed, 'the token was not deployed');
    return deployed.token;
  };
  const movement = (value: bigint): Transfer => ({ from: client.self, to: FRIEND, value });

  return [
    {
      name: 'deploy an OpenZeppelin ERC-20',
      async run() {
        deployed = await client.deploy(SUPPLY);
        assert.equal(await client.balanceOf(token(), client.self), SUPPLY);
      },
    },
    {
      name: 'transfer and decode its event',
      async run() {
        const before = await client.balanceOf(token(), FRIEND);
        const mined = await client.transfer(token(), FRIEND, 7n);
        assert.equal(mined.succeeded, true);
        assert.deepEqual(mined.transfers, [movement(7n)]);
        assert.equal(await client.balanceOf(token(), FRIEND), before + 7n);
        sent = { block: mined.block, amount: 7n };
      },
    },
    {
      name: 'decode a typed error',
      async run() {
        const asked = SUPPLY * 2n;
        const has = await client.balanceOf(token(), client.self);
        const { name, args } = await client.refusal(token(), FRIEND, asked);
        assert.equal(name, 'ERC20InsufficientBalance');
        assert.deepEqual(args, [client.self, String(has), String(asked)]);
      },
    },
    {
      name: 'show a transaction that reverted',
      async run() {
        const mined = await client.failingTransfer(token(), FRIEND, SUPPLY * 2n);
        assert.equal(mined.succeeded, false);
        assert.deepEqual(mined.transfers, []);
      },
    },
    {
      name: 'sign typed data for a permit',
      async run() {
        assert.equal(await client.permit(token(), FRIEND, 123n), 123n);
      },
    },
    {
      name: 'read past events',
      async run() {
        assert.ok(deployed && sent, 'nothing was sent');
        const past = await client.pastTransfers(token(), deployed.block, sent.block);
        assert.deepEqual(past, [{ from: ZERO, to: client.self, value: SUPPLY }, movement(sent.amount)]);
        assert.deepEqual(await client.pastTransfers(token(), 0, deployed.block - 1), []);
      },
    },
    {
      name: 'poll a filter',
      async run() {
        const seen = await client.filtered(token(), () => client.transfer(token(), FRIEND, 11n));
        assert.deepEqual(seen, [movement(11n)]);
      },
    },
    {
      name: 'subscribe to heads and events over WebSocket',
      async run() {
        const { heads, transfers } = await client.subscribed(token(), () =>
          client.transfer(token(), FRIEND, 13n),
        );
        assert.deepEqual(transfers, [movement(13n)]);
        assert.ok(heads.length > 0, 'no head was announced');
        assert.deepEqual(
          [...heads].sort((a, b) => a - b),
          heads,
        );
      },
    },
    {
      name: 'take a proof that an independent verifier accepts',
      async run() {
        const { block } = await client.transfer(token(), FRIEND, 17n);
        const slot = mappingSlot(client.self, BALANCES_SLOT);
        const proof = await client.proof(token(), slot, block);
        const header = await rpc<{ stateRoot: Hex }>(rpcUrl, 'eth_getBlockByNumber', [
          `0x${block.toString(16)}`,
          false,
        ]);
        assert.equal(
          await provenSlot(header.stateRoot, token(), slot, proof),
          await client.balanceOf(token(), client.self),
        );
        const [first] = proof.storageProof;
        assert.ok(first);
        const forged = { ...proof, storageProof: [{ ...first, value: first.value + 1n }] };
        await assert.rejects(provenSlot(header.stateRoot, token(), slot, forged));
      },
    },
  ];
}

/** Waits until `condition` holds, which something that the client polls or is told makes true. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`${what} did not come within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
