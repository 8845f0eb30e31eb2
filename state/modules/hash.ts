export { keccak256 as keccak, keccakHex } from '../crypto.ts';
