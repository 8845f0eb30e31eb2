import type { CorpusRecord } from '../../../attribution/corpus/corpus.ts';

const encoder = new TextEncoder();
export const utf8 = (text: string): Uint8Array => encoder.encode(text);
export const textOf = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes);

/** Address of a named contributor: the name's number in the last byte. */
export const address = (number: number): string => `0x${number.toString(16).padStart(40, '0')}`;

export interface RecordSpec {
  text: string;
  by?: number;
  net?: number;
  key?: number;
}

/** Records in the given order; contributor 1 and DataNet 1 unless told otherwise. */
export function recordsOf(specs: readonly (RecordSpec | string)[]): CorpusRecord[] {
  return specs.map((spec, i) => {
    const { text, by = 1, net = 1, key = i } = typeof spec === 'string' ? { text: spec } : spec;
    return {
      orderKey: key,
      contributor: address(by),
      dataNetId: net,
      contributionId: i + 1,
      recordIndex: 0,
      bytes: utf8(text),
    };
  });
}
