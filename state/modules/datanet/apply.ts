/** Operations of DataNets. What they do and refuse is README.md beside this file. */

import * as LIMIT from '../limits.ts';
import type { MeteredContext } from '../meter.ts';
import { checkText, type ModuleSpec } from '../module.ts';
import { ZERO_ADDRESS } from '../storage.ts';
import { dataNetInterface } from './abi.ts';
import {
  type DataNetHead,
  type DataNetText,
  readDataNet,
  readDataNetCount,
  readDataNetHead,
  readDataNetText,
  readEntry,
  readSnapshot,
  writeDataNetCount,
  writeDataNetHead,
  writeDataNetText,
} from './storage.ts';
import { DATANET_POLICY, DATANET_STATUS, type DataNetPolicy } from './types.ts';

const { revert, encodeEvent } = dataNetInterface;

export const handlers: ModuleSpec<typeof dataNetInterface.spec>['handlers'] = {
  create(context, name, summary, description, tags) {
    if (name === '') throw revert('EmptyName', []);
    checkText(name, LIMIT.MAX_NAME_BYTES);
    checkTexts(summary, description, tags);
    const id = readDataNetCount(context) + 1;
    writeDataNetCount(context, id);
    writeDataNetHead(context, BigInt(id), {
      owner: context.caller,
      status: 'draft',
      policy: 'open',
      createdAt: context.block.number,
    });
    writeDataNetText(context, BigInt(id), { name, summary, description, tags, payoutNote: '' });
    context.emit(encodeEvent('Created', [BigInt(id), context.caller, name]));
    return [BigInt(id)];
  },

  amend(context, id, summary, description, tags) {
    ownedAndAlive(context, id);
    checkTexts(summary, description, tags);
    writeDataNetText(context, id, { ...textOf(context, id), summary, description, tags });
    context.emit(encodeEvent('Amended', [id]));
    return [];
  },

  publish(context, id) {
    const head = ownedAndAlive(context, id);
    if (head.status !== 'draft') throw revert('AlreadyPublished', [id]);
    writeDataNetHead(context, id, { ...head, status: 'published' });
    context.emit(encodeEvent('Published', [id]));
    return [];
  },

  setPolicy(context, id, policy, payoutNote) {
    const head = ownedAndAlive(context, id);
    const named = (Object.keys(DATANET_POLICY) as DataNetPolicy[]).find(
      (candidate) => BigInt(DATANET_POLICY[candidate]) === policy,
    );
    if (named === undefined) throw revert('UnknownPolicy', [policy]);
    checkText(payoutNote, LIMIT.MAX_NOTE_BYTES);
    writeDataNetHead(context, id, { ...head, policy: named });
    const text = textOf(context, id);
    if (text.payoutNote !== payoutNote) writeDataNetText(context, id, { ...text, payoutNote });
    context.emit(encodeEvent('PolicySet', [id, policy, payoutNote]));
    return [];
  },

  transfer(context, id, to) {
    const head = ownedAndAlive(context, id);
    if (to === ZERO_ADDRESS) throw revert('ZeroAddress', []);
    writeDataNetHead(context, id, { ...head, owner: to });
    context.emit(encodeEvent('Transferred', [id, head.owner, to]));
    return [];
  },

  retire(context, id) {
    const head = ownedAndAlive(context, id);
    writeDataNetHead(context, id, { ...head, status: 'retired' });
    context.emit(encodeEvent('Retired', [id]));
    return [];
  },

  dataNet(context, id) {
    const found = readDataNet(context, id);
    if (found === undefined) throw revert('UnknownDataNet', [id]);
    return [
      {
        ...found,
        id,
        status: BigInt(DATANET_STATUS[found.status]),
        policy: BigInt(DATANET_POLICY[found.policy]),
        createdAt: BigInt(found.createdAt),
        length: BigInt(found.length),
      },
    ];
  },

  dataNetCount: (context) => [BigInt(readDataNetCount(context))],

  snapshot(context, id) {
    known(context, id);
    const { length, historyHash } = readSnapshot(context, id);
    return [BigInt(length), historyHash];
  },

  entry(context, id, index) {
    const { length } = readSnapshot(context, id);
    if (index >= BigInt(length)) throw revert('UnknownEntry', [id, index]);
    const found = readEntry(context, id, Number(index));
    if (found === undefined) throw revert('UnknownEntry', [id, index]);
    return [
      {
        ...found,
        dataNetId: id,
        commitSequence: BigInt(found.commitSequence),
        recordCount: BigInt(found.recordCount),
      },
    ];
  },
};

function known(context: MeteredContext, id: bigint): DataNetHead {
  const head = readDataNetHead(context, id);
  if (head === undefined) throw revert('UnknownDataNet', [id]);
  return head;
}

function ownedAndAlive(context: MeteredContext, id: bigint): DataNetHead {
  const head = known(context, id);
  if (head.owner !== context.caller) throw revert('NotDataNetOwner', [context.caller]);
  if (head.status === 'retired') throw revert('DataNetRetired', [id]);
  return head;
}

function textOf(context: MeteredContext, id: bigint): DataNetText {
  const text = readDataNetText(context, id);
  if (text === undefined) throw revert('UnknownDataNet', [id]);
  return text;
}

function checkTexts(summary: string, description: string, tags: readonly string[]): void {
  checkText(summary, LIMIT.MAX_SUMMARY_BYTES);
  checkText(description, LIMIT.MAX_DESCRIPTION_BYTES);
  if (tags.length > LIMIT.MAX_TAGS)
    throw revert('TooManyTags', [BigInt(tags.length), BigInt(LIMIT.MAX_TAGS)]);
  for (const tag of tags) checkText(tag, LIMIT.MAX_TAG_BYTES);
}
