/** Steps that most stories of the modules begin with. */
import { attributionRecord, encodeAttributionRecord, lex } from '../../../../attribution/api.ts';
import { keccakHex } from '../../../../state/modules/hash.ts';
import { commitmentOf } from '../../../../state/modules/views.ts';
import type { ArtifactInfo, AttributionJob, AttributionOutcome, Hex } from '../../../../state/types.ts';
import { OPEN, salt, type World } from './world.ts';

export async function createDataNet(world: World, owner: Hex, name = 'poems'): Promise<bigint> {
  const { values } = await world.must('datanet', 'create', [name, 'summary', '', ['verse']], { from: owner });
  const id = values[0] as bigint;
  await world.must('datanet', 'publish', [id], { from: owner });
  return id;
}

export interface Committed {
  id: Hex;
  artifact: ArtifactInfo;
  salt: Hex;
}

let saltCounter = 0;

export async function commit(
  world: World,
  contributor: Hex,
  dataNetId: bigint,
  records: readonly (string | Uint8Array)[],
): Promise<Committed> {
  const artifact = world.addArtifact(records);
  const secret = salt(++saltCounter);
  const commitment = commitmentOf({
    sender: contributor,
    dataNetId,
    artifactRoot: artifact.root,
    size: artifact.size,
    salt: secret,
  });
  world.give(contributor, OPEN);
  const { values } = await world.must('contribution', 'commit', [dataNetId, commitment], {
    from: contributor,
    value: OPEN,
  });
  return { id: values[0] as Hex, artifact, salt: secret };
}

export function revealArguments({ id, artifact, salt: secret }: Committed, metadata = ''): unknown[] {
  return [
    id,
    artifact.root,
    BigInt(artifact.size),
    BigInt(artifact.leafCount),
    'CC-BY-4.0',
    metadata,
    secret,
  ];
}

/** Commits, reveals and approves; returns the contribution's id. */
export async function contribute(
  world: World,
  owner: Hex,
  contributor: Hex,
  dataNetId: bigint,
  records: readonly (string | Uint8Array)[],
): Promise<Hex> {
  const committed = await commit(world, contributor, dataNetId, records);
  await world.must('contribution', 'reveal', revealArguments(committed), { from: contributor });
  await world.must('contribution', 'approve', [committed.id], { from: owner });
  return committed.id;
}

export interface ModelOptions {
  owner: Hex;
  operator: Hex;
  beneficiary: Hex;
  dataNetIds: readonly bigint[];
  parents?: readonly bigint[];
  royaltiesBps?: readonly bigint[];
  basePrice?: bigint;
  pricePerToken?: bigint;
}

export function registerArguments(options: ModelOptions): unknown[] {
  return [
    4n,
    'oracle',
    'answers in verse',
    options.parents ?? [],
    options.royaltiesBps ?? [],
    options.dataNetIds,
    options.operator,
    options.beneficiary,
    options.basePrice ?? 1_000n,
    options.pricePerToken ?? 10n,
  ];
}

export async function registerModel(world: World, options: ModelOptions): Promise<bigint> {
  const bond = world.params.inference.minOperatorBond;
  world.give(options.owner, bond);
  const { values } = await world.must('model', 'register', registerArguments(options), {
    from: options.owner,
    value: bond,
  });
  return values[0] as bigint;
}

export async function ask(
  world: World,
  asker: Hex,
  modelId: bigint,
  escrow = 10_000n,
  maxOutputTokens = 64n,
  prompt = 'Sing, goddess',
): Promise<Hex> {
  world.give(asker, escrow);
  const { values } = await world.must('inference', 'request', [modelId, prompt, maxOutputTokens], {
    from: asker,
    value: escrow,
  });
  return values[0] as Hex;
}

/** An engine that credits as told; its record is canonical and names request and output, as the real one's does. */
export function creditAs(credits: readonly { contributor: Hex; parts: number }[]) {
  return (job: AttributionJob): AttributionOutcome => {
    const ordered = [...credits].sort(
      (a, b) => b.parts - a.parts || (a.contributor < b.contributor ? -1 : 1),
    );
    const coverage = ordered.reduce((sum, credit) => sum + credit.parts, 0);
    const record = encodeAttributionRecord(
      attributionRecord(job.requestHash, job.output, {
        version: 1,
        totalWeightQ16: 1 << 20,
        coverage,
        uncovered: 1_000_000_000 - coverage,
        credits: ordered.map(({ contributor, parts }) => ({ contributor, credit: parts })),
        spans: [],
      } as never),
    );
    return {
      record,
      recordHash: keccakHex(record),
      outputTokens: lex(job.output).length,
      credits: ordered,
      uncovered: 1_000_000_000 - coverage,
    };
  };
}
