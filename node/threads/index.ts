export { createLink, type Handlers, type Link, LinkError, movable, moving } from './link.ts';
export { spawnThread, type Thread, type WorkerInput } from './spawn.ts';
export { collectWhenQuiet } from './tidy.ts';
