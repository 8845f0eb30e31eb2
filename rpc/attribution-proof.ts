/** `ol_getAttributionProof`: its question, and its answer, which is also the file that `attribution verify` reads. */
import { AttributionError } from '../attribution/api.ts';
import { MAX_PHRASE_TOKENS, type PhraseStatement, phraseTokens } from '../attribution/proofs/api.ts';
import type { SnapshotRoot } from '../state/modules/model/views.ts';
import type { AttributionProofQuestion, AttributionProofView } from './backend.ts';
import { hexOf } from './encode.ts';
import { invalidArgument, RPC_CODES, RpcError } from './errors.ts';
import type { RpcLimits } from './limits.ts';
import { count, hash, list, object, optional, type Param, string } from './params.ts';
import { snapshotRootJson } from './records.ts';

/** Version of the answer's shape. */
export const PROOF_FORMAT = 'openledger-attribution-proof-1';

/** DataNets of one question: as many as a model can pin. */
const MAX_SNAPSHOTS = 64;

export function proofQuestionParam(limits: RpcLimits) {
  return object(
    'attribution proof question',
    {
      requestId: optional(hash),
      snapshots: optional(
        list(object('snapshot', { dataNetId: count, length: count }, 'refuse'), MAX_SNAPSHOTS),
      ),
      text: optional(string(limits.maxBodyBytes)),
      tokens: optional(list(string(limits.maxBodyBytes), MAX_PHRASE_TOKENS)),
    },
    'refuse',
  );
}

type Given = ReturnType<typeof proofQuestionParam> extends Param<infer T> ? T : never;

/** @throws RpcError -32602 for a question that is none. */
export function proofQuestionOf(given: Given): AttributionProofQuestion {
  const { requestId, snapshots, text, tokens } = given;
  if ((requestId === undefined) === (snapshots === undefined))
    throw invalidArgument(0, 'give either requestId or snapshots');
  if (text !== undefined && tokens !== undefined) throw invalidArgument(0, 'give text or tokens, not both');
  const phrase = text !== undefined ? tokensOf(text) : tokens?.map(tokenOf);
  if (phrase === undefined && requestId === undefined)
    throw invalidArgument(0, 'snapshots need the text or the tokens of a phrase');
  return {
    ...(requestId === undefined ? {} : { requestId }),
    ...(snapshots === undefined ? {} : { snapshots }),
    ...(phrase === undefined ? {} : { phrase }),
  };
}

function tokensOf(text: string): Uint8Array[] {
  const phrase = lexed(text);
  if (phrase.length === 0) throw invalidArgument(0, 'the text has no tokens');
  if (phrase.length > MAX_PHRASE_TOKENS)
    throw invalidArgument(0, `the text has ${phrase.length} tokens, at most ${MAX_PHRASE_TOKENS} are proven`);
  return phrase;
}

function tokenOf(text: string): Uint8Array {
  const [token, ...more] = lexed(text);
  if (token === undefined || more.length > 0)
    throw invalidArgument(0, `'${text.slice(0, 40)}' is not one token`);
  return token;
}

/** A lone surrogate becomes U+FFFD, which is a mark. */
function lexed(text: string): Uint8Array[] {
  try {
    return phraseTokens(new TextEncoder().encode(text));
  } catch (error) {
    if (error instanceof AttributionError) throw invalidArgument(0, error.message);
    throw error;
  }
}

/**
 * `attested`: what validators say about the root of these snapshots, in the state of the head.
 * @throws RpcError if they attested another one than this node computed: what it could prove is worth nothing
 */
export function attributionProofJson(view: AttributionProofView, attested: SnapshotRoot): object {
  const root = hexOf(view.root);
  if (attested.root !== undefined && attested.root !== root)
    throw new RpcError(
      RPC_CODES.server,
      `this node computes the root ${root} where validators attested ${attested.root}; ask another one`,
      { code: 'ROOT_DIFFERS' },
    );
  const head = {
    format: PROOF_FORMAT,
    root,
    snapshots: view.snapshots,
    kind: view.kind,
    attested: snapshotRootJson(attested),
  };
  if (view.kind === 'phrase')
    return { ...head, statement: statementJson(view.statement), proof: hexOf(view.proof) };
  const { requestHash, prompt, output, params, commons, ineligible } = view.inputs;
  const { record, recordHash, spans } = view.credits;
  return {
    ...head,
    inputs: { requestHash, prompt: hexOf(prompt), output: hexOf(output), params, commons, ineligible },
    recordHash,
    credits: record.credits.map(({ contributor, credit }) => ({ contributor, parts: credit })),
    uncovered: record.uncovered,
    spans,
    proof: hexOf(view.proof),
  };
}

/** Tokens as text; everything else as it is. */
export function statementJson(statement: PhraseStatement): object {
  const phrase = statement.phrase.map((token) => new TextDecoder().decode(token));
  return { ...statement, phrase };
}
