/** One node of the simulation, and every authority its shell is given: clock, disk, key, network, chain. */
import { decodeVotes } from '../../consensus/codec.ts';
import type { ConsensusParameters } from '../../consensus/parameters.ts';
import type { Hash, ValidatorSet } from '../../consensus/types.ts';
import { LIMITS } from '../../node/validator/limits.ts';
import { decodeBlockQuestion, decodeRangeAnswer } from '../../node/validator/messages.ts';
import type {
  BlockBytes,
  GossipKind,
  Net,
  PeerId,
  RequestKind,
  ValidatorEnv,
  ValidatorHandle,
} from '../../node/validator/ports.ts';
import { type Adversary, createAdversary, SILENCE } from './byzantine.ts';
import { type Disk, SimulatedCrash } from './disk.ts';
import type { InvariantName, Invariants } from './invariants.ts';
import type { ChainDisk, Kit, SimApp } from './kit.ts';
import type { Links } from './links.ts';
import type { Fault, SimOptions } from './options.ts';
import type { Rng } from './random.ts';
import type { World } from './world.ts';

/** One process. A twin is a second process with the same key. */
export interface Process {
  readonly name: PeerId;
  readonly validator: number | undefined;
  readonly fault: Fault;
  readonly honest: boolean;
  readonly disk: Disk;
  readonly chain: ChainDisk;
  readonly rng: Rng;
  skewMs: number;
  /** Counts lives; what an earlier life started is void. */
  life: number;
  up: boolean;
  /** Nothing runs in it before; what arrives waits. */
  pausedUntilMs: number;
  /** It dies at this many effects from now. */
  effectsLeft: number;
  /** A write has failed in this life. */
  diskFailed: boolean;
  /** A file whose damage the next start must notice. */
  mustRefuse: 'log' | 'record' | undefined;
  /** Refused to start for good. */
  ruined: boolean;
  /** Has lost something that the disk had promised. */
  damaged: boolean;
  timers: number;
  requests: number;
  app: SimApp | undefined;
  handle: ValidatorHandle | undefined;
  adversary: Adversary | undefined;
}

export interface Surroundings {
  readonly options: SimOptions;
  readonly kit: Kit;
  readonly world: World;
  readonly links: Links;
  readonly processes: readonly Process[];
  readonly invariants: Invariants;
  readonly parameters: ConsensusParameters;
  readonly calm: boolean;
  setAt(height: number): ValidatorSet | undefined;
  fail(name: InvariantName, detail: string): void;
  say(line: string): void;
  kill(process: Process): void;
}

const REQUEST_TIMEOUT_MS = 800;
/** A peer that was only busy is asked again soon. */
const LEAST_DOUBT_MS = 2_000;

