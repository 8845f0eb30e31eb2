import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { keccak256, toHex as viemHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { afterEach, describe, expect, it } from 'vitest';
import { ADVISED_ERRORS } from '../../../node/client/advice.ts';
import { describeArtifact, downloadArtifact } from '../../../node/client/artifacts.ts';
import { createChainClient, describeRevert } from '../../../node/client/client.ts';
import { contribute } from '../../../node/client/contribute.ts';
import { createRpcClient } from '../../../node/client/rpc.ts';
import { signEip1559, signNative } from '../../../node/client/sign.ts';
import { addressOf } from '../../../node/keys/hex.ts';
import { fromHex, toHex } from '../../../state/crypto.ts';
import { moduleTable } from '../../../state/execution/module-table.ts';
import { contributionInterface, dataNetInterface, interfaceList } from '../../../state/modules/interfaces.ts';
import { decodeRlp } from '../../../state/rlp.ts';
import { parseNative } from '../../../state/transactions/native.ts';

const privateKey = fromHex(`0x${'42'.repeat(32)}`);
const envelope = {
  chainId: 20_300,
  nonce: 0n,
  gasLimit: 21_000n,
  value: 7n,
  maxFeePerGas: 2_000_000_000n,
  maxPriorityFeePerGas: 0n,
};

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server = undefined;
});
/** A server that answers everything with the same bytes. */
async function answering(body: string | Uint8Array): Promise<string> {
  server = createServer((_request, response) => response.end(body));
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('signing', () => {
  it('makes the bytes that viem makes of an EIP-1559 transaction', async () => {
    const to = '0x00000000000000000000000000000000000000ee';
    for (const data of [new Uint8Array(0), fromHex('0x00ff'), new Uint8Array(300).fill(1)]) {
      const ours = signEip1559({ ...envelope, to, data }, privateKey);
      const theirs = await privateKeyToAccount(toHex(privateKey)).signTransaction({
        type: 'eip1559',
        chainId: envelope.chainId,
        nonce: 0,
        gas: envelope.gasLimit,
        value: envelope.value,
        maxFeePerGas: envelope.maxFeePerGas,
        maxPriorityFeePerGas: 0n,
        to,
        data: viemHex(data),
      });
      expect(toHex(ours.raw)).toBe(theirs);
      expect(ours.hash).toBe(keccak256(theirs));
    }
  });

  it('makes native transactions that the chain reads as the operation that was meant', () => {
    const args = ['Name', 'summary', '', ['a', 'b']] as const;
    const call = dataNetInterface.nativeCall('create', args as never);
    const { raw, hash } = signNative({ ...envelope, type: 0x50, ...call }, privateKey);
    const read = parseNative(0x50, raw, decodeRlp(raw.subarray(1)), 20_300n, moduleTable);
    expect(read).toMatchObject({
      hash,
      from: addressOf(privateKey),
      to: dataNetInterface.address,
      value: 7n,
    });
    expect(dataNetInterface.decodeCall(read.data)).toMatchObject({ name: 'create', args });
  });
});

describe('refusals', () => {
  it('are told in the words of the module', () => {
    const data = contributionInterface.encodeError('ContributionTooLarge', [6_000_000n, 5_242_880n]);
    expect(describeRevert(data)).toBe('ContributionTooLarge(size 6000000, limit 5242880)');
    expect(describeRevert(contributionInterface.encodeError('EmptyRecord', []))).toBe('EmptyRecord');
    expect(describeRevert(fromHex('0xdeadbeef'))).toBeUndefined();
  });

  it('come with what can be done about them, whichever module refuses', () => {
    const declared = interfaceList.flatMap(({ abi }) =>
      abi.filter((item) => item.type === 'error').map((item) => item.name),
    );
    expect(declared.length).toBeGreaterThan(40);
    expect([...ADVISED_ERRORS].sort()).toEqual([...new Set(declared)].sort());
  });

  it("of the pool keep the node's text", async () => {
    const url = await answering(
      JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code: -32000, message: 'nonce too low' } }),
    );
    const client = createChainClient(createRpcClient(url));
    const account = { address: addressOf(privateKey), privateKey };
    await expect(client.send(account, { to: account.address })).rejects.toMatchObject({
      code: 'REVERTED',
      message: expect.stringContaining('nonce too low'),
    });
  });

  it('a server that is no node is named as such', async () => {
    const url = await answering('<html>');
    await expect(createRpcClient(url).request('eth_chainId')).rejects.toMatchObject({
      code: 'NODE_UNREACHABLE',
    });
  });
});

describe('artifacts', () => {
  const leaves = ['one', 'two', 'three'].map((text) => new TextEncoder().encode(text));
  const framed = Buffer.concat(leaves.flatMap((leaf) => [Buffer.from([0, 0, 0, leaf.length]), leaf]));

  it('are taken only if they are what their root says', async () => {
    const { root, size, recordCount } = describeArtifact(leaves);
    expect({ size, recordCount }).toEqual({ size: 11, recordCount: 3 });
    const signal = new AbortController().signal;
    const url = await answering(framed);
    expect(await downloadArtifact(url, root, signal)).toEqual(leaves);
    const wrong = describeArtifact(leaves.slice(1)).root;
    await expect(downloadArtifact(url, wrong, signal)).rejects.toMatchObject({ code: 'ARTIFACT_DAMAGED' });
    server!.close();
    const cut = await answering(framed.subarray(0, -1));
    await expect(downloadArtifact(cut, root, signal)).rejects.toMatchObject({ code: 'ARTIFACT_DAMAGED' });
  });
});

describe('contributions', () => {
  it.each([
    ['EMPTY_CONTRIBUTION', [], ''],
    ['EMPTY_CONTRIBUTION', ['a', ''], ''],
    ['TOO_MANY_RECORDS', ['a', 'b', 'c', 'd'], ''],
    ['RECORD_TOO_LARGE', ['123456'], ''],
    ['CONTRIBUTION_TOO_LARGE', ['12345', '12345'], ''],
    ['INVALID_UTF8', [Uint8Array.of(0xff)], ''],
    ['METADATA_TOO_LARGE', ['a'], 'é'],
  ])('%s is said before anything is sent', async (code, records, metadata) => {
    const contribution = {
      maxBytes: 9,
      maxRecordBytes: 5,
      maxRecords: 3,
      maxMetadataBytes: 1,
      commitDeposit: '0x1',
    };
    const url = await answering(
      JSON.stringify({ jsonrpc: '2.0', id: 1, result: { params: { contribution } } }),
    );
    let remembered = false;
    const account = { address: addressOf(privateKey), privateKey };
    const input = {
      dataNetId: 1n,
      records: records.map((one) => (typeof one === 'string' ? new TextEncoder().encode(one) : one)),
      licence: '',
      metadata,
    };
    const given = contribute(createChainClient(createRpcClient(url)), account, input, {
      // Called before the commit.
      remember: () => {
        remembered = true;
      },
    });
    await expect(given).rejects.toMatchObject({ code });
    expect(remembered).toBe(false);
  });
});
