import { afterEach, describe, expect, it } from 'vitest';
import { createValidatorNet } from '../../../node/network/validator-net.ts';
import { createCluster, peerEvent, untilTrue } from './support.ts';

const cluster = createCluster();
afterEach(() => cluster.stopAll());
const silent = () => {};

describe('the validator’s port', () => {
  it('carries gossip, requests and peers both ways', async () => {
    const a = await cluster.prepare();
    const b = await cluster.prepare();
    const netA = createValidatorNet(a.network, silent);
    const netB = createValidatorNet(b.network, silent);
    const heard: string[] = [];
    const newPeers: string[] = [];
    netB.attach({
      onGossip: async (kind, bytes, from) => {
        heard.push(`${kind}:${bytes.length}:${from}`);
        return 'accept';
      },
      onRequest: async (kind, payload) =>
        payload[0] === 0 ? undefined : Uint8Array.of(kind.length, ...payload),
      onPeer: (peer) => newPeers.push(peer),
    });
    await a.network.start();
    await b.network.start();
    const met = peerEvent(b.network, 'connected');
    await a.network.dial(b.network.addresses()[0]!);
    await met;
    expect(newPeers).toEqual([a.network.peerId]);
    expect(netA.peers()).toEqual([b.network.peerId]);
    expect(await netA.request(b.network.peerId, 'range', Uint8Array.of(9))).toEqual(Uint8Array.of(5, 9));
    expect(await netA.request(b.network.peerId, 'block', Uint8Array.of(0))).toBeUndefined();
    // A has no validator yet: it says so instead of leaving the asker to wait.
    expect(await netB.request(a.network.peerId, 'status', Uint8Array.of(1))).toBeUndefined();
    expect(await netB.request('12D3KooWNobody', 'status', Uint8Array.of(1))).toBeUndefined();
    let n = 0;
    await untilTrue(
      () => heard.length > 0,
      () => netA.broadcast('votes', new Uint8Array(++n)),
    );
    expect(heard[0]).toMatch(new RegExp(`^votes:\\d+:${a.network.peerId}$`));
  });

  it('never throws on a message that is too large', async () => {
    const a = await cluster.start();
    const lines: string[] = [];
    const net = createValidatorNet(a.network, (level, message) => lines.push(`${level} ${message}`));
    net.broadcast('proposal', new Uint8Array(3 * 1024 * 1024));
    expect(lines).toEqual(['error a consensus message could not be sent']);
  });
});
