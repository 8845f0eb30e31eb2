import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeTrainingSpec } from '../../../../attribution/trained/api.ts';
import type { AbiParameter, AbiType, AbiValue } from '../../../../state/modules/abi.ts';
import { encodeParameters, fromHex, toHex } from '../../../../state/modules/abi.ts';
import { interfaces } from '../../../../state/modules/interfaces.ts';
import { model, totalOwed } from '../../../../state/modules/views.ts';
import { type Hex, Unavailable } from '../../../../state/types.ts';
import {
  ask,
  commit,
  contribute,
  createDataNet,
  creditAs,
  registerModel,
  revealArguments,
  seat,
} from './story.ts';
import {
  answering,
  inferOn,
  pointRecords,
  registerTrained,
  SIDES,
  SIDES_ADAPTER,
  trainedModel,
} from './trained-story.ts';
import { createWorld, moduleNamed, OutOfGas, person, salt, type World } from './world.ts';

const seed = Number(process.env['FC_SEED'] ?? 20260701);

interface Scene {
  world: World;
  /** Ids that exist, so that random calls reach deep. */
  hashes: Hex[];
}

/** A world in which something of everything exists. */
async function scene(): Promise<Scene> {
  const world = createWorld((params) => {
    params.inference.vestingBlocks = 3;
    params.inference.minOperatorBond = 1_000n;
    params.contribution.commitDeposit = 10n;
  });
  const net = await createDataNet(world, person(1));
  const approved = await contribute(world, person(1), person(2), net, ['sing goddess']);
  const sides = await createDataNet(world, person(1), 'sides');
  await contribute(world, person(1), person(2), sides, pointRecords(6));
  const open = await commit(world, person(3), net, ['the wrath']);
  const shown = await commit(world, person(2), net, ['of Achilles']);
  await world.must('contribution', 'reveal', revealArguments(shown), { from: person(2) });
  world.setAttribution(creditAs([{ contributor: person(2), parts: 400_000_000 }]));
  const external = await registerModel(world, {
    owner: person(1),
    operator: person(3),
    beneficiary: person(1),
    dataNetIds: [net],
  });
  const trained = await trainedModel(world, {
    owner: person(1),
    beneficiary: person(1),
    dataNetIds: [sides],
  });
  const registered = await registerTrained(world, {
    owner: person(1),
    beneficiary: person(1),
    dataNetIds: [sides],
  });
  world.setInference(answering(world));
  const { id: answered } = await inferOn(world, person(2), trained, '1 1', 1_000n);
  const subjects = [trained, registered].map((id) => model(world.view, Number(id))!.training!.newest.subject);
  const asked = [await ask(world, person(2), external), await ask(world, person(1), external)];
  for (let i = 1; i <= 4; i++) world.give(person(i), 1_000_000n);
  return {
    world,
    hashes: [approved, open.id, shown.id, ...asked, answered, ...subjects, open.artifact.root],
  };
}

function value(type: AbiType, hashes: readonly Hex[]): fc.Arbitrary<AbiValue> {
  switch (type.kind) {
    case 'uint': {
      const max = (1n << BigInt(type.bits)) - 1n;
      return fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(1n, 1n, 1n, 2n, 4n) },
        fc.bigInt({ min: 0n, max: 5n }),
        fc.bigInt({ min: 0n, max: 20_000n < max ? 20_000n : max }),
        fc.constantFrom(max, 1n << BigInt(type.bits - 1)),
      );
    }
    case 'address':
      return fc.integer({ min: 0, max: 4 }).map(person);
    case 'fixedBytes':
      return fc.constantFrom(...hashes, salt(1));
    case 'string':
      return fc.oneof(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.constantFrom('', 'x'.repeat(5_000), '\u0000', '1 1'),
      );
    case 'bytes':
      return fc.oneof(
        fc.uint8Array({ maxLength: 40 }),
        fc.constantFrom(encodeTrainingSpec(SIDES), encodeTrainingSpec(SIDES_ADAPTER)),
      );
    case 'bool':
      return fc.boolean();
    case 'array':
      return fc.array(value(type.element, hashes), { maxLength: 4 });
    default:
      throw new Error(`no values for ${type.kind}`);
  }
}

