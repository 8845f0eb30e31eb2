/**
 * What is done to a network, as a file (docs/networks.md). Nodes are `validator-0` ... and `full-0` ...; steps happen one
 * after the other, each while the load goes on; the perturbations of one step happen at the same time. Durations are
 * counted in blocks that the rest of the network makes meanwhile, so that nothing depends on how fast a machine is.
 */

export interface Manifest {
  readonly name: string;
  readonly validators: number;
  /** Of each validator, as multiples of the bond that a node bonds which joins; all 1 where the file does not say. */
  readonly powers: readonly number[];
  readonly fullNodes: number;
  /** Blocks between the snapshots that every node makes. */
  readonly snapshotInterval: number;
  readonly load: Load;
  /** `perturbations` of the file. */
  readonly steps: readonly (readonly Perturbation[])[];
}

export interface Load {
  /** Accounts that send transactions, each waiting for its last ones before it sends more. */
  readonly senders: number;
  /** Transactions of one account on their way at a time. */
  readonly inFlight: number;
  /** In turn; only transfers where the file does not say. */
  readonly kinds: readonly LoadKind[];
}

export const LOAD_KINDS = ['transfer', 'contract', 'native'] as const;
export type LoadKind = (typeof LOAD_KINDS)[number];

/** `blocks`: how many the others make before it is lifted. */
export type Perturbation =
  /** SIGKILL, then started again. */
  | { readonly kind: 'kill'; readonly node: string; readonly blocks: number }
  /** Asked to stop, then started again. */
  | { readonly kind: 'restart'; readonly node: string; readonly blocks: number }
  /** SIGSTOP, then SIGCONT. */
  | { readonly kind: 'pause'; readonly node: string; readonly blocks: number }
  /** All its connections end and none can be made (`cut`), or all stay open and carry nothing (`silence`). */
  | { readonly kind: 'disconnect'; readonly node: string; readonly blocks: number; readonly how: LinkFault }
  /** SIGKILL, and the consensus log has lost its last bytes. */
  | { readonly kind: 'torn-log'; readonly node: string; readonly blocks: number }
  /**
   * SIGKILL, and the disk with the data and the last-signed record is gone; the key is not. A validator is refused, and
   * then started with the record that was exported (`record`), or with the flag that does without (`flag`). A full node
   * has nothing to lose but its blocks (undefined).
   */
  | {
      readonly kind: 'lost-disk';
      readonly node: string;
      readonly blocks: number;
      readonly signs: Remedy | undefined;
    }
  /** A full node that was not there from the beginning. */
  | { readonly kind: 'start'; readonly node: string; readonly from: 'snapshot' | 'blocks' }
  /** A full node gets a key and becomes a validator by staking transactions. */
  | { readonly kind: 'join'; readonly node: string }
  /** A validator takes its bond out and goes on as a full node. */
  | { readonly kind: 'leave'; readonly node: string }
  /** Somebody with the key of this validator signs a second vote and gossips it. */
  | { readonly kind: 'equivocate'; readonly node: string };

export type PerturbationKind = Perturbation['kind'];
const KINDS: readonly PerturbationKind[] = [
  'kill',
  'restart',
  'pause',
  'disconnect',
  'torn-log',
  'lost-disk',
  'start',
  'join',
  'leave',
  'equivocate',
];
export type LinkFault = 'cut' | 'silence';
export type Remedy = 'record' | 'flag';

/** Each a process with four threads; two cores carry no more. */
export const MAX_VALIDATORS = 7;
export const MAX_FULL_NODES = 3;
const MAX_STEPS = 40;
const MAX_BLOCKS = 100;
/** A founder's bond times this is far below what an account of 64 bits could hold. */
const MAX_POWER = 100;
/** A few nodes by hand are some kilobytes. */
export const MAX_MANIFEST_BYTES = 1 << 20;

export class ManifestError extends Error {
  override name = 'ManifestError';
}

type Json = Record<string, unknown>;

