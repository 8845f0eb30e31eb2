/** What this folder uses of the WebAssembly interface beyond attribution/kernels/webassembly.d.ts. */
declare namespace WebAssembly {
  /** A trap: the program stopped itself. */
  class RuntimeError extends Error {}
}
