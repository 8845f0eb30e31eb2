/** Whose machine an address belongs to. Addresses are multiaddrs in text. */

export function isLoopback(address: string): boolean {
  return /^\/ip4\/127\.|^\/ip6\/::1\b|^\/ip6\/::ffff:(127\.|7f)/i.test(address);
}

/**
 * What counts as one host: an IPv4 address, also when it is written as an IPv6 one; of IPv6 the first 64 bits, since
 * whoever has one address there has them all.
 */
export function hostGroup(address: string): string {
  const [, kind, host = ''] = address.split('/');
  if (kind !== 'ip6') return host.toLowerCase();
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = host.toLowerCase().split('%')[0]!.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros =
    tail === undefined ? [] : new Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  const groups = [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
  const mappedTail = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mappedTail) return [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.');
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** What hostGroup gives for `::`, `::1` and the other addresses there, none of which is anybody else's. */
const FIRST_OF_IPV6 = '0:0:0:0::/64';

/**
 * Whether whoever dials the address dials itself: loopback, and what the system takes for it, in each way to write it. A
 * name is not looked up; those that mean this machine everywhere are known.
 */
export function isOwnMachine(address: string): boolean {
  const [, kind = '', host = ''] = address.split('/');
  if (kind.startsWith('dns')) return /(^|\.)localhost\.?$/i.test(host);
  return isLoopback(address) || hostGroup(address) === FIRST_OF_IPV6 || /^(127|0)\./.test(hostGroup(address));
}