/** @throws ManifestError that names the place and what is expected there */
export function parseManifest(text: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new ManifestError(`not JSON: ${oneLine((error as Error).message)}`);
  }
  const top = object(json, 'manifest');
  only(top, 'manifest', [
    'name',
    'validators',
    'powers',
    'fullNodes',
    'snapshotInterval',
    'load',
    'perturbations',
  ]);
  const load = object(top['load'], 'load');
  only(load, 'load', ['senders', 'inFlight', 'kinds']);
  const validators = whole(top['validators'], 'validators', 1, MAX_VALIDATORS);
  const manifest: Manifest = {
    name: textOf(top['name'], 'name'),
    validators,
    powers: powersOf(top['powers'], validators),
    fullNodes: whole(top['fullNodes'], 'fullNodes', 0, MAX_FULL_NODES),
    snapshotInterval: whole(top['snapshotInterval'], 'snapshotInterval', 2, 1_000),
    load: {
      senders: whole(load['senders'], 'load.senders', 1, 5),
      inFlight: whole(load['inFlight'], 'load.inFlight', 1, 16),
      kinds:
        load['kinds'] === undefined
          ? ['transfer']
          : list(load['kinds'], 'load.kinds', LOAD_KINDS.length).map((kind, index) =>
              choice(kind, `load.kinds[${index}]`, LOAD_KINDS),
            ),
    },
    steps: list(top['perturbations'], 'perturbations', MAX_STEPS).map((entry, index) => {
      const at = `perturbations[${index}]`;
      return Array.isArray(entry)
        ? list(entry, at, validators + MAX_FULL_NODES).map((one, i) => perturbation(one, `${at}[${i}]`))
        : [perturbation(entry, at)];
    }),
  };
  checkStory(manifest);
  return manifest;
}

/** The file of a manifest, with nothing in it that is the default. */
export function serialiseManifest({ steps, powers, ...manifest }: Manifest): string {
  return JSON.stringify(
    {
      ...manifest,
      ...(powers.some((power) => power !== 1) && { powers }),
      perturbations: steps.map((step) => (step.length === 1 ? step[0] : step)),
    },
    undefined,
    2,
  );
}

function perturbation(entry: unknown, at: string): Perturbation {
  const json = object(entry, at);
  const kind = json['kind'];
  const node = textOf(json['node'], `${at}.node`);
  const fields = (...names: string[]) => only(json, at, ['kind', 'node', ...names]);
  const blocks = () => whole(json['blocks'], `${at}.blocks`, 0, MAX_BLOCKS);
  switch (kind) {
    case 'kill':
    case 'restart':
    case 'pause':
    case 'torn-log':
      fields('blocks');
      return { kind, node, blocks: blocks() };
    case 'disconnect':
      fields('blocks', 'how');
      return { kind, node, blocks: blocks(), how: choice(json['how'], `${at}.how`, ['cut', 'silence']) };
    case 'lost-disk':
      fields('blocks', 'signs');
      return {
        kind,
        node,
        blocks: blocks(),
        signs:
          json['signs'] === undefined
            ? undefined
            : choice<Remedy>(json['signs'], `${at}.signs`, ['record', 'flag']),
      };
    case 'start':
      fields('from');
      return { kind, node, from: choice(json['from'], `${at}.from`, ['snapshot', 'blocks']) };
    case 'join':
    case 'leave':
    case 'equivocate':
      fields();
      return { kind, node };
    default:
      throw new ManifestError(
        `${at}.kind: there is no perturbation ${shown(kind)}; there are ${KINDS.join(', ')}`,
      );
  }
}

/** Who runs, who has a key, and who votes with which power, at one moment of the story. */
interface Cast {
  readonly running: Set<string>;
  readonly keyed: Set<string>;
  readonly voting: Map<string, number>;
}

/** Whether every perturbation finds the network as it needs it. */
function checkStory(manifest: Manifest): void {
  const { validators, fullNodes, powers, steps } = manifest;
  const founders = names('validator', validators);
  const everybody = [...founders, ...names('full', fullNodes)];
  const late = new Set(steps.flat().flatMap(({ kind, node }) => (kind === 'start' ? [node] : [])));
  for (const node of late)
    if (!everybody.includes(node) || founders.includes(node))
      throw new ManifestError(`start ${shown(node)}: only one of the full nodes can come later`);
  const cast: Cast = {
    running: new Set(everybody.filter((node) => !late.has(node))),
    keyed: new Set(founders),
    voting: new Map(founders.map((node, index) => [node, powers[index] ?? 1])),
  };
  for (const [index, step] of steps.entries()) {
    const at = `perturbations[${index}]`;
    for (const one of step) {
      const problem =
        step.filter(({ node }) => node === one.node).length > 1 ? 'twice at a time' : problemOf(one, cast);
      if (problem !== undefined) throw new ManifestError(`${at}: ${one.kind} ${shown(one.node)}: ${problem}`);
    }
    const problem = problemTogether(step, cast);
    if (problem !== undefined) throw new ManifestError(`${at}: ${problem}`);
    for (const { kind, node } of step) {
      if (kind === 'start') cast.running.add(node);
      else if (kind === 'join') {
        cast.voting.set(node, 1);
        cast.keyed.add(node);
      } else if (leavesTheSet(kind)) cast.voting.delete(node);
    }
  }
}