/** Authorities for the present life of a process: none of them does anything once it is over. */
export function createProcessEnv(process: Process, sim: Surroundings): ValidatorEnv {
  const { world, kit, options, invariants } = sim;
  const { life, validator } = process;
  const alive = () => process.up && process.life === life;

  /** Before and after each effect: here the process may die. */
  const step = (): void => {
    if (alive() && --process.effectsLeft <= 0) sim.kill(process);
  };
  const later = (delayMs: number, work: () => void): (() => void) => {
    const fire = () => {
      if (!alive()) return;
      if (world.nowMs() < process.pausedUntilMs) event = world.at(process.pausedUntilMs, fire);
      else work();
    };
    let event = world.at(world.nowMs() + delayMs, fire);
    return () => event.cancel();
  };
  const noteLoad = (messageBytes: number): void => {
    const { timers, requests } = process;
    invariants.onLoad(process.name, { timers, requests, messageBytes, logBytes: 0 });
  };

  const app = kit.createApp({
    world,
    rng: process.rng.fork(`app ${life}`),
    disk: process.chain,
    faults: {
      // In calm, data is there: how long it may take is not for consensus to promise.
      unknownChance: () => (sim.calm ? 0 : options.unknownChance),
      unknownMs: options.unknownMs,
      announces: options.announcesReady,
      executeMs: options.executeMs,
      brokenBlocks: lies(process, sim, 'broken blocks'),
      falseTimes: lies(process, sim, 'false time'),
    },
    alive,
    step,
    later,
    onBuilt(blockHash, facts) {
      invariants.onBuilt(blockHash, facts, validator ?? -1);
      invariants.onJudged(process.name, facts.height);
    },
    onJudged: (height) => invariants.onJudged(process.name, height),
    onCommit: (height, blockHash, certificate, set, outcome) => {
      sim.say(`commit ${process.name} ${height} ${blockHash}`);
      if (process.honest)
        invariants.onCommit(process.name, height, blockHash, certificate, set, outcome, world.nowMs());
    },
    onEvidence: (evidence) => {
      if (process.honest) invariants.onEvidence(process.name, evidence);
    },
  });
  process.app = app;

  const blockWatch = createBlockWatch(process, sim);
  const net = createNet(process, sim, { alive, step, later, noteLoad }, blockWatch);
  const random = process.rng.fork(`shell ${life}`);
  const env: ValidatorEnv = {
    clock: {
      nowMs: () => world.nowMs() + process.skewMs,
      setTimer(delayMs, run) {
        step();
        if (!alive()) return () => {};
        process.timers++;
        let done = false;
        const settle = () => {
          if (!done && alive()) process.timers--;
          done = true;
        };
        const cancel = later(delayMs, () => {
          settle();
          run();
        });
        return () => {
          settle();
          cancel();
        };
      },
    },
    random: { int: (below) => random.int(below) },
    storage: process.disk.mount(alive, step, () => {
      process.diskFailed = true;
    }),
    bls: kit.bls,
    app: {
      ...app,
      check(block) {
        const checked = app.check(block);
        void checked.then(
          ({ answer }) => answer === 'mismatch' && blockWatch.finds(block),
          () => {},
        );
        return checked;
      },
    },
    net,
    log: (level, message) => {
      if (alive()) sim.say(`${process.name} ${level} ${message}`);
    },
  };
  if (validator === undefined) return env;
  const signer = kit.signer(validator, (message) => {
    step();
    if (!alive()) throw new SimulatedCrash('died before signing');
    if (process.diskFailed && process.honest)
      sim.fail('SIGNED ON A FAILED DISK', `${process.name} after a failed write`);
    invariants.onSign(validator, message, world.nowMs());
  });
  return { ...env, signer };
}

function lies(process: Process, sim: Surroundings, behaviour: 'broken blocks' | 'false time'): number {
  const { behaviours, behaviourChance } = sim.options;
  return process.fault === 'byzantine' && behaviours.includes(behaviour) ? behaviourChance : 0;
}

