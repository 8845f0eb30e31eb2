/** The ABI codec and the declarations of interfaces: what clients and modules import. */
export * from './abi/codec.ts';
export * from './abi/interface.ts';
