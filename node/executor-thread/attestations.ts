/**
 * What validators say about subjects, as this node sees it: it computes the objects of open subjects beside the blocks,
 * asks for its own signature, keeps what others signed until a block has it, and offers it to the blocks that it
 * proposes. Nothing here decides what is valid; a failure is this machine's and stops it (B2).
 */
import { attestationSignBytes } from '../../consensus/sign-bytes.ts';
import { findValidator } from '../../consensus/validator-set/set.ts';
import type { ChainParams } from '../../genesis/types.ts';
import { keccakHex } from '../../state/crypto.ts';
import { consumers } from '../../state/modules/registry.ts';
import {
  approvalTask,
  judgeAttest,
  openSubjects,
  rootTask,
  type Subject,
  sequence,
  snapshot,
  subject,
  subjectMembers,
  type TaskArtifact,
  trainingTask,
} from '../../state/modules/views.ts';
import { attestationOf, encodeAttestation } from '../../state/transactions/attestation.ts';
import { Fault, type Hex, type StateView } from '../../state/types.ts';
import type { ObjectWorker } from '../attestation-worker/client.ts';
import type { ObjectTask } from '../attestation-worker/types.ts';
import type { Log } from '../log.ts';
import type { AddResult, Origin } from '../mempool/index.ts';
import { LIMITS } from './limits.ts';

export interface AttestationOptions {
  /** State after the head. */
  view: () => StateView;
  headNumber: () => number;
  params: ChainParams;
  genesisHash: Hex;
  verify: (message: Uint8Array, publicKey: Uint8Array, signature: Uint8Array) => boolean;
  worker: ObjectWorker;
  nowMs: () => number;
  /** Whether this node is on its way to a later head, as far as it knows. */
  isBehind: () => boolean;
  log: Log;
  /** This node's key is to sign that the object of `subject` has `root`. */
  onComputed: (attestation: { subject: Hex; root: Hex }) => void;
  /** Peers should hear of these. */
  onBroadcast: (raws: Uint8Array[]) => void;
  onMissing: (root: Hex) => void;
  /** Whether there is something for a block may have changed. */
  onChange: () => void;
  onFault: (fault: Fault) => void;
}

export interface Attestations {
  /** From now on this node computes and attests as this validator. */
  attestAs(validator: Hex): void;
  /** One transaction of type 0x54. */
  submit(raw: Uint8Array, origin: Origin): AddResult;
  /** For the next block: what validators said, then the objects that may be published, oldest first. */
  pending(): Uint8Array[];
  /** Whether a block now would bring a subject on: an idle chain makes it then (A8). */
  hasIncludable(): boolean;
  /** By hash: it can never be in a block. */
  settle(hash: Hex): void;
  onHead(): void;
  artifactArrived(root: Hex): void;
  /** Sends what is still needed once more, and computes what has waited long enough; call it about once a second. */
  tick(): void;
  counts(): { openSubjects: number; waitingAttestations: number };
  close(): Promise<void>;
}

interface Waiting {
  raw: Uint8Array;
  subject: Hex;
  validator: Hex;
  root: Hex;
  own: boolean;
  sentMs: number;
}

interface Computed {
  root: Hex;
  object: Uint8Array;
}

