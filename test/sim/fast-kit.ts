/** Keyed hashes for signatures and a ledger of six accounts for a chain: ten thousand networks in minutes. */
import type { Address } from '../../consensus/types.ts';
import { createValidatorSet } from '../../consensus/validator-set/set.ts';
import {
  ACCOUNTS,
  type ChainRules,
  createChainDisk,
  createSimApp,
  decodeBlock,
  encodeBlock,
  factsOf,
  hashOf,
} from './chain.ts';
import { fakeBls, fakePublicKey, fakeSign, fakeSigner } from './fake-bls.ts';
import type { Kit, MembershipRule } from './kit.ts';

export function createFastKit(parts: {
  readonly seed: number;
  readonly powers: readonly number[];
  readonly startMs: number;
  readonly members: MembershipRule;
}): Kit {
  const addresses = parts.powers.map((_, i) => `0x${(i + 1).toString(16).padStart(40, '0')}` as Address);
  const member = (index: number, power: number) => ({
    address: addresses[index]!,
    blsPublicKey: fakePublicKey(index),
    power: BigInt(power),
    recipient: addresses[index]!,
  });
  const genesis = createValidatorSet(parts.powers.map((power, i) => ({ ...member(i, power), priority: 0n })));
  const genesisHash = hashOf(Buffer.from(`genesis ${parts.seed}`));
  const rules: ChainRules = { genesisHash, genesis, startMs: parts.startMs, members: parts.members };
  const sent = new Map<string, string[]>(ACCOUNTS.map((name) => [name, []]));
  return {
    bls: fakeBls,
    genesisHash,
    genesis,
    addresses,
    member,
    sign: fakeSign,
    signer: (index, onSign) => fakeSigner(addresses[index]!, fakePublicKey(index), onSign),
    openDisk: () => createChainDisk(rules),
    createApp: (app) => createSimApp(app, rules),
    facts(bytes) {
      const block = decodeBlock(bytes);
      return block && factsOf(block);
    },
    vary(bytes, salt) {
      const block = decodeBlock(bytes);
      if (block === undefined) return undefined;
      const other = { ...block, salt };
      return { ...encodeBlock(other), facts: factsOf(other) };
    },
    transaction(rng, isIncluded) {
      const from = rng.pick(ACCOUNTS);
      const earlier = sent.get(from)!;
      const lost = earlier.find((one) => !isIncluded(one));
      if (lost !== undefined && rng.chance(0.5)) return lost;
      const transaction = `${from}/${earlier.length}/${rng.pick(ACCOUNTS)}/${rng.int(400)}`;
      earlier.push(transaction);
      return transaction;
    },
    async close() {},
  };
}