function createNet(
  process: Process,
  sim: Surroundings,
  life: {
    readonly alive: () => boolean;
    readonly step: () => void;
    readonly later: (delayMs: number, work: () => void) => () => void;
    readonly noteLoad: (messageBytes: number) => void;
  },
  blockWatch: ReturnType<typeof createBlockWatch>,
): Net {
  const { world, invariants } = sim;
  const { alive } = life;
  const others = sim.processes.filter((peer) => peer !== process);

  const send = (to: Process, kind: GossipKind, bytes: Uint8Array, isForged = false): void => {
    for (const delayMs of sim.links.delays(process.name, to.name))
      deliver(to, sim, delayMs, () => {
        to.adversary?.heard(kind, bytes);
        const { life: heardIn, handle } = to;
        const done = handle?.onGossip(kind, bytes, process.name);
        if (!to.honest || process.fault !== 'byzantine') return;
        void done?.then((verdict) => {
          if (verdict !== 'accept') return;
          if (isForged) sim.fail('FORGERY', `${to.name} accepted a forged message of kind ${kind}`);
          invariants.onAccepted(to.name, heardIn, kind, bytes, to.life === heardIn ? worksOn(to) : 0);
        });
      });
  };
  process.adversary = adversaryOf(process, sim, send);
  const watch = createRangeWatch(process, sim);

  return {
    broadcast(kind, bytes) {
      if (isLockAtRisk(process, sim, kind, bytes)) process.effectsLeft = 1;
      life.step();
      if (!alive()) return;
      world.note(`${process.name} ${kind}`);
      world.noteBytes(bytes.subarray(0, 256));
      if (process.honest) life.noteLoad(bytes.length);
      if (process.adversary !== undefined) process.adversary.broadcast(kind, bytes);
      else for (const peer of others) send(peer, kind, bytes);
      life.step();
    },
    peers: () => others.filter((peer) => peer.up).map((peer) => peer.name),
    request(name, kind, payload) {
      life.step();
      const to = sim.processes.find((one) => one.name === name)!;
      const timeoutMs = Math.max(REQUEST_TIMEOUT_MS, 4 * (sim.calm ? sim.options.calmDelayMs : 0));
      return new Promise((resolve) => {
        let settled = !alive();
        if (settled) return;
        process.requests++;
        if (kind === 'range') watch.asks(to);
        if (kind === 'block') blockWatch.asks(to, decodeBlockQuestion(payload).blockHash);
        const settle = (answer: Uint8Array | undefined) => {
          if (settled || !alive()) return;
          settled = true;
          process.requests--;
          if (kind === 'range') watch.hears(to, answer);
          if (kind === 'block' && answer !== undefined) blockWatch.hears(to, answer);
          cancel();
          resolve(answer);
        };
        const cancel = life.later(timeoutMs, () => settle(undefined));
        for (const delayMs of sim.links.delays(process.name, name).slice(0, 1))
          deliver(to, sim, delayMs, () => {
            void ask(to, kind, payload, process.name).then((answer) => {
              for (const backMs of sim.links.delays(name, process.name).slice(0, 1))
                life.later(backMs, () => settle(answer));
            });
          });
      });
    },
    penalise(peer, code) {
      world.note(`penalty ${peer} ${code}`);
      const culprit = sim.processes.find((one) => one.name === peer);
      if (alive() && process.honest && culprit?.honest === true)
        invariants.fail('INNOCENT BLAMED', `${process.name} penalised ${peer} for ${code}`);
    },
  };
}

/** Once calm, whoever claimed blocks and served none is left alone for a while, longer each time in a row. */
function createRangeWatch(process: Process, sim: Surroundings) {
  const failures = new Map<Process, { life: number; count: number; untilMs: number }>();
  const known = (peer: Process) => {
    const found = failures.get(peer);
    return found?.life === peer.life ? found : undefined;
  };
  return {
    asks(peer: Process) {
      const found = known(peer);
      if (process.honest && found !== undefined && sim.world.nowMs() < found.untilMs)
        sim.invariants.fail(
          'ASKED IN VAIN',
          `${process.name} asks ${peer.name} for blocks again, ${found.untilMs - sim.world.nowMs()} ms too early after ${found.count} empty answers`,
        );
    },
    hears(peer: Process, answer: Uint8Array | undefined) {
      if (!sim.calm) return;
      if (answer !== undefined && !isEmptyRange(answer)) {
        failures.delete(peer);
        return;
      }
      const count = (known(peer)?.count ?? 0) + 1;
      failures.set(peer, {
        life: peer.life,
        count,
        untilMs: sim.world.nowMs() + LEAST_DOUBT_MS * 2 ** (count - 1),
      });
    },
  };
}

/** Once calm, whoever served something else for a block is asked for it again only after all the others. */
function createBlockWatch(process: Process, sim: Surroundings) {
  const asked = new Map<Hash, Set<Process>>();
  const servers = new Map<Uint8Array, Process>();
  /** Who lied about a block, and who was there then, each in which life. */
  const lies = new Map<Hash, { liars: Set<Process>; there: Map<Process, number> }>();
  return {
    asks(peer: Process, blockHash: Hash) {
      const before = asked.get(blockHash) ?? new Set();
      const found = lies.get(blockHash);
      if (process.honest && found?.liars.has(peer))
        for (const [other, life] of found.there)
          if (other.up && other.life === life && !before.has(other) && !found.liars.has(other))
            sim.invariants.fail(
              'LIAR FIRST',
              `${process.name} asks ${peer.name} for ${blockHash} again, before ${other.name}`,
            );
      asked.set(blockHash, before.add(peer));
    },
    hears(peer: Process, bytes: Uint8Array) {
      servers.set(bytes, peer);
    },
    /** The bytes are not the block. */
    finds({ blockHash, bytes }: BlockBytes) {
      const liar = servers.get(bytes);
      if (!sim.calm || liar === undefined) return;
      const there = new Map(
        sim.processes.filter((one) => one !== process && one.up).map((one) => [one, one.life]),
      );
      const found = lies.get(blockHash) ?? { liars: new Set(), there };
      found.liars.add(liar);
      lies.set(blockHash, found);
    },
  };
}