const everyFunction = Object.entries(interfaces).flatMap(([module, declared]) =>
  [...declared.functions.values()].map((item) => ({ module, item })),
);

describe('hostile calls', () => {
  it('B2: whatever is called with whatever, the answer is a result, a declared error or a lack of gas or bytes; a failure leaves no trace and no wei is made or lost', async () => {
    const { world, hashes } = await scene();
    const seen = { ok: 0, refused: new Set<string>() };
    const call = fc.constantFrom(...everyFunction).chain(({ module, item }) =>
      fc.record({
        module: fc.constant(module),
        item: fc.constant(item),
        args: fc.tuple(...item.inputs.map((input: AbiParameter) => value(input.type, hashes))),
        from: fc.integer({ min: 1, max: 4 }).map(person),
        value: fc
          .tuple(fc.nat({ max: 9 }), fc.bigInt({ min: 0n, max: 20_000n }))
          .map(([often, wei]) => ((item.mutability === 'payable') === often > 0 ? wei : 0n)),
        isStatic: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
        topLevel: fc.boolean(),
        gas: fc.constantFrom(...Array<bigint>(8).fill(30_000_000n), 200_000n, 30_000n),
        wait: fc.nat({ max: 5 }),
        broken: fc.option(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { freq: 20 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        call,
        async ({ module, item, args, from, value: wei, isStatic, topLevel, gas, wait, broken }) => {
          world.block.number += wait;
          seat(world);
          const calldata = new Uint8Array([
            ...fromHex(item.selector),
            ...encodeParameters(
              item.inputs.map((input) => input.type),
              args,
            ),
          ]);
          if (broken !== null) {
            const at = broken[0] % calldata.length;
            calldata[at] = (calldata[at] as number) ^ broken[1];
          }
          const before = world.digest();
          const supply = world.supply();
          const payable = wei <= world.balance(from) ? wei : 0n;
          try {
            const outcome = await world.callRaw(moduleNamed(module), calldata, {
              from,
              value: payable,
              isStatic,
              topLevel,
              gas,
            });
            if (outcome.ok) seen.ok++;
            else seen.refused.add(outcome.error);
            if (!outcome.ok || isStatic || item.mutability === 'view') expect(world.digest()).toBe(before);
          } catch (error) {
            if (!(error instanceof OutOfGas || error instanceof Unavailable)) throw error;
            expect(world.digest()).toBe(before);
          }
          expect(world.supply()).toBe(supply);
          expect(world.balance(moduleNamed('reward').address)).toBe(totalOwed(world.view));
        },
      ),
      { seed, numRuns: 6_000 },
    );
    // The calls went deep enough to mean something.
    expect(seen.ok).toBeGreaterThan(500);
    expect(seen.refused.size).toBeGreaterThan(30);
  }, 120_000);

  it('native fields of any shape give calldata that the module reads, or nothing', () => {
    const field: fc.Arbitrary<Uint8Array | (Uint8Array | Uint8Array[])[]> = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.array(
        fc.oneof(
          fc.uint8Array({ maxLength: 33 }),
          fc.array(fc.uint8Array({ maxLength: 3 }), { maxLength: 2 }),
        ),
        {
          maxLength: 3,
        },
      ),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(interfaces)),
        fc.integer({ min: 0, max: 12 }),
        fc.array(field, { maxLength: 11 }),
        (declared, op, fields) => {
          const calldata = declared.encodeNative(op, fields as never);
          if (calldata === undefined) return;
          expect(declared.decodeCall(calldata)?.name).toBe(declared.functionOf(calldata)?.name);
          expect(toHex(calldata).length).toBeGreaterThan(8);
        },
      ),
      { seed, numRuns: 3_000 },
    );
  });
});
