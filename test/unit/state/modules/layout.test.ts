import { describe, expect, it } from 'vitest';
import type { ChainParams } from '../../../../genesis/types.ts';
import { toHex, utf8Bytes } from '../../../../state/modules/abi.ts';
import { emptyHistory, extendHistory } from '../../../../state/modules/datanet/storage.ts';
import { keccakHex } from '../../../../state/modules/hash.ts';
import { paramsHashOf, requestIdOf } from '../../../../state/modules/inference/storage.ts';
import { interfaces } from '../../../../state/modules/interfaces.ts';
import { modules } from '../../../../state/modules/registry.ts';
import { slotOf } from '../../../../state/modules/storage.ts';
import { commitmentOf, contributionIdOf, requestHash } from '../../../../state/modules/views.ts';
import { ask, contribute, createDataNet, registerModel } from './story.ts';
import { createWorld, person, salt } from './world.ts';

// Defaults of genesis may change without changing any format, so the values here are their own.
const attribution: ChainParams['attribution'] = {
  version: 1,
  lmin: 4,
  lmax: 32,
  sminQ16: 32 << 16,
  wmaxQ16: 12 << 16,
  maxOutputTokens: 512,
  maxOutputBytes: 16_384,
  maxPromptBytes: 4_096,
  recordCapPermille: 100,
  contributorCapPermille: 500,
  coverageCapPermille: 600,
  maxContributors: 64,
  commons: [3, 5],
};
const contribution: ChainParams['contribution'] = {
  maxBytes: 1_000_000,
  maxRecordBytes: 100_000,
  maxRecords: 4_096,
  maxMetadataBytes: 4_096,
  revealWindowBlocks: 600,
  commitDeposit: 1_000n,
  gasPerArtifactByte: 2n,
};
const inference: ChainParams['inference'] = {
  platformBps: 1_000,
  modelBps: 2_000,
  stakersBps: 2_000,
  dataBps: 5_000,
  expiryBlocks: 600,
  minOperatorBond: 1_000_000n,
  slashFeeMultiple: 10n,
  vestingBlocks: 10_000,
  maxSnapshotsPerModel: 16,
};

/**
 * What is hashed into state or signed by people is frozen here. A change of any of these values is another chain: make
 * it on purpose, with a decision record.
 */
