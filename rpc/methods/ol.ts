import type { RpcLimits } from '../limits.ts';
import type { Methods } from '../method.ts';
export function olMethods(_limits: RpcLimits): Methods {
  return {};
}