const leavesTheSet = (kind: PerturbationKind): boolean => kind === 'leave' || kind === 'equivocate';

function problemOf(one: Perturbation, { running, keyed, voting }: Cast): string | undefined {
  const { kind, node } = one;
  if (kind === 'start') return running.has(node) ? 'is running already' : undefined;
  if (!running.has(node))
    return `there is no such node at this time; there are ${[...running].join(', ') || 'none'}`;
  const votes = voting.has(node);
  if (kind === 'join' && keyed.has(node)) return votes ? 'is a validator already' : 'has been a validator';
  if (leavesTheSet(kind) && !votes) return 'is no validator';
  if ((kind === 'pause' || kind === 'disconnect') && one.blocks === 0) return 'lasts for 0 blocks';
  if (kind === 'torn-log' && !keyed.has(node)) return 'has no consensus log';
  if (kind === 'lost-disk' && keyed.has(node) && one.signs === undefined)
    return 'has a key, so that it takes signs: one of record, flag';
  if (kind === 'lost-disk' && !keyed.has(node) && one.signs !== undefined)
    return 'has no key, so that it takes no signs';
  return undefined;
}

/** Whether those that are left can make the blocks that the step waits for. */
function problemTogether(step: readonly Perturbation[], { running, voting }: Cast): string | undefined {
  const left = new Map(voting);
  for (const { kind, node } of step) if (leavesTheSet(kind)) left.delete(node);
  const all = total(left);
  if (all === 0) return 'leaves no validator';
  for (const one of step) if (isAway(one)) left.delete(one.node);
  if (!isQuorum(total(left), all))
    return `the power that is left, ${total(left)} of ${all}, cannot make blocks: it takes blocks = 0, and no flag for a disk that is lost`;
  const touched = new Set(step.map(({ node }) => node));
  if (step.some(needsWitness) && [...running].every((node) => touched.has(node)))
    return 'nobody is left to be asked meanwhile';
  const blind = step.filter(({ kind }) => kind === 'lost-disk').map(({ node }) => node);
  return [...running].every((node) => blind.includes(node)) ? 'nobody is left who has the blocks' : undefined;
}

/** Whether the others have to make blocks without it. With the flag it listens to some before it signs. */
function isAway(one: Perturbation): boolean {
  return ('blocks' in one && one.blocks > 0) || (one.kind === 'lost-disk' && one.signs === 'flag');
}

function needsWitness(one: Perturbation): boolean {
  return !('blocks' in one) || one.blocks > 0;
}

function total(powers: ReadonlyMap<string, number>): number {
  return [...powers.values()].reduce((sum, power) => sum + power, 0);
}

function isQuorum(part: number, all: number): boolean {
  return part * 3 > all * 2;
}

export function names(role: 'validator' | 'full', count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${role}-${index}`);
}

function object(value: unknown, at: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ManifestError(`${at}: an object is expected`);
  return value as Json;
}

function only(json: Json, at: string, known: readonly string[]): void {
  const unknown = Object.keys(json).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw new ManifestError(`${at}: unknown field ${shown(unknown)}; there are ${known.join(', ')}`);
}

function textOf(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '' || value.length > 120 || /\p{Cc}/u.test(value))
    throw new ManifestError(`${at}: a text of 1 to 120 characters, in one line, is expected`);
  return value;
}

function whole(value: unknown, at: string, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
    throw new ManifestError(`${at}: a whole number from ${min} to ${max} is expected`);
  return value;
}

function choice<T extends string>(value: unknown, at: string, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found === undefined) throw new ManifestError(`${at}: one of ${known.join(', ')} is expected`);
  return found;
}

function list(value: unknown, at: string, max: number): unknown[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > max)
    throw new ManifestError(`${at}: a list of 1 to ${max} is expected`);
  return value;
}

function powersOf(value: unknown, validators: number): number[] {
  if (value === undefined) return new Array(validators).fill(1);
  if (!Array.isArray(value) || value.length !== validators)
    throw new ManifestError(`powers: a list of ${validators}, one for each validator, is expected`);
  return value.map((power, index) => whole(power, `powers[${index}]`, 1, MAX_POWER));
}

/** Somebody else's text, in one line that fits a terminal. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').slice(0, 200);
}
