import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { decryptKeystoreJson, encryptKeystoreJsonSync } from 'ethers';
import { privateKeyToAddress } from 'viem/accounts';
import { afterAll, describe, expect, it } from 'vitest';
import { possessionSignBytes } from '../../../consensus/sign-bytes.ts';
import { addressInKeystore, decryptAccount, encryptAccount } from '../../../node/keys/account-keystore.ts';
import { decryptBlsKey, encryptBlsKey } from '../../../node/keys/bls-keystore.ts';
import { LIGHT_SCRYPT } from '../../../node/keys/cipher.ts';
import {
  consensusKeyFrom,
  createConsensusKey,
  loadConsensusKey,
  provePossession,
  publicKeyInFile,
  verifyFounder,
  writeConsensusKey,
  writeDevelopmentKey,
} from '../../../node/keys/consensus-key.ts';
import { writeFileAtomic } from '../../../node/keys/files.ts';
import { addressOf, checksumAddress, fromHex, parseAddress, toHex } from '../../../node/keys/hex.ts';
import { loadOrCreateNodeKey, peerIdOf } from '../../../node/keys/node-key.ts';
import { chooseNewPassword, readPassword } from '../../../node/keys/password.ts';

const dir = mkdtempSync(join(tmpdir(), 'ol-keys-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const TINY = { n: 16, r: 8, p: 1, dklen: 32 };
const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return 'no error';
};

describe('account keystores', () => {
  const key = fromHex('7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d');

  it('reads the test vectors of the Web3 Secret Storage definition (password: testpassword)', () => {
    const pbkdf2 = {
      crypto: {
        cipher: 'aes-128-ctr',
        cipherparams: { iv: '6087dab2f9fdbbfaddc31a909735c1e6' },
        ciphertext: '5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46',
        kdf: 'pbkdf2',
        kdfparams: {
          c: 262144,
          dklen: 32,
          prf: 'hmac-sha256',
          salt: 'ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd',
        },
        mac: '517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2',
      },
      id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
      version: 3,
    };
    const scrypt = {
      crypto: {
        cipher: 'aes-128-ctr',
        cipherparams: { iv: '83dbcc02d8ccb40e466191a123791e0e' },
        ciphertext: 'd172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c',
        kdf: 'scrypt',
        kdfparams: {
          dklen: 32,
          n: 262144,
          p: 8,
          r: 1,
          salt: 'ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19',
        },
        mac: '2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097',
      },
      id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
      version: 3,
    };
    expect(decryptAccount(pbkdf2, 'testpassword')).toEqual(key);
    expect(decryptAccount(scrypt, 'testpassword')).toEqual(key);
    expect(code(() => decryptAccount(scrypt, 'testpasswore'))).toBe('WRONG_PASSWORD');
  });

  it('exchanges files with ethers in both directions', async () => {
    const ours = encryptAccount(key, 'päss', LIGHT_SCRYPT);
    const read = await decryptKeystoreJson(JSON.stringify(ours), 'päss');
    expect(read.privateKey).toBe(toHex(key));
    expect(addressInKeystore(ours)).toBe(read.address.toLowerCase());
    const theirs = encryptKeystoreJsonSync(read, 'päss', { scrypt: { N: 1024 } });
    expect(decryptAccount(JSON.parse(theirs), 'päss')).toEqual(key);
  });

  it('refuses costs that would exhaust the machine', () => {
    const json = encryptAccount(key, 'x', TINY) as { crypto: { kdfparams: Record<string, unknown> } };
    json.crypto.kdfparams['n'] = 2 ** 26;
    expect(code(() => decryptAccount(json as never, 'x'))).toBe('KEYSTORE_UNSUPPORTED');
    json.crypto.kdfparams['n'] = 15;
    expect(code(() => decryptAccount(json as never, 'x'))).toBe('KEYSTORE_UNSUPPORTED');
  });
});

describe('consensus keystores', () => {
  // Vectors of EIP-2335.
  const password = '𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑';
  const secret = '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f';

  it('reads the pbkdf2 vector of EIP-2335, whose password needs NFKD', () => {
    const json = {
      crypto: {
        kdf: {
          function: 'pbkdf2',
          params: {
            dklen: 32,
            c: 262144,
            prf: 'hmac-sha256',
            salt: 'd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3',
          },
          message: '',
        },
        checksum: {
          function: 'sha256',
          params: {},
          message: '8a9f5d9912ed7e75ea794bc5a89bca5f193721d30868ade6f73043c6ea6febf1',
        },
        cipher: {
          function: 'aes-128-ctr',
          params: { iv: '264daa3f303d7259501c93d997d84fe6' },
          message: 'cee03fde2af33149775b7223e7845e4fb2c8ae1792e5f99fe9ecf474cc8c16ad',
        },
      },
      pubkey:
        '9612d7a727c9d0a22e185a1c768478dfe919cada9266988cb32359c11f2b7b27f4ae4040902382ae2910c15e2b420d07',
      path: 'm/12381/60/0/0',
      uuid: '64625def-3331-4eea-ab6f-782f3ed16a83',
      version: 4,
    };
    expect(toHex(decryptBlsKey(json, password))).toBe(`0x${secret}`);
    expect(toHex(consensusKeyFrom(fromHex(secret)).publicKey)).toBe(`0x${json.pubkey}`);
    expect(code(() => decryptBlsKey(json, 'testpassword'))).toBe('WRONG_PASSWORD');
  });

  it('reads what it writes, and takes composed and decomposed letters for the same', () => {
    const key = createConsensusKey();
    const json = encryptBlsKey(key, 'caf\u00e9', TINY);
    expect(decryptBlsKey(json, 'cafe\u0301')).toEqual(key.secretKey);
  });

  it('keeps keys in files that only the owner reads and never overwrites one', async () => {
    const path = join(dir, 'validator.json');
    const key = createConsensusKey();
    writeConsensusKey(path, key, 'secret', TINY);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await loadConsensusKey(path, () => 'secret')).toEqual(key);
    expect(publicKeyInFile(path)).toEqual(key.publicKey);
    expect(code(() => writeConsensusKey(path, createConsensusKey(), 'secret', TINY))).toBe('FILE_EXISTS');
    expect(await loadConsensusKey(path, () => 'secret')).toEqual(key);
  });

  it('reads a development key without a password', async () => {
    const path = join(dir, 'dev.json');
    const key = createConsensusKey();
    writeDevelopmentKey(path, key);
    const loaded = await loadConsensusKey(path, () => {
      throw new Error('asked for a password');
    });
    expect(loaded).toEqual(key);
    expect(readFileSync(path, 'utf8')).toContain('development networks only');
  });
});

