import { hash } from 'node:crypto';
import { commitCorpus } from '../../../attribution/proofs/api.ts';
import type { Hex } from '../../../genesis/types.ts';
import { UserError } from '../../config/errors.ts';
import { toHex } from '../../keys/hex.ts';
import { loadCorpus } from '../../operator/corpus.ts';
import { defineCommand } from '../command.ts';
import { NODE_FLAGS, openClient } from '../session.ts';
import { snapshotFlags } from '../snapshots.ts';
import { hashId } from '../values.ts';

export const command = defineCommand({
  name: 'attribution root',
  summary: 'Compute the root that proofs about a snapshot belong to, from its texts.',
  positionals: { usage: '[REQUEST]', min: 0, max: 1 },
  flags: {
    snapshot: {
      type: 'string',
      value: 'DATANET:LENGTH',
      multiple: true,
      help: 'the snapshot, instead of what REQUEST pins; may be repeated',
    },
    ...NODE_FLAGS,
  },
  details:
    'Texts are fetched and checked against their roots, then committed to on this machine: about 5 s of one core and\n' +
    '50 MB for a million tokens. Which contributions a snapshot has is the word of the node that is asked: ask your own.',
  async run(invocation) {
    const { out, flags, positionals, signal } = invocation;
    const client = openClient(invocation);
    const named = snapshotFlags(flags.snapshot);
    const [request] = positionals;
    if ((request === undefined) === (named.length === 0))
      throw new UserError('USAGE', 'name either a REQUEST or a --snapshot');
    let snapshots = named;
    let attested: AttestedRoot | null = null;
    if (request !== undefined) {
      const found = await client.rpc.request<{
        snapshots: typeof named;
        attributionRoot: AttestedRoot | null;
      } | null>('ol_inference', [hashId(request, 'REQUEST') satisfies Hex]);
      if (found === null) throw new UserError('NOT_SETTLED', `request ${request} is unknown`);
      snapshots = found.snapshots;
      attested = found.attributionRoot;
    }
    const corpus = await loadCorpus(
      client,
      snapshots.map(({ dataNetId, length }) => ({ dataNetId: BigInt(dataNetId), length: BigInt(length) })),
      signal,
    );
    const { root, sizes } = commitCorpus(corpus, { hash: (bytes) => hash('sha256', bytes, 'buffer') });
    if (flags.json) out.json({ root: toHex(root), ...sizes, attested });
    else {
      out.line(`root      ${toHex(root)}`);
      out.line(`records   ${sizes.records}, ${sizes.tokens} tokens, ${sizes.types} different`);
      if (attested !== null) out.line(`attested  ${attestedWords(attested, toHex(root))}`);
    }
  },
});

/** As `ol_inference` says it. */
interface AttestedRoot {
  readonly status: string;
  readonly root: string | null;
}

function attestedWords({ status, root }: AttestedRoot, computed: string): string {
  if (root === null) return `no (${status})`;
  return root === computed ? 'the same' : `ANOTHER ONE: ${root}`;
}
