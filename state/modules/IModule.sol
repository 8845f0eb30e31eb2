// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// What every native module of OpenLedger has in common: its refusals.
interface IModule {
    /// The module was reached by DELEGATECALL or CALLCODE. Call it at its own address.
    error DirectCallOnly();
    /// A write was reached under STATICCALL.
    error WriteInStaticContext();
    /// The operation takes no value.
    error NotPayable();
    /// No operation has this selector.
    error UnknownOperation();
    /// The arguments are not canonically ABI-encoded.
    error MalformedCalldata();
    /// A text is not valid UTF-8.
    error InvalidUtf8();
    /// A text is longer than its limit, in bytes.
    error TextTooLong(uint256 size, uint256 limit);
}
