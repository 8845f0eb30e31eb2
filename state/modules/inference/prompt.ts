import { utf8Bytes } from '../abi.ts';
import type { MeteredContext } from '../meter.ts';
import { inferenceInterface } from './abi.ts';

const { revert } = inferenceInterface;

/** The prompt's bytes. @throws ModuleRevert EmptyPrompt, PromptTooLarge */
export function checkedPrompt({ params }: MeteredContext, prompt: string): Uint8Array {
  const limit = params.attribution.maxPromptBytes;
  const bytes = utf8Bytes(prompt);
  if (bytes.length === 0) throw revert('EmptyPrompt', []);
  if (bytes.length > limit) throw revert('PromptTooLarge', [BigInt(bytes.length), BigInt(limit)]);
  return bytes;
}
