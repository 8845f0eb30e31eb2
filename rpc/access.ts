/**
 * Who may talk to the server. A page on the web must not reach a node on the visitor's machine: neither by a request
 * of its own (Origin) nor by letting its own name point to 127.0.0.1 (DNS rebinding: Host).
 */

export interface AccessRules {
  /** Address the server listens on. */
  readonly bindHost: string;
  /** Host names beside loopback that requests may carry; `*` accepts any. */
  readonly allowedHosts: readonly string[];
  /** Origins beside pages of this machine and browser extensions; `*` accepts any. */
  readonly allowedOrigins: readonly string[];
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '::1', '0:0:0:0:0:0:0:1']);

/** Host name of a Host header or of an origin's authority, lower case, without port and brackets. */
export function hostName(authority: string): string {
  const text = authority.trim().toLowerCase();
  const bracketed = /^\[([0-9a-f:.]+)\](?::\d{1,5})?$/.exec(text);
  if (bracketed?.[1] !== undefined) return bracketed[1];
  const named = /^([^:/@\\\s]+)(?::\d{1,5})?$/.exec(text);
  return named?.[1]?.replace(/\.$/, '') ?? '';
}

export function isLoopback(name: string): boolean {
  return LOOPBACK.has(name) || name.endsWith('.localhost') || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}

function isIpLiteral(name: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(name) || name.includes(':');
}

/** Rebinding needs a name: a server that was bound to a public address also answers to plain IP addresses. */
export function hostAllowed(header: string | undefined, rules: AccessRules): boolean {
  if (rules.allowedHosts.includes('*')) return true;
  const name = hostName(header ?? '');
  if (name === '') return false;
  if (isLoopback(name) || name === rules.bindHost.toLowerCase()) return true;
  if (rules.allowedHosts.some((allowed) => allowed.toLowerCase() === name)) return true;
  return !isLoopback(rules.bindHost) && isIpLiteral(name);
}

/** Browser extensions (wallets) are installed by the user and reach every host anyway. */
const EXTENSION = /^(chrome|moz|safari-web)-extension:\/\//;

/** Requests without an Origin do not come from a page. `null` (sandboxed frames, files) is refused. */
export function originAllowed(
  origin: string | undefined,
  hostHeader: string | undefined,
  rules: AccessRules,
): boolean {
  if (origin === undefined) return true;
  if (rules.allowedOrigins.includes('*') || rules.allowedOrigins.includes(origin)) return true;
  if (EXTENSION.test(origin)) return true;
  const authority = /^https?:\/\/([^/]+)$/.exec(origin)?.[1];
  if (authority === undefined) return false;
  return authority.toLowerCase() === hostHeader?.toLowerCase() || isLoopback(hostName(authority));
}
