/**
 * The token as the users of Foundry's forge handle it: a project with a contract, a script and a test. The compiler is
 * solc from npm behind a wrapper, since forge would fetch one of its own.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { privateKeyToAccount } from 'viem/accounts';
import type { Hex } from '../../../genesis/types.ts';
import type { ClientTarget } from '../../clients/types.ts';
import { rpc } from '../../support/devnet.ts';
import { projectRoot } from '../state/fixtures.ts';
import { foundry } from './foundry.ts';
import { FAR_DEADLINE, TOKEN_SOURCE } from './token.ts';
import { type Scenario, Unsupported } from './types.ts';

const SUPPLY = 1_000_000n;
const FRIEND = '0x00000000000000000000000000000000F00DbAbE';
const FRIEND_PADDED = `0x${FRIEND.slice(2).toLowerCase().padStart(64, '0')}`;

const VM = `interface Vm {
    struct EthGetLogs {
        address emitter; bytes32[] topics; bytes data; bytes32 blockHash; uint64 blockNumber;
        bytes32 transactionHash; uint64 transactionIndex; uint256 logIndex; bool removed;
    }
    function startBroadcast(uint256 key) external;
    function stopBroadcast() external;
    function addr(uint256 key) external view returns (address);
    function sign(uint256 key, bytes32 digest) external view returns (uint8, bytes32, bytes32);
    function eth_getLogs(uint256 from, uint256 to, address target, bytes32[] calldata topics)
        external returns (EthGetLogs[] memory);
    function envAddress(string calldata name) external view returns (address);
    function prank(address who) external;
    function expectRevert(bytes calldata data) external;
    function expectEmit(bool, bool, bool, bool) external;
}
Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
`;

const SCRIPT = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;
import {Gold} from "../src/Gold.sol";
${VM}
contract Act {
    function transfer(uint256 key, Gold gold, address to, uint256 amount) external {
        vm.startBroadcast(key);
        gold.transfer(to, amount);
        vm.stopBroadcast();
    }
    function permit(uint256 key, Gold gold, address spender, uint256 amount) external {
        address owner = vm.addr(key);
        bytes32 kind = keccak256(
            "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
        );
        bytes32 content = keccak256(
            abi.encode(kind, owner, spender, amount, gold.nonces(owner), ${FAR_DEADLINE})
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", gold.DOMAIN_SEPARATOR(), content));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        vm.startBroadcast(key);
        gold.permit(owner, spender, amount, ${FAR_DEADLINE}, v, r, s);
        vm.stopBroadcast();
    }
    function past(address gold, uint256 from, uint256 to) external returns (uint256 count, uint256 sum) {
        bytes32[] memory topics = new bytes32[](1);
        topics[0] = keccak256("Transfer(address,address,uint256)");
        Vm.EthGetLogs[] memory logs = vm.eth_getLogs(from, to, gold, topics);
        for (uint256 i = 0; i < logs.length; i++) sum += abi.decode(logs[i].data, (uint256));
        return (logs.length, sum);
    }
}
`;

const TEST = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;
import {Gold} from "../src/Gold.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
${VM}
contract ForkTest {
    function test_balances_and_events_of_the_chain() external {
        Gold gold = Gold(vm.envAddress("GOLD"));
        address owner = vm.envAddress("OWNER");
        address friend = vm.envAddress("FRIEND");
        uint256 before = gold.balanceOf(friend);
        require(gold.totalSupply() == ${SUPPLY} && before > 0, "the chain's balances are not seen");
        vm.expectEmit(true, true, false, true);
        emit IERC20.Transfer(owner, friend, 5);
        vm.prank(owner);
        gold.transfer(friend, 5);
        require(gold.balanceOf(friend) == before + 5, "the transfer did not arrive");
    }
    function test_typed_error() external {
        Gold gold = Gold(vm.envAddress("GOLD"));
        address owner = vm.envAddress("OWNER");
        uint256 has = gold.balanceOf(owner);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, owner, has, has + 1)
        );
        vm.prank(owner);
        gold.transfer(address(1), has + 1);
    }
}
`;

/** `scenarios` share one project folder; `close` removes it. */
export function forgeScenarios(target: ClientTarget): { scenarios: Scenario[]; close(): void } {
  const folder = makeProject();
  const self = privateKeyToAccount(target.privateKey).address;
  let token: { address: Hex; block: number } | undefined;
  const gold = (): Hex => {
    assert.ok(token, 'the token was not deployed');
    return token.address;
  };
  const forge = (...args: string[]) => foundry('forge', args, folder);
  const script = (signature: string, args: string[], more: string[] = []) =>
    forge(
      ...['script', 'script/Act.s.sol:Act', '--rpc-url', target.rpcUrl, '--sig', signature],
      ...[...args, ...more],
    );
  const read = (to: Hex, data: string) => rpc<Hex>(target.rpcUrl, 'eth_call', [{ to, data }, 'latest']);
  const unsupported = (name: string, reason: string): Scenario => ({
    name,
    run: async () => {
      throw new Unsupported(reason);
    },
  });

  const scenarios: Scenario[] = [
    {
      name: 'compile offline with solc from npm',
      async run() {
        assert.match(await forge('build'), /Compiler run successful/);
      },
    },
    {
      name: 'deploy an OpenZeppelin ERC-20',
      async run() {
        const wallet = ['--rpc-url', target.rpcUrl, '--private-key', target.privateKey, '--broadcast'];
        const text = await forge(
          ...['create', '--json', ...wallet, 'src/Gold.sol:Gold', '--constructor-args', String(SUPPLY)],
        );
        const { deployedTo, transactionHash } = JSON.parse(text.slice(text.indexOf('{')));
        const receipt = await rpc<{ status: Hex; blockNumber: Hex }>(
          target.rpcUrl,
          'eth_getTransactionReceipt',
          [transactionHash],
        );
        assert.equal(receipt.status, '0x1');
        token = { address: deployedTo, block: Number(receipt.blockNumber) };
      },
    },
    {
      name: 'transfer and decode its event',
      async run() {
        const before = BigInt(await read(gold(), `0x70a08231${FRIEND_PADDED.slice(2)}`));
        await script(
          'transfer(uint256,address,address,uint256)',
          [target.privateKey, gold(), FRIEND, '7'],
          ['--broadcast'],
        );
        const path = `broadcast/Act.s.sol/${target.chainId}/transfer-latest.json`;
        const run = JSON.parse(readFileSync(join(folder, path), 'utf8')) as {
          receipts: { status: Hex; logs: { topics: Hex[]; data: Hex }[] }[];
        };
        assert.equal(run.receipts[0]?.status, '0x1');
        const [log] = run.receipts[0]?.logs ?? [];
        assert.equal(log?.topics[2], FRIEND_PADDED);
        assert.equal(BigInt(log?.data ?? 0), 7n);
        assert.equal(BigInt(await read(gold(), `0x70a08231${FRIEND_PADDED.slice(2)}`)), before + 7n);
      },
    },
    {
      name: 'decode a typed error',
      async run() {
        const asked = (SUPPLY * 2n).toString();
        const refused = await script('transfer(uint256,address,address,uint256)', [
          target.privateKey,
          gold(),
          FRIEND,
          asked,
        ]).catch((error) => String(error.output));
        const left = `${SUPPLY - 7n}`;
        assert.match(refused, new RegExp(`ERC20InsufficientBalance\\(${self}, ${left}\\b.*, ${asked}\\b`));
      },
    },
    {
      name: 'sign typed data for a permit',
      async run() {
        await script(
          'permit(uint256,address,address,uint256)',
          [target.privateKey, gold(), FRIEND, '123'],
          ['--broadcast'],
        );
        const owner = self.slice(2).toLowerCase().padStart(64, '0');
        assert.equal(BigInt(await read(gold(), `0xdd62ed3e${owner}${FRIEND_PADDED.slice(2)}`)), 123n);
      },
    },
    {
      name: 'read past events',
      async run() {
        const head = await rpc<Hex>(target.rpcUrl, 'eth_blockNumber');
        const text = await script(
          'past(address,uint256,uint256)',
          [gold(), String(token?.block), String(Number(head))],
          ['--json'],
        );
        const line = text.split('\n').find((item) => item.includes('"returns"'));
        const { returns } = JSON.parse(line ?? '{}') as { returns?: Record<string, { value: string }> };
        assert.equal(returns?.count?.value, '2');
        assert.equal(returns?.sum?.value, String(SUPPLY + 7n));
      },
    },
    {
      name: 'test against the chain as it is (fork tests)',
      async run() {
        Object.assign(process.env, { GOLD: gold(), OWNER: self, FRIEND });
        const output = await forge('test', '--fork-url', target.rpcUrl);
        assert.match(output, /2 tests passed, 0 failed/);
      },
    },
    unsupported('show a transaction that reverted', 'forge sends nothing whose simulation reverts'),
    unsupported('poll a filter', 'forge asks for no filters'),
    unsupported('subscribe to heads and events over WebSocket', 'forge has no subscriptions'),
    unsupported(
      'take a proof that an independent verifier accepts',
      'forge asks for no proofs; it reads slots by themselves',
    ),
    unsupported(
      'use a native module',
      'forge runs scripts in an EVM of its own, where our modules are code 0xfe; cast sends to them',
    ),
  ];
  return { scenarios, close: () => rmSync(folder, { recursive: true, force: true }) };
}

