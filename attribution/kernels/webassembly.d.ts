/** The part of the WebAssembly JavaScript interface that is used here; the ES library of TypeScript has none of it. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Instance {
    constructor(module: Module, imports?: Readonly<Record<string, Readonly<Record<string, unknown>>>>);
    readonly exports: Readonly<Record<string, unknown>>;
  }
  /** Sizes in pages of 64 KiB. */
  class Memory {
    constructor(limits: { readonly initial: number; readonly maximum?: number });
    readonly buffer: ArrayBuffer;
    /** @returns the size before, in pages. Detaches the old buffer. */
    grow(pages: number): number;
  }
}