function isEmptyRange(answer: Uint8Array): boolean {
  try {
    return decodeRangeAnswer(answer).blocks.length === 0;
  } catch {
    return false;
  }
}

/** A message reaches a process that is up, once it is awake. */
function deliver(to: Process, sim: Surroundings, delayMs: number, work: () => void): void {
  const fire = () => {
    if (!to.up) return;
    if (sim.world.nowMs() < to.pausedUntilMs) sim.world.at(to.pausedUntilMs, fire);
    else work();
  };
  sim.world.at(sim.world.nowMs() + delayMs, fire);
}

async function ask(
  to: Process,
  kind: RequestKind,
  payload: Uint8Array,
  from: PeerId,
): Promise<Uint8Array | undefined> {
  const answer = await to.handle?.onRequest(kind, payload, from);
  const said = to.adversary === undefined ? answer : to.adversary.answer(kind, payload, answer);
  if (said === SILENCE) return new Promise(() => {});
  // The network refuses larger ones (ports.ts).
  return said !== undefined && said.length > LIMITS.maxAnswerBytes ? undefined : said;
}

function adversaryOf(
  process: Process,
  sim: Surroundings,
  send: (to: Process, kind: GossipKind, bytes: Uint8Array, isForged?: boolean) => void,
): Adversary | undefined {
  const { validator } = process;
  if (process.fault !== 'byzantine' || validator === undefined) return undefined;
  const { kit, world, invariants, options } = sim;
  const peers = new Map(
    sim.processes.filter((peer) => peer !== process).map((peer) => [peer.name as string, peer]),
  );
  return createAdversary({
    rng: process.rng.fork(`adversary ${process.life}`),
    behaviours: new Set(options.behaviours),
    chance: options.behaviourChance,
    self: kit.addresses[validator]!,
    genesisHash: kit.genesisHash,
    peers: [...peers.keys()],
    sign(message) {
      invariants.onSign(validator, message, world.nowMs());
      return kit.sign(validator, message);
    },
    aggregate: kit.bls.aggregate,
    send(peer, kind, bytes, isForged) {
      world.noteBytes(bytes.subarray(0, 64));
      send(peers.get(peer)!, kind, bytes, isForged);
    },
    ask(peer, kind, payload) {
      for (const delayMs of sim.links.delays(process.name, peer as Process['name']).slice(0, 1))
        deliver(
          peers.get(peer)!,
          sim,
          delayMs,
          () => void ask(peers.get(peer)!, kind, payload, process.name),
        );
    },
    setAt: (height) => sim.setAt(height),
    facts: kit.facts,
    vary: kit.vary,
    onBuilt: (blockHash, facts) => invariants.onBuilt(blockHash, facts, validator),
  });
}

/** Of a node that may lose its log, that is the moment for it: it has just locked a block and signed that, and nobody knows. */
function isLockAtRisk(process: Process, sim: Surroundings, kind: GossipKind, bytes: Uint8Array): boolean {
  if (sim.calm || process.fault !== 'lost' || kind !== 'votes') return false;
  const forBlocks = decodeVotes(bytes).filter((vote) => vote.blockHash !== null);
  const locks = forBlocks.some((vote) => vote.type === 'precommit');
  // Without its log, the key may go on after a first prevote, and then only the record keeps it from another one.
  const chance = locks ? sim.options.logLossChance : sim.options.logLossChance / 3;
  return forBlocks.length > 0 && process.rng.chance(chance);
}

/** The height at which a node would still take a second vote; 0 if it has decided, catches up or is down. */
function worksOn({ up, handle }: Process): number {
  const status = up ? handle?.status() : undefined;
  return status === undefined || status.step === 'commit' || status.syncingTo !== undefined
    ? 0
    : status.height;
}
