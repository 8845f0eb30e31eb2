/** Whole systems: every process of the model beside our state machine, our vote keeper and our driver. */
import { agree } from './agree.ts';
import { createDriver, type Driver } from './driver.ts';
import { show, showSet, type Tagged, type Trace, variableOf } from './itf.ts';
import { createKeeper, type Keeper, SILENCE } from './keeper.ts';
import { createMachine, type Machine, showOutput, showState } from './machine.ts';
import {
  type Bookkeeper,
  type ConsensusState,
  type ModelProposal,
  type ModelVote,
  membersOf,
} from './model.ts';

/** An input that the model's driver gave to its algorithm, the place reached by it, and the step before it. */
type Executed = readonly [input: Tagged, height: number, round: number, stepBefore: Tagged];

interface Node {
  readonly es: {
    readonly cs: ConsensusState;
    readonly bk: Bookkeeper;
    readonly valset: Map<string, number>;
    readonly executedInputs: readonly Executed[];
    readonly pendingInputs: readonly unknown[];
    readonly pendingStepChange: Tagged;
    readonly started: boolean;
    readonly voteKeeperOutput: Tagged;
    readonly proposals: readonly ModelProposal[];
    readonly chain: readonly { readonly decision: ModelProposal; readonly commit: readonly ModelVote[] }[];
  };
  readonly timeouts: readonly unknown[];
  readonly incomingVotes: readonly ModelVote[];
  readonly incomingCertificates: readonly (readonly ModelVote[])[];
  readonly incomingProposals: readonly unknown[];
  readonly incomingSyncProposals: readonly unknown[];
  readonly incomingSyncCertificates: readonly unknown[];
  readonly getValueRequests: readonly unknown[];
}

interface History {
  readonly validator: string;
  readonly input: Tagged;
  readonly output: Tagged;
}

/** Our side of one process at one height. */
interface Process {
  readonly machine: Machine;
  readonly keeper: Keeper;
  readonly driver: Driver;
  readonly height: number;
  readonly validators: string;
}

/** Told of each place where the model does what our core deliberately does not. README.md explains them. */
export type Note = (difference: keyof typeof DIFFERENCES) => void;

export const DIFFERENCES = {
  'second vote': 'the model drops the second vote of an equivocator, so it is withheld from our core',
  'timeout after decision': 'the model starts a timeout in a height that it has decided',
  'not started': 'the model waits for a height to begin with a round that our driver has entered',
  'unequal power':
    'the model lets validators propose in turn whatever their power, so our driver is left out at this height',
  'overlooked proposal': 'the model overlooks the proposal that it holds for the round it skips to',
} as const;

export function replaySystem(trace: Trace, prefix: string, note: Note): (index: number) => void {
  const processes = new Map<string, Process>();
  const nodesAt = (index: number) => variableOf<Map<string, Node>>(trace, index, `${prefix}system`);
  const historyAt = (index: number) => historyOf(variableOf(trace, index, `${prefix}_hist`));
  return (index) => {
    const nodes = nodesAt(index);
    if (nodes.size === 0) throw new Error(`${prefix}system has no process`);
    if (index > 0) agree('processes', showSet([...nodesAt(index - 1).keys()]), showSet([...nodes.keys()]));
    let stepped = false;
    for (const [name, node] of nodes) {
      const before = index === 0 ? undefined : nodesAt(index - 1).get(name);
      let process = processes.get(name);
      if (process === undefined || before === undefined || isNewHeight(before, node)) {
        if (before !== undefined)
          agree(`blocks of ${name} at a new height`, show(before.es.chain), show(node.es.chain));
        process = createProcess(name, node, note);
        processes.set(name, process);
      } else if (hasStepped(before, node)) {
        stepped = true;
        const history = historyAt(index);
        // What differs in a process that did nothing says more than that it is not the one that did.
        if (name !== history.validator) compareNode(name, process, node);
        agree('process that takes the step', name, history.validator);
        takeStep(process, history, before, node, note);
      } else {
        compareNode(name, process, node);
        agree(`what ${name} knows without a step`, show(before.es), show(node.es));
        continue;
      }
      compareNode(name, process, node);
    }
    if (!stepped && index > 0 && show(historyAt(index)) !== show(historyAt(index - 1))) {
      const { validator, input, output } = historyAt(index);
      agree(`a step of ${validator} that changes nothing`, show([NOTHING, NONE]), show([input, output]));
    }
  };
}

