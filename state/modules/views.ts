/** All views in one place: what the RPC and the explorer import. Pure functions of one state. */
export * from './attestation/views.ts';
export * from './contribution/views.ts';
export * from './datanet/views.ts';
export * from './inference/views.ts';
export * from './model/views.ts';
export * from './reward/views.ts';
export * from './staking/views.ts';