describe('frozen formats', () => {
  it('addresses and transaction types', () => {
    expect(
      modules.map(({ type, name, address, recordAddress }) => [type, name, address, recordAddress]),
    ).toEqual([
      [
        0x50,
        'datanet',
        '0x4f4c000000000000000000000000000000000050',
        '0x4f4c000000000000000000000000000000000150',
      ],
      [
        0x51,
        'contribution',
        '0x4f4c000000000000000000000000000000000051',
        '0x4f4c000000000000000000000000000000000151',
      ],
      [
        0x52,
        'model',
        '0x4f4c000000000000000000000000000000000052',
        '0x4f4c000000000000000000000000000000000152',
      ],
      [
        0x53,
        'inference',
        '0x4f4c000000000000000000000000000000000053',
        '0x4f4c000000000000000000000000000000000153',
      ],
      [
        0x54,
        'attestation',
        '0x4f4c000000000000000000000000000000000054',
        '0x4f4c000000000000000000000000000000000154',
      ],
      [
        0x55,
        'staking',
        '0x4f4c000000000000000000000000000000000055',
        '0x4f4c000000000000000000000000000000000155',
      ],
      [
        0x58,
        'reward',
        '0x4f4c000000000000000000000000000000000058',
        '0x4f4c000000000000000000000000000000000158',
      ],
    ]);
  });

  it('operation numbers', () => {
    const numbers = Object.fromEntries(
      Object.entries(interfaces).map(([module, { functions }]) => [
        module,
        [...functions.values()].flatMap(({ op, name }) => (op === undefined ? [] : [`${op} ${name}`])),
      ]),
    );
    expect(numbers).toEqual({
      datanet: ['1 create', '2 amend', '3 publish', '4 setPolicy', '5 transfer', '6 retire'],
      contribution: ['1 commit', '2 reveal', '3 withdraw', '4 approve', '5 reject', '6 flag'],
      model: [
        '1 register',
        '2 repin',
        '3 setPrice',
        '4 stake',
        '5 unstake',
        '6 retire',
        '7 claim',
        '8 addBond',
        '9 setOperator',
        '10 registerTrained',
      ],
      inference: ['1 request', '2 settle', '3 infer', '4 expire'],
      attestation: [],
      staking: ['1 register', '2 bond', '3 unbond', '4 withdraw', '5 unjail', '6 setRecipient'],
      reward: ['1 claim', '2 setBeneficiary'],
    });
  });

  it('JSON ABIs', () => {
    const hashes = Object.fromEntries(
      Object.entries(interfaces).map(([module, { abi }]) => [
        module,
        keccakHex(utf8Bytes(JSON.stringify(abi))),
      ]),
    );
    expect(hashes).toMatchInlineSnapshot(`
      {
        "attestation": "0x848212935220dca4a6162852b853de6fd2ece4f7cfee2bc2d132297d9d100499",
        "contribution": "0x2a9c3248516512e4673d7f75876b721b8da35ea9eae51a82e8ca24e996913c1e",
        "datanet": "0x106894b9a0d5cede644b31ed0eaf2e96213be7caf1fe9bf5010571dcb8df3481",
        "inference": "0x668a66e9283d928692341dddc4573e1c355897ec41831110f99a55fe4e47da51",
        "model": "0x3f9e43556fece252112bfb1eb7858be09a97142fcdf622d797dec0e4449f3213",
        "reward": "0x6dbd426cf0225c4cdb4369b1651a0c6a0944e3f14a4e0563d0a012f13079a353",
        "staking": "0x673f14ee1eabaf7f764119bd830b03ef76d088697e07c70c8e15564867654abe",
      }
    `);
  });

  it('hashes of commitments, ids, histories, parameters and slots', () => {
    const commitment = commitmentOf({
      sender: person(1),
      dataNetId: 7,
      artifactRoot: salt(2),
      size: 1_000,
      salt: salt(3),
    });
    expect({
      commitment,
      contributionId: contributionIdOf(7, person(1), commitment),
      requestId: requestIdOf(salt(4), person(1), 5),
      paramsHash: paramsHashOf(attribution),
      emptyHistory: emptyHistory(7n),
      history: extendHistory(emptyHistory(7n), {
        contributionId: salt(1),
        dataNetId: 7,
        contributor: person(2),
        commitSequence: 3,
        artifactRoot: salt(2),
        recordCount: 9,
        accepted: Uint8Array.of(0xff, 0x01),
      }),
      slot: toHex(slotOf('datanet.head', 7n)),
      slotOfTwo: toHex(slotOf('model.staker', 7n, person(1))),
    }).toMatchInlineSnapshot(`
      {
        "commitment": "0xedfef5c9429fedd6a3bf679659f77c5ff1d1f6904bf7a5be234dd9e9f09c6e02",
        "contributionId": "0x10e9d542852d7aea7f3b73bae187c35b0f4705bf764124ee237a214e769de81f",
        "emptyHistory": "0x6f4c69206e8a1967250176e7af09df5974e4658f413a48b40f0ffd0d42ce5aac",
        "history": "0xdcfd129c8e812bbb897a9285c3ca89fa1e485209405384295a87bf421420a518",
        "paramsHash": "0x608b3234b67a40c1f7913e954555c3998663128c7c8ae5aa8cc26e6d95d1760e",
        "requestId": "0x455871fe0f48ee502b84167fb0325e72c11a75aebbca18bd7dcf88661e9deced",
        "slot": "0xab2713b382fbd18a6670cb21fcf25a6f661e4a36e7da31881077acb7f6e25f2d",
        "slotOfTwo": "0xe32bc62eac759451dbf9c1382aa7640cf93633a12888abd337feeb875596a497",
      }
    `);
  });

  it('the layout of a whole state', async () => {
    const world = createWorld((params) => Object.assign(params, { attribution, contribution, inference }));
    const net = await createDataNet(world, person(1));
    await contribute(world, person(1), person(2), net, ['sing']);
    const model = await registerModel(world, {
      owner: person(1),
      operator: person(3),
      beneficiary: person(4),
      dataNetIds: [net],
    });
    const id = await ask(world, person(5), model);
    expect({ id, requestHash: requestHash(world.view, id) }).toMatchInlineSnapshot(`
      {
        "id": "0xbe8f978399a12788cdae86104e070634b5cc8608f13bb520a57fb37b69ae9cc1",
        "requestHash": "0x3fcce4e7b70ba4101fc7dc6faf1bd354b3c38e4d434cdfe06401d4c4838bd2a3",
      }
    `);
    expect(keccakHex(utf8Bytes(world.digest()))).toMatchInlineSnapshot(
      `"0x2ea89360327c9489a1002290aac51dfc3b09f8086e0dfa4aedb1aae5be4ce79c"`,
    );
  });
});
