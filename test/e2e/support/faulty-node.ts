/** Program of a node that pays a thief. */
import { runFaultyNode } from './faulty-program.ts';

await runFaultyNode(new URL('./faulty-executor.js', import.meta.url));
