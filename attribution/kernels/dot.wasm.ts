/** Compiled from assembly/dot.ts by scripts/build-kernels.mjs: do not edit. */
export const sha256 = '7ac68a5b8d7b892a2e9b0ce5f86ef102d29a46282169360ec3bbb995cb7de344';
export const base64 =
  'AGFzbQEAAAABCAFgA39/fwF+Ag8BA2VudgZtZW1vcnkCAAADAgEABxMCBmRvdEkxNgAABm1lbW9yeQIACmQBYgEDeyAAIAJBAXRqIQ' +
  'IDQCAAIAJJBEAgAyAA/QAEACAB/QAEAP26ASIF/ccB/c4BIQMgBCAF/cgB/c4BIQQgAEEQaiEAIAFBEGohAQwBCwsgAyAE/c4BIgP9' +
  'HQAgA/0dAXwL';
