/**
 * What is done to a network, as a file. Nodes are `validator-0` ... and `full-0` ...; perturbations happen one after the
 * other, each while the load goes on. Durations are counted in blocks that the rest of the network makes meanwhile, so
 * that nothing depends on how fast a machine is.
 */

export interface Manifest {
  readonly name: string;
  readonly validators: number;
  readonly fullNodes: number;
  /** Blocks between the snapshots that every node makes. */
  readonly snapshotInterval: number;
  readonly load: Load;
  readonly perturbations: readonly Perturbation[];
}

export interface Load {
  /** Accounts that send transfers, each waiting for its last ones before it sends more. */
  readonly senders: number;
  /** Transfers of one account on their way at a time. */
  readonly inFlight: number;
}

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
   * then started with the record that was exported (`record`), or with the flag that does without (`flag`).
   */
  | { readonly kind: 'lost-disk'; readonly node: string; readonly blocks: number; readonly signs: Remedy }
  /** A full node that was not there from the beginning. */
  | { readonly kind: 'start'; readonly node: string; readonly from: 'snapshot' | 'blocks' }
  /** A full node gets a key and becomes a validator by staking transactions. */
  | { readonly kind: 'join'; readonly node: string }
  /** A validator takes its bond out and goes on as a full node. */
  | { readonly kind: 'leave'; readonly node: string }
  /** Somebody with the key of this validator signs a second vote and gossips it. */
  | { readonly kind: 'equivocate'; readonly node: string };

export type PerturbationKind = Perturbation['kind'];
export type LinkFault = 'cut' | 'silence';
export type Remedy = 'record' | 'flag';

/** Each a process with four threads; two cores carry no more. */
export const MAX_VALIDATORS = 7;
export const MAX_FULL_NODES = 3;
const MAX_PERTURBATIONS = 40;
const MAX_BLOCKS = 100;

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
    throw new ManifestError(`not JSON: ${(error as Error).message}`);
  }
  const top = object(json, 'manifest');
  const load = object(top['load'], 'load');
  const list = top['perturbations'];
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_PERTURBATIONS)
    throw new ManifestError(`perturbations: a list of 1 to ${MAX_PERTURBATIONS}`);
  only(top, 'manifest', ['name', 'validators', 'fullNodes', 'snapshotInterval', 'load', 'perturbations']);
  only(load, 'load', ['senders', 'inFlight']);
  const manifest: Manifest = {
    name: textOf(top['name'], 'name'),
    validators: whole(top['validators'], 'validators', 1, MAX_VALIDATORS),
    fullNodes: whole(top['fullNodes'], 'fullNodes', 0, MAX_FULL_NODES),
    snapshotInterval: whole(top['snapshotInterval'], 'snapshotInterval', 2, 1_000),
    load: {
      senders: whole(load['senders'], 'load.senders', 1, 5),
      inFlight: whole(load['inFlight'], 'load.inFlight', 1, 16),
    },
    perturbations: list.map((entry, index) => perturbation(entry, `perturbations[${index}]`)),
  };
  checkStory(manifest);
  return manifest;
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
        signs: choice(json['signs'], `${at}.signs`, ['record', 'flag']),
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
      throw new ManifestError(`${at}.kind: there is no perturbation ${JSON.stringify(kind)}`);
  }
}

/** Whether every perturbation finds the network as it needs it; all validators have the same power. */
function checkStory({ validators, fullNodes, perturbations }: Manifest): void {
  const running = new Set([...names('validator', validators), ...names('full', fullNodes)]);
  const late = perturbations.filter(({ kind }) => kind === 'start').map(({ node }) => node);
  for (const node of late) running.delete(node);
  const voting = new Set(names('validator', validators));
  for (const [index, { kind, node, ...rest }] of perturbations.entries()) {
    const refuse = (problem: string): never => {
      throw new ManifestError(`perturbations[${index}]: ${kind} ${node}: ${problem}`);
    };
    if (kind === 'start') {
      if (!names('full', fullNodes).includes(node)) refuse('only full nodes can come later');
      if (running.has(node)) refuse('is running already');
      running.add(node);
      continue;
    }
    if (!running.has(node)) refuse('there is no such node at this time');
    const votes = voting.has(node);
    if (kind === 'join' ? votes : (kind === 'leave' || kind === 'equivocate') && !votes)
      refuse(votes ? 'is a validator already' : 'is no validator');
    if (kind === 'join') voting.add(node);
    else if (kind === 'leave' || kind === 'equivocate') voting.delete(node);
    else if ('blocks' in rest && rest.blocks > 0 && votes && !isQuorum(voting.size - 1, voting.size))
      refuse(`the ${voting.size - 1} validators that are left cannot make blocks: it takes blocks = 0`);
    if ((kind === 'pause' || kind === 'disconnect') && 'blocks' in rest && rest.blocks === 0)
      refuse('lasts for 0 blocks');
    if ((kind === 'torn-log' || kind === 'lost-disk') && !node.startsWith('validator-'))
      refuse('is for nodes that began as validators');
    if (voting.size === 0) refuse('leaves no validator');
  }
}

export function isQuorum(part: number, all: number): boolean {
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
    throw new ManifestError(`${at}: unknown field ${JSON.stringify(unknown)}; there are ${known.join(', ')}`);
}

function textOf(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '' || value.length > 120)
    throw new ManifestError(`${at}: a text of 1 to 120 characters is expected`);
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
