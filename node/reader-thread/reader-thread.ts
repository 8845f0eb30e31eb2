/** A thread that answers questions which execute or scan, one at a time, from a reader of its own. */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { APART_METHODS, type ReadContext } from '../../rpc/apart.ts';
import { WRITTEN_ANEW } from '../../rpc/block-texts.ts';
import { toErrorObject } from '../../rpc/errors.ts';
import { DEFAULT_LIMITS } from '../../rpc/limits.ts';
import { jsonOf, type RpcContext } from '../../rpc/method.ts';
import { chosenMethods, NAMESPACES_APART } from '../../rpc/methods/index.ts';
import { parseParams } from '../../rpc/params.ts';
import { createCaller } from '../../state/call.ts';
import { openReader } from '../../state/reader.ts';
import { readerOfArtifacts } from '../rpc-thread/artifacts.ts';
import { collectWhenQuiet, createLink, type Link } from '../threads/index.ts';
import { LIMITS } from './limits.ts';
import { createPorts } from './ports.ts';
import type { ReaderCalls, ReaderNeeds, ReaderSettings } from './protocol.ts';

export function runReaderThread(port: MessagePort, settings: ReaderSettings): void {
  if (settings.lane !== 'call') giveWay();
  collectWhenQuiet();
  const context = openContext();
  context.catch(() => {});
  const methods = chosenMethods(DEFAULT_LIMITS, NAMESPACES_APART);
  const elsewhere: Link<ReaderNeeds, object> = createLink<ReaderCalls, ReaderNeeds>(port, {
    handlers: {
      async answer({ name, params }) {
        let report: string | undefined;
        try {
          const method = APART_METHODS.includes(name) ? methods[name] : undefined;
          if (method === undefined) throw new Error(`${name} does not run here`);
          const args = parseParams(method.params, params) as unknown[];
          // Methods that run apart use no more of the context than this.
          const result = await method.run((await context) as RpcContext, args, undefined);
          return { body: jsonOf(result) };
        } catch (thrown) {
          const error = toErrorObject(thrown, (unexpected) => {
            report =
              unexpected instanceof Error ? (unexpected.stack ?? unexpected.message) : String(unexpected);
          });
          return { error, ...(report === undefined ? {} : { report }) };
        }
      },
    },
  });

  async function openContext(): Promise<ReadContext> {
    const reader = await openReader(settings.chainDir, settings.genesis);
    const ports = createPorts(readerOfArtifacts(settings.dataDir), elsewhere);
    return {
      reader,
      caller: createCaller(reader, { ports }),
      limits: DEFAULT_LIMITS,
      blockTexts: WRITTEN_ANEW,
    };
  }
}

/** On Linux a thread has a priority of its own; elsewhere the system shares the processor as it does. */
function giveWay(): void {
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), LIMITS.niceness);
  } catch {
    // Not Linux, or not allowed: nothing depends on it.
  }
}