describe('proof of possession', () => {
  const key = createConsensusKey();
  const address = '0x00000000000000000000000000000000000000aa' as const;
  const founder = {
    address,
    blsPublicKey: toHex(key.publicKey),
    proofOfPossession: toHex(provePossession(key, address, 20_300)),
    bond: 1n,
    recipient: address,
  };

  it('A9: binds the key to the operator and the chain', () => {
    expect(verifyFounder(founder, 20_300)).toBe(true);
    expect(verifyFounder(founder, 20_301)).toBe(false);
    expect(verifyFounder({ ...founder, address: `0x${'bb'.repeat(20)}` }, 20_300)).toBe(false);
    expect(verifyFounder({ ...founder, blsPublicKey: toHex(createConsensusKey().publicKey) }, 20_300)).toBe(
      false,
    );
    expect(verifyFounder({ ...founder, proofOfPossession: `0xc0${'00'.repeat(95)}` }, 20_300)).toBe(false);
  });

  it('A9: is the signature that the portable library makes with the POP ciphersuite', () => {
    const { longSignatures } = bls12_381;
    const chain = `0x${(20_300).toString(16).padStart(64, '0')}` as const;
    const message = possessionSignBytes(chain, address, key.publicKey);
    const point = longSignatures.hash(message, 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_');
    const signature = longSignatures.sign(point, key.secretKey);
    expect(toHex(longSignatures.Signature.toBytes(signature))).toBe(founder.proofOfPossession);
  });
});

describe('node key', () => {
  it('is made once, and gives the peer id that libp2p computes', async () => {
    const path = join(dir, 'node.json');
    const seed = loadOrCreateNodeKey(path);
    expect(loadOrCreateNodeKey(path)).toEqual(seed);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const libp2p = peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', seed));
    expect(peerIdOf(seed)).toBe(libp2p.toString());
    writeFileSync(path, '{"kind":"something"}');
    expect(code(() => loadOrCreateNodeKey(path))).toBe('KEY_FILE_INVALID');
  });
});

describe('addresses', () => {
  it('follow from the key as everywhere, with EIP-55 checksums that catch typing errors', () => {
    const key = fromHex('11'.repeat(32));
    expect(checksumAddress(addressOf(key))).toBe(privateKeyToAddress(toHex(key)));
    const checksummed = checksumAddress(addressOf(key));
    expect(parseAddress(checksummed)).toBe(addressOf(key));
    expect(() => parseAddress(checksummed.replace(/[a-f]/, (c) => c.toUpperCase()))).toThrow('mistyped');
    expect(() => parseAddress('0x12')).toThrow('not an address');
  });
});

describe('passwords', () => {
  it('come from the file, then the environment, then the person', async () => {
    const file = join(dir, 'password');
    writeFileSync(file, 'from file\nrest\n');
    const environment = { OPENLEDGER_PASSWORD: 'from environment' };
    const ask = async () => 'from person';
    expect(await readPassword({ file, environment, ask }, '')).toBe('from file');
    expect(await readPassword({ environment, ask }, '')).toBe('from environment');
    expect(await readPassword({ ask }, '')).toBe('from person');
    await expect(readPassword({}, '')).rejects.toMatchObject({ code: 'PASSWORD_NEEDED' });
  });

  it('that are empty in the environment are not set: no key is made that anybody opens', async () => {
    const environment = { OPENLEDGER_PASSWORD: '' };
    await expect(readPassword({ environment }, '')).rejects.toMatchObject({ code: 'PASSWORD_NEEDED' });
    await expect(chooseNewPassword({ environment })).rejects.toMatchObject({ code: 'PASSWORD_NEEDED' });
  });

  it('are asked twice for a new key and must not be short', async () => {
    const answers = ['long enough', 'long enouhg', 'short', 'long enough', 'long enough'];
    const ask = async () => answers.shift()!;
    await expect(chooseNewPassword({ ask })).rejects.toMatchObject({ code: 'PASSWORD_MISMATCH' });
    await expect(chooseNewPassword({ ask })).rejects.toMatchObject({ code: 'PASSWORD_TOO_SHORT' });
    expect(await chooseNewPassword({ ask })).toBe('long enough');
  });
});

describe('key files', () => {
  it('are replaced as a whole and leave nothing beside them', async () => {
    const path = join(dir, 'sub', 'file.json');
    writeFileAtomic(path, 'one');
    writeFileAtomic(path, 'two', { replace: true });
    expect(readFileSync(path, 'utf8')).toBe('two');
    const { readdirSync } = await import('node:fs');
    expect(readdirSync(join(dir, 'sub'))).toEqual(['file.json']);
  });
});