function compareNode(name: string, process: Process, { es }: Node): void {
  const { machine, keeper, driver, height, validators } = process;
  agree('process and height', `${name}, ${height}`, `${es.cs.p}, ${es.cs.height}`);
  agree(`validators of ${name}`, validators, show(es.valset));
  agree(`variables of ${name}`, machine.state(), showState(es.cs));
  keeper.compare(`votes at ${name}`, es.bk);
  driver.compare(name, es);
}

function createProcess(name: string, node: Node, note: Note): Process {
  const members = membersOf(node.es.valset);
  const { height } = node.es.cs;
  const isEqual = new Set(node.es.valset.values()).size <= 1;
  if (!isEqual) note('unequal power');
  return {
    machine: createMachine(name, height),
    keeper: createKeeper(members, height),
    driver: isEqual ? createDriver(name, height, members) : LEFT_OUT,
    height,
    validators: show(node.es.valset),
  };
}

const LEFT_OUT: Driver = { hear() {}, expectOversight() {}, compare() {} };

function historyOf(value: unknown): History {
  if (!Array.isArray(value)) return value as History;
  const [validator, input, output] = value as [string, Tagged, Tagged];
  return { validator, input, output };
}

/** The environment moves a process to a height; that is no step of the process. */
function isNewHeight(before: Node, after: Node): boolean {
  return (
    before.es.cs.height !== after.es.cs.height ||
    (before.es.started && !after.es.started) ||
    after.es.executedInputs.length < before.es.executedInputs.length
  );
}

/** Deliveries only add to what waits; a step takes something away, or begins, or leaves something to be done. */
function hasStepped(before: Node, after: Node): boolean {
  const waiting = [
    'timeouts',
    'incomingVotes',
    'incomingCertificates',
    'incomingProposals',
    'incomingSyncProposals',
    'incomingSyncCertificates',
    'getValueRequests',
  ] as const;
  if (waiting.some((name) => after[name].length < before[name].length)) return true;
  const progress = ({ es }: Node) =>
    show([es.started, es.executedInputs.length, es.pendingInputs, es.pendingStepChange]);
  return progress(before) !== progress(after);
}

const INPUTS: ReadonlySet<string> = new Set([
  'NoDInput',
  'ProposalDInput',
  'VoteDInput',
  'CertificateDInput',
  'TimeoutDInput',
  'StartDInput',
  'PendingDInput',
  'StepChangeDInput',
  'ProposeValueDInput',
]);

function takeStep(process: Process, history: History, before: Node, after: Node, note: Note): void {
  const { validator: name, input, output } = history;
  const { machine, driver } = process;
  if (!INPUTS.has(input.tag)) throw new Error(`the adapter does not know the input ${input.tag}`);
  const withheld = takeVotes(process, history, before, after);
  if (withheld) note('second vote');

  let said: Tagged = NONE;
  const executed = before.es.executedInputs.length;
  agree(
    `inputs that ${name} had executed`,
    show(before.es.executedInputs),
    show(after.es.executedInputs.slice(0, executed)),
  );
  const firstStep = machine.step();
  for (const [event, height, round, stepBefore] of after.es.executedInputs.slice(executed)) {
    agree(`step of ${name} before ${show(event)}`, machine.step(), stepBefore.tag);
    said = machine.take(event, input.tag === 'ProposalDInput' ? (input.value as ModelProposal) : undefined);
    agree(
      `place of ${name} after ${show(event)}`,
      `${process.height}/${machine.round()}`,
      `${height}/${round}`,
    );
  }
  agree(
    `step that ${name} has yet to look at`,
    machine.step() === firstStep ? 'NoStep' : machine.step(),
    after.es.pendingStepChange.tag,
  );
  compareProposals(name, input, before, after);
  const decided = before.es.cs.step.tag === 'CommitStep';
  if (decided && output.tag === 'TimeoutOutput') {
    note('timeout after decision');
    agree(`output of ${name} after its decision`, showOutput(said), showOutput(NONE));
  } else agree(`output of ${name} for ${show(input)}`, showOutput(said), showOutput(output));

  compareChain(process, name, said, before, after);
  const begins = !before.es.started && after.es.started;
  if (begins && after.es.cs.round < 0) note('not started');
  if (overlooksProposal(before, after)) {
    note('overlooked proposal');
    driver.expectOversight(after.es.cs.round);
  }
  driver.hear(withheld ? NOTHING : input, output, before.es.cs.round, begins ? waitingVotes(before) : []);
}

