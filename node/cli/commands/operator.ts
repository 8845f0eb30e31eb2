import { onParent, tellParent } from '../../devnet/children.ts';
import { createLog } from '../../log.ts';
import { defineCommand, NO_POSITIONALS } from '../command.ts';
import { openAccount, rpcUrlOf, SIGNER_FLAGS } from '../session.ts';

export const command = defineCommand({
  name: 'operator',
  summary: 'Answer the requests to the models that an account operates, until stopped.',
  positionals: NO_POSITIONALS,
  flags: SIGNER_FLAGS,
  details: `
Answers come from a language model over the DataNets that the asked model pins. Each is settled on the chain with the
hash of its attribution; a wrong one would cost the model's bond.`,
  async run(invocation) {
    const { flags, out, nowMs, signal } = invocation;
    const account = await openAccount(invocation);
    const stop = new AbortController();
    signal.addEventListener('abort', () => stop.abort(), { once: true });
    if (signal.aborted) stop.abort();
    onParent(() => stop.abort());
    const { runOperator } = await import('../../operator/index.ts');
    await runOperator({
      rpcUrl: rpcUrlOf(invocation),
      account,
      log: createLog({
        level: 'info',
        format: flags.json ? 'json' : 'human',
        nowMs,
        write: (line) => out.line(line),
      }),
      signal: stop.signal,
      onReady: () => tellParent({ type: 'ready', rpcPort: undefined }),
    });
  },
});
