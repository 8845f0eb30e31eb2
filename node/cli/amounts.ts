/** Amounts as people write them: `1.5` is one and a half OPEN, `300wei` and `20gwei` are smaller units. */
import { UserError } from '../config/errors.ts';

const UNITS: Readonly<Record<string, number>> = { wei: 0, gwei: 9, open: 18 };

/** Wei. @throws UserError BAD_AMOUNT */
export function parseAmount(text: string): bigint {
  const match = /^(\d{1,40})(?:\.(\d{1,18}))?\s*([a-zA-Z]*)$/.exec(text.trim());
  const decimals = UNITS[match?.[3] ? match[3].toLowerCase() : 'open'];
  const fraction = match?.[2] ?? '';
  if (match === null || decimals === undefined || fraction.length > decimals)
    throw new UserError('BAD_AMOUNT', `'${text}' is not an amount; write 1.5, 20gwei or 300wei`);
  return BigInt(match[1]! + fraction.padEnd(decimals, '0'));
}

/** `1.5 OPEN`, exact. */
export function formatAmount(wei: bigint): string {
  const sign = wei < 0n ? '-' : '';
  const digits = (wei < 0n ? -wei : wei).toString().padStart(19, '0');
  const whole = digits.slice(0, -18);
  const fraction = digits.slice(-18).replace(/0+$/, '');
  return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`} OPEN`;
}
