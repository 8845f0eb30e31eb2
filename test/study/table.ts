/** A Markdown table with columns of equal width, as the formatter of this repository writes them. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const width = header.map((_, c) => Math.max(3, ...[header, ...rows].map((row) => row[c]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, c) => cell.padEnd(width[c]!)).join(' | ')} |`;
  return [line(header), line(width.map((size) => '-'.repeat(size))), ...rows.map(line)].join('\n');
}
