/** A chain whose founders' keys nobody proved does not start: a key made of the others' keys could vote for them all. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEVNET_PARAMS, OPEN } from '../../../genesis/parameters.ts';
import { createGenesis } from '../../../genesis/presets.ts';
import { serialiseGenesis } from '../../../genesis/schema.ts';
import type { GenesisValidator, Hex } from '../../../genesis/types.ts';
import { startNode } from '../../../node/assemble.ts';
import { loadConfig } from '../../../node/config/config.ts';
import { checkGenesis } from '../../../node/config/genesis-file.ts';
import { createConsensusKey, provePossession } from '../../../node/keys/consensus-key.ts';
import { toHex } from '../../../node/keys/hex.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'openledger-founders-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const founder = (n: number): GenesisValidator => {
  const key = createConsensusKey();
  const address: Hex = `0x${n.toString(16).padStart(2, '0').repeat(20)}`;
  return {
    address,
    blsPublicKey: toHex(key.publicKey),
    proofOfPossession: toHex(provePossession(key, address, DEVNET_PARAMS.chainId)),
    bond: OPEN,
    recipient: address,
  };
};
const founders = Array.from({ length: 4 }, (_, i) => founder(i + 1));
const text = (validators: GenesisValidator[]) =>
  serialiseGenesis(createGenesis({ validators, balances: new Map(), timestamp: 1_700_000_000 }));

describe('founders', () => {
  it('A9: prove their keys before a node starts', () => {
    expect(checkGenesis(text(founders)).validators).toEqual(founders);
  });

  const [first, second] = founders as [GenesisValidator, GenesisValidator];
  it.each<[string, Partial<GenesisValidator>]>([
    ['of another founder', { proofOfPossession: first.proofOfPossession }],
    ['for another operator', { address: `0x${'77'.repeat(20)}` }],
    ['that is no point', { proofOfPossession: `0x${'11'.repeat(96)}` }],
    ['at infinity', { proofOfPossession: `0xc0${'00'.repeat(95)}` }],
    [
      'of the key at infinity',
      { blsPublicKey: `0xc0${'00'.repeat(47)}`, proofOfPossession: `0xc0${'00'.repeat(95)}` },
    ],
  ])('A9: a proof %s stops the node before it touches anything, and names the founder', async (_, wrong) => {
    const home = join(dir, 'home');
    const path = join(dir, 'genesis.json');
    writeFileSync(path, text([first, { ...second, ...wrong }, ...founders.slice(2)]));
    const config = { ...loadConfig({ home }), genesis: path };
    await expect(startNode(config, { log: () => {} })).rejects.toMatchObject({
      code: 'GENESIS_INVALID',
      message: expect.stringContaining('validators[1].proofOfPossession'),
    });
    expect(existsSync(config.dataDir)).toBe(false);
  });
});
