/**
 * A program as the statements that it was drawn as, so that a failing one can be made smaller: a jump finds its label
 * and CODECOPY its data wherever they then lie.
 */
import { concat } from '../../../state/crypto.ts';

export type Item =
  | { kind: 'bytes'; bytes: Uint8Array }
  /** A JUMPDEST with a name. */
  | { kind: 'label'; name: number }
  /** A push of the place of a label; of 0xffff if there is none. */
  | { kind: 'place'; name: number; ahead: number }
  /** A push of where the data begins, and one of its length. */
  | { kind: 'dataPlace'; name: number }
  | { kind: 'dataLength'; name: number };
export type Statement = readonly Item[];

export interface Program {
  readonly statements: readonly Statement[];
  /** Behind the code; a program is creation code. */
  readonly data: ReadonlyMap<number, Program | Uint8Array>;
}

/** PUSH2 and its two bytes. */
const PUSH2 = 0x61;
const PUSH2_BYTES = 3;
const JUMPDEST = 0x5b;
const NOWHERE = 0xffff;

export function bytes(...values: number[]): Item {
  return { kind: 'bytes', bytes: Uint8Array.from(values) };
}

export function assemble({ statements, data }: Program): Uint8Array {
  const items = statements.flat();
  const labels = new Map<number, number>();
  let at = 0;
  for (const item of items) {
    if (item.kind === 'label') labels.set(item.name, at);
    at += sizeOf(item);
  }
  const pieces: Uint8Array[] = [];
  const places = new Map<number, { at: number; length: number }>();
  for (const [name, part] of data) {
    if (!items.some((item) => 'name' in item && item.kind.startsWith('data') && item.name === name)) continue;
    const piece = part instanceof Uint8Array ? part : assemble(part);
    places.set(name, { at, length: piece.length });
    pieces.push(piece);
    at += piece.length;
  }
  return concat(...items.map((item) => encode(item, labels, places)), ...pieces);
}

function sizeOf(item: Item): number {
  if (item.kind === 'bytes') return item.bytes.length;
  return item.kind === 'label' ? 1 : PUSH2_BYTES;
}

function encode(
  item: Item,
  labels: ReadonlyMap<number, number>,
  places: ReadonlyMap<number, { at: number; length: number }>,
): Uint8Array {
  const push = (value: number) => Uint8Array.of(PUSH2, (value >> 8) & 0xff, value & 0xff);
  switch (item.kind) {
    case 'bytes':
      return item.bytes;
    case 'label':
      return Uint8Array.of(JUMPDEST);
    case 'place':
      return push((labels.get(item.name) ?? NOWHERE) + item.ahead);
    case 'dataPlace':
      return push(places.get(item.name)?.at ?? 0);
    case 'dataLength':
      return push(places.get(item.name)?.length ?? 0);
  }
}

export function sizeOfProgram(program: Program): number {
  let size = program.statements.length;
  for (const part of program.data.values()) size += part instanceof Uint8Array ? 1 : sizeOfProgram(part);
  return size;
}
