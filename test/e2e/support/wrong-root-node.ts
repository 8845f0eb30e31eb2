/** Program of a node whose memory is bad: what it computes for approvals is wrong. */
import { runFaultyNode } from './faulty-program.ts';

await runFaultyNode(new URL('./wrong-root-executor.js', import.meta.url));
