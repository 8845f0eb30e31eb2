import { readFileSync } from 'node:fs';
import { Common, Hardfork, Mainnet } from '@ethereumjs/common';
import { createEVM } from '@ethereumjs/evm';
import { Account, Address, hexToBytes } from '@ethereumjs/util';
import {
  type Abi,
  decodeFunctionResult,
  encodeFunctionData,
  getContractAddress,
  multicall3Abi,
  parseAbi,
} from 'viem';
import { beforeAll, describe, expect, it } from 'vitest';
import artifacts from '../../../genesis/predeploys/artifacts.json' with { type: 'json' };
import {
  DEPLOYMENT_PROXY_ADDRESS,
  HISTORY_STORAGE_ADDRESS,
  MULTICALL3_ADDRESS,
  predeploys,
  WRAPPED_OPEN_ADDRESS,
} from '../../../genesis/predeploys/predeploys.ts';
import type { Hex } from '../../../genesis/types.ts';

const ALICE: Hex = '0x00000000000000000000000000000000000a11ce';
const BOB: Hex = '0x0000000000000000000000000000000000000b0b';
const SYSTEM: Hex = '0xfffffffffffffffffffffffffffffffffffffffe';
const WETH = artifacts.contracts.WrappedOpen.abi as Abi;

type Evm = Awaited<ReturnType<typeof createEVM>>;
let evm: Evm;

beforeAll(async () => {
  evm = await createEVM({ common: new Common({ chain: Mainnet, hardfork: Hardfork.Prague }) });
  for (const [address, account] of Object.entries(predeploys())) {
    const at = new Address(hexToBytes(address as Hex));
    await evm.stateManager.putAccount(at, new Account(1n));
    await evm.stateManager.putCode(at, hexToBytes(account.code!));
  }
  for (const owner of [ALICE, BOB])
    await evm.stateManager.putAccount(new Address(hexToBytes(owner)), new Account(0n, 1_000n));
});

async function call(
  to: Hex,
  data: Hex,
  from: Hex = ALICE,
  value = 0n,
): Promise<{ data: Hex; failed: boolean }> {
  const result = await evm.runCall({
    caller: new Address(hexToBytes(from)),
    origin: new Address(hexToBytes(from)),
    to: new Address(hexToBytes(to)),
    data: hexToBytes(data),
    value,
    gasLimit: 5_000_000n,
  });
  const { returnValue, exceptionError } = result.execResult;
  return { data: `0x${Buffer.from(returnValue).toString('hex')}`, failed: exceptionError !== undefined };
}

