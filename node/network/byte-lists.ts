/**
 * libp2p gathers what a stream brings in lists of byte arrays, and takes whole arrays off the front one by one, each time
 * moving all the rest: a message that a stranger sends byte by byte costs this thread the square of its length, many seconds
 * for some hundred kilobytes. Here they are taken off at once.
 */
import type { Uint8ArrayList } from 'uint8arraylist';

/** The fields of a list, which its type hides. */
interface Inner {
  bufs: Uint8Array[];
  length: number;
}

/** Replaces `consume` of all lists, once or more often. */
export function mendByteLists({ prototype }: { readonly prototype: Pick<Uint8ArrayList, 'consume'> }): void {
  prototype.consume = function consume(bytes: number): void {
    const list = this as unknown as Inner;
    let left = Math.trunc(bytes);
    if (Number.isNaN(left) || left <= 0) return;
    let whole = 0;
    while (whole < list.bufs.length && left >= list.bufs[whole]!.byteLength) {
      left -= list.bufs[whole]!.byteLength;
      list.length -= list.bufs[whole]!.byteLength;
      whole += 1;
    }
    if (whole === list.bufs.length) list.bufs = [];
    else {
      if (whole > 0) list.bufs.splice(0, whole);
      list.bufs[0] = list.bufs[0]!.subarray(left);
      list.length -= left;
    }
  };
}
