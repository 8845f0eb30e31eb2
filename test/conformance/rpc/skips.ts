/** Files that ask for what this chain does not have, each with its reason. */
export const SKIPS: Readonly<Record<string, string>> = {
  'eth_config/get-config': 'describes blob schedules: this chain has no blobs and one fork',
  'eth_estimateGas/estimate-with-eip4844': 'estimates a blob transaction: this chain has none',
  'eth_getTransactionByHash/get-blob-tx': 'a blob transaction: this chain has none',
  'eth_getTransactionReceipt/get-blob-tx': 'the receipt of a blob transaction: this chain has none',
  'eth_sendRawTransaction/send-blob-tx': 'a blob transaction: this chain has none',
  'eth_simulateV1/ethSimulate-blobs': 'simulates a blob transaction: this chain has none',
  'testing_buildBlockV1/build-block-empty-transactions': 'builds a payload of the Engine API',
  'testing_buildBlockV1/build-block-from-mempool': 'builds a payload of the Engine API',
  'testing_buildBlockV1/build-block-invalid-transaction': 'builds a payload of the Engine API',
  'testing_buildBlockV1/build-block-with-transactions': 'builds a payload of the Engine API',
};
