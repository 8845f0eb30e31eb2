import { decodeHead } from '../../../state/db/head-record.ts';
import { metaKey } from '../../../state/db/keys.ts';
import { ChainError } from '../../../state/types.ts';
import { UserError } from '../../config/errors.ts';
import { defineCommand, EXIT, NO_POSITIONALS } from '../command.ts';
import { chainDirectory, configOf, genesisOf, HOME_FLAG, withStoppedChain } from '../stopped-node.ts';
import { wholeNumber } from '../values.ts';

export const command = defineCommand({
  name: 'inspect',
  summary: 'Serve the RPC and the explorer from the data of a stopped node, for reading only.',
  positionals: NO_POSITIONALS,
  flags: {
    home: HOME_FLAG,
    port: { type: 'string', value: 'N', help: 'port on the loopback; 0: any free one (default: rpc.port)' },
    json: { type: 'boolean', help: 'print JSON for programs' },
  },
  details: `
To look at a node that stopped by itself: nothing is executed, sent or signed, and nobody is connected. /ready answers
503. Ends with Ctrl-C. The node cannot start meanwhile.`,
  async run({ flags, out, signal, ...environment }) {
    const config = configOf(flags.home, environment);
    const port = flags.port === undefined ? config.rpc.port : wholeNumber(flags.port, '--port', 0, 65_535);
    const { genesis, genesisHash } = await genesisOf(config);
    // Without a head there is nothing to look at; the message says so.
    const head = await withStoppedChain(config, async (db) => decodeHead(db.get(metaKey('head'))!));
    const [{ openReader }, { createCaller }, { startRpc }, { inspectBackend, inspectPorts }] =
      await Promise.all([
        import('../../../state/reader.ts'),
        import('../../../state/call.ts'),
        import('../../../rpc/start.ts'),
        import('../inspect-backend.ts'),
      ]);
    const reader = await openReader(chainDirectory(config), genesis);
    try {
      if (reader.genesisHash !== genesisHash)
        throw new ChainError('WRONG_CHAIN', `${config.dataDir} holds another chain than ${config.genesis}`);
      const rpc = await startRpc({
        reader,
        caller: createCaller(reader, { ports: inspectPorts(config.dataDir) }),
        backend: inspectBackend(config.dataDir),
        config: { port },
      }).catch((error: Error & { code?: unknown }) => {
        if (error.code !== 'PORT_IN_USE') throw error;
        throw new UserError(
          'PORT_IN_USE',
          `127.0.0.1:${port} is already taken by another program: give another --port (0: any free one)`,
        );
      });
      const url = `http://127.0.0.1:${rpc.port}`;
      if (flags.json) out.json({ url, head: head.number, hash: head.hash });
      else out.line(`block ${head.number} and before at ${url}; Ctrl-C ends it`);
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      await rpc.close();
      return EXIT.ok;
    } finally {
      await reader.close();
    }
  },
});