export function createAttestations(options: AttestationOptions): Attestations {
  const { params, view, log } = options;
  /** Signed and right, not in a block yet; by transaction hash. */
  const waiting = new Map<Hex, Waiting>();
  /** Of subjects that this node does not know yet; by transaction hash, unchecked. */
  const early = new Map<Hex, { raw: Uint8Array; origin: Origin }>();
  const computed = new Map<Hex, Computed>();
  /** Subjects whose artifacts are being fetched. */
  const missing = new Map<Hex, ReadonlySet<Hex>>();
  /** Subjects of which this machine cannot say anything: it attests nothing, and goes on. */
  const givenUp = new Set<Hex>();
  const sequences = new Map<number, TaskArtifact[]>();
  /** Subjects for which the key was asked; what it refuses once it refuses again. */
  const asked = new Set<Hex>();
  let live: Subject[] = [];
  /** When this node saw a live subject first, by its own clock. */
  const seenMs = new Map<Hex, number>();
  let self: Hex | undefined;
  /** One of each kind: approvals do not wait for a training or a root, which take minutes. */
  const running = new Set<Subject['kind']>();
  /** Also after a failure: what this machine computes is worth nothing then. */
  let isClosed = false;

  // --- what others say -------------------------------------------------------------------------------------------

  function submit(raw: Uint8Array, origin: Origin): AddResult {
    const hash = keccakHex(raw);
    if (waiting.has(hash)) return refuse('ALREADY_KNOWN', 'already known');
    let operation: ReturnType<typeof attestationOf>;
    try {
      operation = attestationOf(raw, params.chainId);
    } catch (error) {
      if (error instanceof Fault) throw error;
      return refuse('INVALID', error instanceof Error ? error.message : String(error));
    }
    // Every proposer has computed the object itself, or leaves it to the next.
    if (operation.op !== 'attest') return refuse('NOT_NEEDED', 'objects are published by proposers');
    const now = view();
    const found = subject(now, operation.subject, params);
    if (found === undefined) {
      if (origin === 'remote') rememberEarly(hash, raw, origin);
      return refuse('NOT_NEEDED', `there is no subject ${operation.subject}`);
    }
    const members = subjectMembers(now, found.members);
    const verdict = judgeAttest(now, operation, members);
    if (typeof verdict === 'object') return refuse('NOT_NEEDED', verdict.reason);
    const { validator, root } = operation;
    const said = [...waiting.values()].filter(
      (other) => other.subject === operation.subject && other.validator === validator,
    );
    // Two different ones convict; a third adds nothing.
    if (said.some((other) => other.root === root) || said.length >= 2)
      return refuse('ALREADY_KNOWN', 'already known');
    const key = findValidator(members, validator)?.blsPublicKey;
    const message = attestationSignBytes(options.genesisHash, operation.subject, root);
    if (key === undefined || !options.verify(message, key, operation.signature))
      return refuse('INVALID', `not the signature of ${validator} over this root`);
    if (waiting.size >= LIMITS.attestations)
      return refuse('POOL_FULL', `more than ${LIMITS.attestations} attestations wait`);
    if (verdict === 'second' || said.length > 0)
      log('error', 'a validator attested two roots for one subject; the second goes into a block as proof', {
        validator,
        subject: operation.subject,
      });
    const own = origin === 'local';
    waiting.set(hash, { raw, subject: operation.subject, validator, root, own, sentMs: options.nowMs() });
    if (own) options.onBroadcast([raw]);
    return { ok: true, hash, executable: true };
  }

  /** Heard of before the block that opens the subject: looked at again at the next heads. */
  function rememberEarly(hash: Hex, raw: Uint8Array, origin: Origin): void {
    early.set(hash, { raw, origin });
    for (const oldest of early.keys()) {
      if (early.size <= LIMITS.earlyAttestations) break;
      early.delete(oldest);
    }
  }

  // --- the head moves --------------------------------------------------------------------------------------------

  function onHead(): void {
    if (isClosed) return;
    const now = view();
    live = openSubjects(now).map((key) => subject(now, key, params) as Subject);
    for (const { key } of live) if (!seenMs.has(key)) seenMs.set(key, options.nowMs());
    for (const keys of [asked, givenUp, seenMs])
      for (const key of keys.keys()) if (!live.some((item) => item.key === key)) keys.delete(key);
    compare(now);
    for (const [hash, { subject: key, ...said }] of waiting) {
      const found = subject(now, key, params);
      const verdict =
        found && judgeAttest(now, { subject: key, ...said }, subjectMembers(now, found.members));
      if (typeof verdict !== 'string') waiting.delete(hash);
    }
    for (const [hash, { raw, origin }] of [...early]) {
      if (subject(now, attestationOf(raw, params.chainId).subject, params) === undefined) continue;
      early.delete(hash);
      submit(raw, origin);
    }
    pump();
  }

  /** An object that more than two thirds see otherwise, and that is in use: this machine computes wrongly. */
  function compare(now: StateView): void {
    for (const [key, { root }] of [...computed]) {
      const found = subject(now, key, params);
      if (found === undefined || found.status === 'frozen') {
        computed.delete(key);
        continue;
      }
      if (found.status === 'open') continue;
      if (found.status === 'active') computed.delete(key);
      const inUse = found.status === 'active' || found.activeFrom <= options.headNumber();
      if (found.root === root || !inUse) continue;
      isClosed = true;
      options.onFault(
        new Fault(
          `this node computed root ${root} for subject ${key} (${found.kind} of ${found.id}), and more than two thirds ` +
            `of the validators attested ${found.root}. Its memory, disk or program is at fault: check the machine, ` +
            'update the node, and start it again; it goes on with the object that was attested.',
        ),
      );
      return;
    }
  }

  // --- computing -------------------------------------------------------------------------------------------------

  /** Of each kind one after the other, oldest first: later ones of a DataNet rest on earlier ones. */
  function pump(): void {
    if (self === undefined || isClosed) return;
    for (const { key } of live) if (computed.has(key)) offer(key);
    for (const next of live) {
      const { key, kind } = next;
      if (running.has(kind) || computed.has(key) || missing.has(key) || givenUp.has(key)) continue;
      if (!isDue(key) || !isMember(key)) continue;
      running.add(kind);
      computeTwice(next)
        .catch((error: unknown) => {
          if (isClosed) return;
          isClosed = true;
          options.onFault(
            new Fault(`the object of subject ${key} could not be computed: ${messageOf(error)}`),
          );
        })
        .finally(() => {
          running.delete(kind);
          pump();
        });
    }
  }

  /**
   * Of what was open at heights long past the others have agreed since, and the next blocks say so: that is not worth
   * computing. What stays open is, whatever anybody says about the head, so nothing is ever left to the others alone.
   */
  function isDue(key: Hex): boolean {
    return !options.isBehind() || options.nowMs() - (seenMs.get(key) ?? 0) >= LIMITS.settleMs;
  }

  function isMember(key: Hex): boolean {
    const found = live.find((item) => item.key === key);
    return (
      found !== undefined &&
      self !== undefined &&
      findValidator(subjectMembers(view(), found.members), self) !== undefined
    );
  }

  /** B2: once more in a fresh worker, then it counts. */
  async function computeTwice(item: Subject): Promise<void> {
    try {
      await compute(item);
    } catch (error) {
      if (isClosed) return;
      log('warn', 'an object failed and is computed again in a fresh worker', {
        subject: item.key,
        error: messageOf(error),
      });
      await compute(item);
    }
  }

  async function compute({ key, id, kind }: Subject): Promise<void> {
    const now = view();
    const found = subject(now, key, params);
    // Heads may have passed since it was chosen.
    if (found?.status !== 'open' && found?.status !== 'attested') return;
    const answer = await options.worker.compute(taskOf(now, kind, id));
    if (isClosed) return;
    if (answer.kind === 'missing') {
      missing.set(key, new Set(answer.roots));
      for (const root of answer.roots) options.onMissing(root);
      return;
    }
    if (answer.kind === 'unknown') {
      givenUp.add(key);
      log('error', 'this node cannot say what an object is, and attests nothing about it', {
        subject: key,
        reason: answer.reason,
      });
      return;
    }
    computed.set(key, { root: keccakHex(answer.object), object: answer.object });
    compare(view());
    offer(key);
    options.onChange();
  }

  function taskOf(now: StateView, kind: Subject['kind'], id: Hex): ObjectTask {
    switch (kind) {
      case 'approval':
        return { kind, ...approvalTask(now, id, entriesOf(now)) };
      case 'training':
        return { kind, ...trainingTask(now, id) };
      case 'root':
        return { kind, ...rootTask(now, id) };
    }
  }

  /** A DataNet's sequence only grows, so that what was read of it stays true. */
  function entriesOf(now: StateView): (dataNetId: number) => readonly TaskArtifact[] {
    return (dataNetId) => {
      const known = sequences.get(dataNetId) ?? [];
      const { length } = snapshot(now, BigInt(dataNetId));
      while (known.length < length)
        for (const { commitSequence, artifactRoot, recordCount } of sequence(
          now,
          dataNetId,
          known.length,
          length,
        ))
          known.push({ commitSequence, artifactRoot, recordCount });
      sequences.set(dataNetId, known);
      return known;
    };
  }

  /** Asks for this node's signature unless the chain has it. */
  function offer(key: Hex): void {
    const own = computed.get(key);
    const found = live.find((item) => item.key === key);
    if (own === undefined || self === undefined || found === undefined || asked.has(key)) return;
    const now = view();
    const said = { subject: key, validator: self, root: own.root };
    if (judgeAttest(now, said, subjectMembers(now, found.members)) !== 'first') return;
    asked.add(key);
    options.onComputed({ subject: key, root: own.root });
  }

  // --- for blocks ------------------------------------------------------------------------------------------------

  /** Attested, and nothing before it is open: its object comes next, in this block or after some empty ones. */
  function comesNext({ status, kind, id }: Subject): boolean {
    return status === 'attested' && consumers[kind].isNext(view(), id);
  }

  function pending(): Uint8Array[] {
    const height = options.headNumber() + 1;
    const objects = live.flatMap(({ key, status, root, activeFrom }) => {
      const own = computed.get(key);
      if (status !== 'attested' || activeFrom > height || own === undefined || own.root !== root) return [];
      return [encodeAttestation({ op: 'publish', subject: key, object: own.object }, params.chainId)];
    });
    return [...objects, ...[...waiting.values()].map(({ raw }) => raw)];
  }

  return {
    attestAs(validator) {
      self = validator;
      onHead();
    },
    submit,
    pending,
    hasIncludable: () => waiting.size > 0 || live.some(comesNext),
    settle: (hash) => void waiting.delete(hash),
    onHead,
    artifactArrived(root) {
      for (const [key, roots] of [...missing]) if (roots.has(root)) missing.delete(key);
      pump();
    },
    tick() {
      pump();
      const now = options.nowMs();
      const late = [...waiting.values()].filter(
        ({ own, sentMs }) => own && now - sentMs >= LIMITS.attestationAgainMs,
      );
      for (const item of late) item.sentMs = now;
      if (late.length > 0) options.onBroadcast(late.map(({ raw }) => raw));
    },
    counts: () => ({ openSubjects: live.length, waitingAttestations: waiting.size }),
    async close() {
      isClosed = true;
      await options.worker.close();
    },
  };
}

function refuse(code: Extract<AddResult, { ok: false }>['code'], message: string): AddResult {
  return { ok: false, code, message };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
