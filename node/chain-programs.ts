/** What results depend on besides this program's code: a chain names it by hash, and a node has it or does not start. */
import type { ChainParams } from '../genesis/types.ts';
import { checkPinnedRuntime } from './runtime-pool/pinned-runtime.ts';
import { encoderFile } from './sentence-encoder/bundled.ts';

/**
 * Every node is checked, also one that only follows: it executes the same blocks, and would otherwise stop at the first
 * one that needs what it does not have, in the middle of the chain and long after the mistake.
 * @throws RuntimePoolError RUNTIME_MISMATCH, EncoderMismatch
 */
export function checkChainPrograms({ runtime, retrieval }: ChainParams): void {
  checkPinnedRuntime(runtime);
  encoderFile(retrieval.encoderHash);
}
