/** A transaction from its first fee to its last: what surrounds the message that it is. */
import { EMPTY_ACCOUNT } from '../../accounts/account.ts';
import {
  addressOfPublicKey,
  bigintToBytes,
  concat,
  EMPTY_BYTES,
  fromHex,
  keccak256,
  recoverPublicKey,
  SECP256K1_HALF_N,
  toHex,
  ZERO_ADDRESS,
} from '../../crypto.ts';
import { encodeRlp } from '../../rlp.ts';
import { floorGas, intrinsicGas } from '../../transactions/intrinsic.ts';
import { isDelegation } from '../../transactions/validate.ts';
import type { Hex, Inside, Log } from '../../types.ts';
import { type Executable, priorityFee } from '../executable.ts';
import type { World } from '../world.ts';
import type { Environment, Runner } from './runner.ts';
import { Session } from './session.ts';

export interface TransactionRules {
  chainId: number;
  knowsDelegations: boolean;
  /** EIP-7623 */
  hasFloor: boolean;
}

export interface Ran {
  /** `runTransaction` takes refunds off; `runMessage` leaves that to whoever knows what else was paid. */
  gasUsed: bigint;
  /** What SSTORE gave back, not capped yet. */
  refund: bigint;
  output: Uint8Array;
  logs: Log[];
  inside: Inside;
  exception: string | undefined;
  createdAddress: Hex | null;
}

const MAX_NONCE = 0xffff_ffff_ffff_ffffn;
/** EIP-3529: refunds give back at most a fifth. */
const REFUND_QUOTIENT = 5;
/** EIP-7702: an authority that existed costs so much less than it was charged for. */
const EXISTING_AUTHORITY = 12_500;
const AUTHORIZATION_MAGIC = Uint8Array.of(5);
const DELEGATION = Uint8Array.of(0xef, 0x01, 0x00);

/** Runs a transaction that was checked against the state (`stateProblem`). */
export async function runTransaction(
  runner: Runner,
  rules: TransactionRules,
  world: World,
  block: Omit<Environment, 'gasPrice' | 'origin'>,
  tx: Executable,
): Promise<Ran> {
  const session = new Session(world, runner.natives);
  const tip = priorityFee(tx, block.baseFee);
  const gasPrice = block.baseFee + tip;
  const sender = world.read(tx.from) ?? EMPTY_ACCOUNT;
  world.write(tx.from, {
    ...sender,
    nonce: sender.nonce + 1n,
    balance: sender.balance - tx.gasLimit * gasPrice,
  });
  session.touch(tx.from);
  session.warmAccount(tx.from);
  session.warmAccount(block.coinbase);
  if (tx.to !== null) session.warmAccount(tx.to);
  warm(session, tx.accessList ?? []);
  for (const authorization of tx.authorizationList ?? []) authorize(session, rules, authorization);

  const intrinsic = intrinsicGas(tx);
  const result = await runner.run(
    session,
    { ...block, gasPrice, origin: tx.from },
    {
      from: tx.from,
      to: tx.to,
      data: tx.data,
      value: tx.value,
      gasLimit: Number(tx.gasLimit - intrinsic),
    },
  );
  const used = Number(intrinsic) + result.gasUsed;
  const refund = Math.min(session.refund, Math.floor(used / REFUND_QUOTIENT));
  let gasUsed = BigInt(used - refund);
  if (rules.hasFloor) {
    const floor = floorGas(tx);
    if (gasUsed < floor) gasUsed = floor;
  }
  world.addBalance(tx.from, (tx.gasLimit - gasUsed) * gasPrice);
  session.touch(block.coinbase);
  if (tip > 0n && gasUsed > 0n) world.addBalance(block.coinbase, gasUsed * tip);
  session.finish();
  return {
    gasUsed,
    refund: BigInt(session.refund),
    output: result.output,
    logs: session.logs,
    inside: session.inside(),
    exception: result.exception,
    createdAddress: result.createdAddress,
  };
}

export interface Message {
  from: Hex;
  to: Hex | null;
  data: Uint8Array;
  value: bigint;
  gasLimit: bigint;
  gasPrice: bigint;
  warm: readonly { address: Hex; storageKeys: Hex[] }[];
}

/** Runs a message without fees. */
export async function runMessage(
  runner: Runner,
  world: World,
  block: Omit<Environment, 'gasPrice' | 'origin'>,
  message: Message,
): Promise<Ran> {
  const session = new Session(world, runner.natives);
  const sender = world.read(message.from) ?? EMPTY_ACCOUNT;
  world.write(message.from, { ...sender, nonce: sender.nonce + 1n });
  session.warmAccount(message.from);
  session.warmAccount(block.coinbase);
  if (message.to !== null) session.warmAccount(message.to);
  warm(session, message.warm);
  const { gasPrice, from } = message;
  const result = await runner.run(
    session,
    { ...block, gasPrice, origin: from },
    { from, to: message.to, data: message.data, value: message.value, gasLimit: Number(message.gasLimit) },
  );
  session.finish();
  return {
    gasUsed: BigInt(result.gasUsed),
    refund: BigInt(session.refund),
    output: result.output,
    logs: session.logs,
    inside: session.inside(),
    exception: result.exception,
    createdAddress: result.createdAddress,
  };
}

function warm(session: Session, list: readonly { address: Hex; storageKeys: readonly Hex[] }[]): void {
  for (const { address, storageKeys } of list) {
    session.warmAccount(address);
    for (const slot of storageKeys) session.warmSlot(address, slot.slice(2));
  }
}

type Authorization = NonNullable<Executable['authorizationList']>[number];

/** EIP-7702. An authorization that does not hold is passed over. */
function authorize(session: Session, rules: TransactionRules, authorization: Authorization): void {
  const { chainId, nonce, s, yParity } = authorization;
  if (chainId !== 0n && chainId !== BigInt(rules.chainId)) return;
  if (nonce >= MAX_NONCE || s > SECP256K1_HALF_N || yParity > 1) return;
  const authority = authorityOf(authorization);
  if (authority === undefined) return;
  session.warmAccount(authority);
  const { world } = session;
  const account = world.read(authority);
  const code = world.readCode(account);
  if (code.length > 0 && !isDelegation(code)) return;
  if ((account?.nonce ?? 0n) !== nonce) return;
  if (account !== undefined) session.refund += EXISTING_AUTHORITY;
  world.write(authority, { ...(account ?? EMPTY_ACCOUNT), nonce: nonce + 1n });
  const { address } = authorization;
  world.writeCode(authority, address === ZERO_ADDRESS ? EMPTY_BYTES : concat(DELEGATION, fromHex(address)));
}

function authorityOf({ chainId, address, nonce, yParity, r, s }: Authorization): Hex | undefined {
  const signed = encodeRlp([bigintToBytes(chainId), fromHex(address), bigintToBytes(nonce)]);
  const hash = keccak256(concat(AUTHORIZATION_MAGIC, signed));
  const key = recoverPublicKey(hash, bigintToBytes(r), bigintToBytes(s), yParity);
  return key === undefined ? undefined : toHex(addressOfPublicKey(key));
}