function makeProject(): string {
  const folder = mkdtempSync(join(tmpdir(), 'openledger-forge-'));
  const modules = join(projectRoot(), 'node_modules');
  const compiler = join(folder, 'solc.mjs');
  const files: Record<string, string> = {
    'src/Gold.sol': TOKEN_SOURCE,
    'script/Act.s.sol': SCRIPT,
    'test/Fork.t.sol': TEST,
    'solc.mjs': SOLC_WRAPPER(modules),
    'foundry.toml': [
      '[profile.default]',
      `libs = ['${modules}']`,
      `remappings = ['@openzeppelin/=${modules}/@openzeppelin/']`,
      'auto_detect_remappings = false',
      `allow_paths = ['${modules}']`,
      `solc = '${compiler}'`,
      "evm_version = 'osaka'",
      'optimizer = true',
      'offline = true',
    ].join('\n'),
  };
  for (const path of ['src', 'script', 'test']) mkdirSync(join(folder, path));
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
  chmodSync(compiler, 0o700);
  return folder;
}

/** Speaks as the compiler's program does, as far as forge asks. */
const SOLC_WRAPPER = (modules: string) => `#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const solc = createRequire(${JSON.stringify(`${modules}/`)})('solc');
if (process.argv.includes('--version')) console.log('solc, the compiler\\nVersion: ' + solc.version());
else process.stdout.write(solc.compile(readFileSync(0, 'utf8')));
`;
