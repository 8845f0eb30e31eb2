/**
 * Settings whose text has a form: a value that could never work is refused at the start, where somebody looks, and
 * not by a node that runs and reaches nobody.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** `listen`: where to listen. `reached`: under which others reach us. `peer`: whom to dial. */
export type Form = 'listen' | 'reached' | 'peer' | 'account' | 'blockHash';

const EXPECTED: Readonly<Record<Form, string>> = {
  listen: 'an address like /ip4/0.0.0.0/tcp/30333',
  reached: 'an address like /ip4/203.0.113.7/tcp/30333 or /dns4/node.example/tcp/30333',
  peer: 'the address of a peer like /ip4/203.0.113.7/tcp/30333/p2p/12D3Koo...',
  account: 'an address of 0x and 40 hex digits',
  blockHash: 'the hash of a block, 0x and 64 hex digits',
};

/** What was expected, if `text` is not of the form. */
export function misfit(form: Form, text: string): string | undefined {
  return fits(form, text) ? undefined : EXPECTED[form];
}

function fits(form: Form, text: string): boolean {
  switch (form) {
    case 'account':
      return /^0x[0-9a-fA-F]{40}$/.test(text);
    case 'blockHash':
      return /^0x[0-9a-fA-F]{64}$/.test(text);
    default:
      return isAddress(form, text);
  }
}

/** A node's identity is an Ed25519 key, whose id in base 58 always begins so and has this length. */
const PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;
const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/;

/** A peer's id may be missing: it is then learned by dialing. */
function isAddress(form: 'listen' | 'reached' | 'peer', text: string): boolean {
  const [empty, kind, host, tcp, port, p2p, id, ...rest] = text.split('/');
  if (empty !== '' || tcp !== 'tcp' || rest.length > 0) return false;
  if (!isHost(kind, host ?? '', form !== 'listen')) return false;
  if (!/^\d{1,5}$/.test(port ?? '') || Number(port) > 65_535) return false;
  // Only who listens may leave the port to the system.
  if (form !== 'listen' && Number(port) === 0) return false;
  if (p2p === undefined) return true;
  return form !== 'listen' && p2p === 'p2p' && PEER_ID.test(id ?? '');
}

function isHost(kind: string | undefined, host: string, mayBeName: boolean): boolean {
  switch (kind) {
    case 'ip4':
      return isIPv4(host);
    case 'ip6':
      return isIPv6(host);
    case 'dns':
    case 'dns4':
    case 'dns6':
      return mayBeName && HOST_NAME.test(host);
    default:
      return false;
  }
}
