import { describe, expect, it } from 'vitest';
import { type AccessRules, hostAllowed, hostName, originAllowed } from '../../../rpc/access.ts';

const local: AccessRules = { bindHost: '127.0.0.1', allowedHosts: [], allowedOrigins: [] };
const open: AccessRules = { ...local, bindHost: '0.0.0.0', allowedHosts: ['rpc.example.org'] };

describe('the Host header', () => {
  it('may name this machine, with any port', () => {
    for (const host of [
      'localhost',
      'localhost:8545',
      '127.0.0.1:1',
      '[::1]:8545',
      '127.8.9.10',
      'LOCALHOST',
      'a.localhost:3',
    ])
      expect(hostAllowed(host, local), host).toBe(true);
  });

  it('may not name anything else on a loopback node: that is how DNS rebinding comes in', () => {
    for (const host of [
      undefined,
      '',
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'evil.example#localhost',
      'x@localhost',
      'localhost:8545:evil',
      '192.168.1.4',
      '[::1',
    ])
      expect(hostAllowed(host, local), host).toBe(false);
  });

  it('may be an address or a configured name on a public node', () => {
    expect(hostAllowed('203.0.113.7:8545', open)).toBe(true);
    expect(hostAllowed('rpc.example.org', open)).toBe(true);
    expect(hostAllowed('evil.example', open)).toBe(false);
    expect(hostAllowed('evil.example', { ...local, allowedHosts: ['*'] })).toBe(true);
  });

  it('is read without port, brackets and final dot', () => {
    expect(hostName('[2001:db8::1]:80')).toBe('2001:db8::1');
    expect(hostName('Example.org.:80')).toBe('example.org');
  });
});

describe('the Origin header', () => {
  it('is absent for programs, and may be a page of this machine, of the node itself, or an extension', () => {
    for (const origin of [
      undefined,
      'http://localhost:3000',
      'https://127.0.0.1',
      'http://[::1]:5173',
      'chrome-extension://abc',
    ])
      expect(originAllowed(origin, '127.0.0.1:8545', local), origin).toBe(true);
    expect(originAllowed('https://rpc.example.org', 'rpc.example.org', open)).toBe(true);
  });

  it('is refused for other pages, sandboxed frames and files', () => {
    for (const origin of [
      'https://evil.example',
      'null',
      'file://',
      'http://localhost.evil.example',
      'http://localhost@evil.example',
      '',
    ])
      expect(originAllowed(origin, '127.0.0.1:8545', local), origin).toBe(false);
  });

  it('is accepted when configured', () => {
    const rules = { ...local, allowedOrigins: ['https://dapp.example'] };
    expect(originAllowed('https://dapp.example', '127.0.0.1', rules)).toBe(true);
    expect(originAllowed('https://dapp.example.evil', '127.0.0.1', rules)).toBe(false);
  });
});