const NONE: Tagged = { tag: 'NoConsensusOutput', value: [] };
const NOTHING: Tagged = { tag: 'NoDInput', value: [] };

/** A height loses no proposal, and gains none but the one that it hears. */
function compareProposals(name: string, input: Tagged, before: Node, after: Node): void {
  const heard = input.tag === 'ProposalDInput' ? show(input.value) : undefined;
  const others = (proposals: readonly ModelProposal[]) =>
    showSet(proposals.filter((proposal) => show(proposal) !== heard));
  agree(`proposals that ${name} knew`, others(before.es.proposals), others(after.es.proposals));
}

/** A decision adds the decided value with the precommits for it, and nothing else adds anything. */
function compareChain({ keeper }: Process, name: string, said: Tagged, before: Node, after: Node): void {
  const known = after.es.chain.slice(0, before.es.chain.length);
  agree(`blocks that ${name} had`, show(before.es.chain), show(known));
  const grown = after.es.chain.length - before.es.chain.length;
  agree(`blocks added by ${name}`, said.tag === 'DecidedOutput' ? '1' : '0', String(grown));
  if (grown !== 1) return;
  const { decision, commit } = after.es.chain.at(-1)!;
  const { round, proposal } = decision;
  agree(`decision of ${name}`, show(said), show({ tag: 'DecidedOutput', value: [round, proposal] }));
  const heard = after.es.proposals.some((one) => show(one) === show(decision));
  agree(`proposal that ${name} decided`, heard ? show(decision) : 'none that it has heard', show(decision));
  agree(`certificate at ${name}`, keeper.precommits(round, proposal), showSet(commit));
}

/** The model looks for proposals when its step changes, which a skip from propose to propose does not do. */
function overlooksProposal(before: Node, after: Node): boolean {
  const { cs, pendingStepChange, proposals } = after.es;
  return (
    cs.round > before.es.cs.round &&
    pendingStepChange.tag === 'NoStep' &&
    proposals.some(({ round }) => round === cs.round)
  );
}

/** Counts the votes that the step brought. True if the vote was withheld. */
function takeVotes({ keeper }: Process, history: History, before: Node, after: Node): boolean {
  const { validator, input } = history;
  const { round } = before.es.cs;
  // Votes that came in before the height was begun are counted at its start.
  if (!before.es.started && after.es.started) {
    const waiting = waitingVotes(before);
    const maxRound = Math.max(0, ...waiting.map((vote) => vote.round));
    for (const vote of waiting) keeper.take(vote, maxRound, SILENCE);
  } else if (input.tag === 'VoteDInput') {
    const vote = input.value as ModelVote;
    const withheld = keeper.contradicts(vote);
    const accused = after.es.bk.evidence.length > before.es.bk.evidence.length;
    const isNew = withheld && !keeper.hasWithheld(vote);
    agree(`equivocation of ${vote.srcAddress} seen by ${validator}`, String(isNew), String(accused));
    const theirs = after.es.voteKeeperOutput;
    const found = withheld ? keeper.withhold(vote, round, theirs) : keeper.take(vote, round, theirs);
    agree(`finding of ${validator} for ${show(input)}`, show(found), show(theirs));
    return withheld;
  } else if (input.tag === 'CertificateDInput') {
    const found = keeper.takeCertificate(input.value as ModelVote[], round);
    agree(`finding of ${validator} for ${show(input)}`, show(found), show(after.es.voteKeeperOutput));
    return false;
  }
  const begins = !before.es.started && after.es.started;
  if (!begins) agree(`accusations by ${validator}`, show(before.es.bk.evidence), show(after.es.bk.evidence));
  agree(`last finding of ${validator}`, show(before.es.voteKeeperOutput), show(after.es.voteKeeperOutput));
  return false;
}

function waitingVotes({ es, incomingVotes, incomingCertificates }: Node): ModelVote[] {
  const ofHeight = (votes: readonly ModelVote[]) => votes.filter(({ height }) => height === es.cs.height);
  return [...ofHeight(incomingVotes), ...ofHeight(incomingCertificates.flat())];
}
