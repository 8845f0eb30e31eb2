import { createHash } from 'node:crypto';
import type { Tensors } from '../../attribution/runtime/api.ts';
import {
  createRuntimePool,
  type RuntimePool,
  type RuntimePoolOptions,
} from '../../node/runtime-pool/index.ts';

/** A pool with the compiled entries: threads and processes cannot load TypeScript. `npm test` builds first. */
export function compiledPool(options: RuntimePoolOptions = {}): RuntimePool {
  const entry = (name: string): URL => {
    const here = import.meta.url;
    const dist = here.includes('/dist/') ? '../../node' : '../../dist/node';
    return new URL(`${dist}/runtime-pool/${name}.js`, here);
  };
  return createRuntimePool({ workerEntry: entry('worker'), nativeEntry: entry('native'), ...options });
}

/** SHA-256 over names, shapes and bytes of all tensors, in the order of their names. */
export function hashOf(tensors: Tensors): string {
  const hash = createHash('sha256');
  for (const [name, { type, shape, data }] of Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name} ${type}[${shape.join()}]`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}