describe('predeployed contracts', () => {
  it('are what the committed sources compile to', async () => {
    const { compileContracts } = (await import('../../../scripts/compile-contracts.mjs' as string)) as {
      compileContracts(): string;
    };
    const committed = readFileSync(
      new URL('../../../genesis/predeploys/artifacts.json', import.meta.url),
      'utf8',
    );
    expect(compileContracts()).toBe(committed);
  });

  it('the deployment proxy creates where every chain would', async () => {
    // init code: return one byte 0x60
    const init: Hex = '0x60606000526001601ff3';
    const salt: Hex = `0x${'07'.repeat(32)}`;
    const { data } = await call(DEPLOYMENT_PROXY_ADDRESS, `${salt}${init.slice(2)}`);
    const expected = getContractAddress({
      opcode: 'CREATE2',
      from: DEPLOYMENT_PROXY_ADDRESS,
      salt,
      bytecode: init,
    });
    expect(data).toBe(expected.toLowerCase());
    const code = await evm.stateManager.getCode(new Address(hexToBytes(data)));
    expect([...code]).toEqual([0x60]);
  });

  it('the aggregator has every function that viem knows of it', () => {
    const ours = new Set(artifacts.contracts.Multicall3.abi.map((item) => item.name));
    for (const item of multicall3Abi) if (item.type === 'function') expect(ours).toContain(item.name);
  });

  it('aggregate3 tells which of several calls failed', async () => {
    const calls = [
      {
        target: MULTICALL3_ADDRESS,
        allowFailure: true,
        callData: encodeFunctionData({
          abi: multicall3Abi,
          functionName: 'getEthBalance',
          args: [ALICE],
        } as never),
      },
      { target: WRAPPED_OPEN_ADDRESS, allowFailure: true, callData: '0xdeadbeef' as Hex },
    ];
    const { data, failed } = await call(
      MULTICALL3_ADDRESS,
      encodeFunctionData({ abi: multicall3Abi, functionName: 'aggregate3', args: [calls] }),
    );
    expect(failed).toBe(false);
    const results = decodeFunctionResult({ abi: multicall3Abi, functionName: 'aggregate3', data });
    expect(results.map((one) => one.success)).toEqual([true, false]);
    expect(BigInt(results[0]!.returnData)).toBe(1_000n);

    const strict = await call(
      MULTICALL3_ADDRESS,
      encodeFunctionData({
        abi: multicall3Abi,
        functionName: 'aggregate3',
        args: [calls.map((one) => ({ ...one, allowFailure: false }))],
      }),
    );
    expect(strict.failed).toBe(true);
  });

  it('aggregate3Value passes on exactly what was sent', async () => {
    const abi = artifacts.contracts.Multicall3.abi as Abi;
    const to: Hex = '0x00000000000000000000000000000000000000ee';
    const encode = (value: bigint) =>
      encodeFunctionData({
        abi,
        functionName: 'aggregate3Value',
        args: [[{ target: to, allowFailure: false, value, callData: '0x' }]],
      });
    expect((await call(MULTICALL3_ADDRESS, encode(5n), ALICE, 6n)).failed).toBe(true);
    expect((await call(MULTICALL3_ADDRESS, encode(5n), ALICE, 5n)).failed).toBe(false);
    expect((await evm.stateManager.getAccount(new Address(hexToBytes(to))))?.balance).toBe(5n);
  });

  it('wrapped OPEN wraps, moves, respects allowances and unwraps', async () => {
    const balanceOf = async (owner: Hex) => {
      const { data } = await call(
        WRAPPED_OPEN_ADDRESS,
        encodeFunctionData({ abi: WETH, functionName: 'balanceOf', args: [owner] }),
      );
      return BigInt(data);
    };
    const send = (functionName: string, args: unknown[], from: Hex = ALICE) =>
      call(WRAPPED_OPEN_ADDRESS, encodeFunctionData({ abi: WETH, functionName, args }), from);
    await call(WRAPPED_OPEN_ADDRESS, '0x', ALICE, 100n);
    await call(WRAPPED_OPEN_ADDRESS, '0xd0e30db0', ALICE, 10n);
    expect(await balanceOf(ALICE)).toBe(110n);
    await send('transfer', [BOB, 30n]);
    expect((await send('transferFrom', [ALICE, BOB, 1n], BOB)).failed).toBe(true);
    await send('approve', [BOB, 5n]);
    expect((await send('transferFrom', [ALICE, BOB, 5n], BOB)).failed).toBe(false);
    expect((await send('transferFrom', [ALICE, BOB, 1n], BOB)).failed).toBe(true);
    expect([await balanceOf(ALICE), await balanceOf(BOB)]).toEqual([75n, 35n]);
    expect((await send('withdraw', [76n])).failed).toBe(true);
    expect((await send('withdraw', [75n])).failed).toBe(false);
    expect(await balanceOf(ALICE)).toBe(0n);
    const { data } = await call(
      WRAPPED_OPEN_ADDRESS,
      encodeFunctionData({ abi: WETH, functionName: 'totalSupply' }),
    );
    expect(BigInt(data)).toBe(35n);
  });

  it('wrapped OPEN refuses what it does not know instead of keeping the coins', async () => {
    expect((await call(WRAPPED_OPEN_ADDRESS, '0xdeadbeef', ALICE, 1n)).failed).toBe(true);
  });

  it('wrapped OPEN has the functions and events of WETH9', () => {
    const weth9 = parseAbi([
      'function name() view returns (string)',
      'function symbol() view returns (string)',
      'function decimals() view returns (uint8)',
      'function totalSupply() view returns (uint256)',
      'function balanceOf(address) view returns (uint256)',
      'function allowance(address,address) view returns (uint256)',
      'function deposit() payable',
      'function withdraw(uint256 wad)',
      'function approve(address guy, uint256 wad) returns (bool)',
      'function transfer(address dst, uint256 wad) returns (bool)',
      'function transferFrom(address src, address dst, uint256 wad) returns (bool)',
      'event Deposit(address indexed dst, uint256 wad)',
      'event Withdrawal(address indexed src, uint256 wad)',
      'event Transfer(address indexed src, address indexed dst, uint256 wad)',
      'event Approval(address indexed src, address indexed guy, uint256 wad)',
    ]);
    const shape = (abi: Abi) =>
      new Set(
        abi.flatMap((item) =>
          'name' in item
            ? [`${item.type} ${item.name}(${('inputs' in item ? item.inputs : []).map((i) => i.type)})`]
            : [],
        ),
      );
    const ours = shape(WETH);
    for (const item of shape(weth9)) expect(ours).toContain(item);
  });

  it('the history contract stores under the system address and reads within its ring', async () => {
    // The code reads the block number; the default block of this EVM is number 0, so use one of our own.
    const run = (from: Hex, data: Hex) =>
      evm.runCall({
        caller: new Address(hexToBytes(from)),
        to: new Address(hexToBytes(HISTORY_STORAGE_ADDRESS)),
        data: hexToBytes(data),
        gasLimit: 1_000_000n,
        block: {
          header: {
            number: 100n,
            coinbase: new Address(new Uint8Array(20)),
            timestamp: 0n,
            difficulty: 0n,
            prevRandao: new Uint8Array(32),
            gasLimit: 1n,
            baseFeePerGas: 1n,
            getBlobGasPrice: () => 1n,
          },
        } as never,
      });
    const hash: Hex = `0x${'ab'.repeat(32)}`;
    expect((await run(SYSTEM, hash)).execResult.exceptionError).toBeUndefined();
    const word = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`;
    const read = await run(ALICE, word(99));
    expect(Buffer.from(read.execResult.returnValue).toString('hex')).toBe('ab'.repeat(32));
    expect((await run(ALICE, word(100))).execResult.exceptionError).toBeDefined();
  });
});
