import { defineInterface } from './abi.ts';

/** Errors that every module can give: part of each interface, declared once in IModule.sol. */
export const COMMON_ERRORS = {
  DirectCallOnly: 'error DirectCallOnly()',
  WriteInStaticContext: 'error WriteInStaticContext()',
  NotPayable: 'error NotPayable()',
  UnknownOperation: 'error UnknownOperation()',
  MalformedCalldata: 'error MalformedCalldata()',
  InvalidUtf8: 'error InvalidUtf8()',
  TextTooLong: 'error TextTooLong(uint256 size, uint256 limit)',
} as const;

/** The errors alone, for the executor (which answers DirectCallOnly itself) and for decoders. */
export const moduleErrors = defineInterface({
  name: 'IModule',
  address: '0x0000000000000000000000000000000000000000',
  functions: {},
  events: {},
  errors: COMMON_ERRORS,
});
