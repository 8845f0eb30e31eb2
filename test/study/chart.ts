/** Small charts as SVG text that read on light and dark pages. Sizes in pixels. */
const WIDTH = 720;
const COLOURS = ['#2f6fde', '#d9622b', '#2d9d62', '#8b5bd6', '#b8860b', '#c2406b'];

export interface BarGroup {
  readonly label: string;
  /** One value for each series; undefined leaves a gap. */
  readonly values: readonly (number | undefined)[];
}

/** Groups of horizontal bars, one bar a series. `max` defaults to the largest value. */
export function barChart(input: {
  readonly title: string;
  readonly series: readonly string[];
  readonly groups: readonly BarGroup[];
  readonly max?: number;
  readonly format?: (value: number) => string;
}): string {
  const { title, series, groups, format = (value) => value.toFixed(3) } = input;
  const values = groups.flatMap((group) => group.values.filter((value) => value !== undefined));
  const max = input.max ?? Math.max(...values, 0);
  const [left, right, bar, gap, top] = [190, 70, 16, 14, 64];
  const scale = (WIDTH - left - right) / (max || 1);
  const parts: string[] = [];
  let y = top;
  for (const group of groups) {
    const height = series.length * bar;
    parts.push(text(left - 10, y + height / 2 + 4, group.label, 'end'));
    group.values.forEach((value, i) => {
      if (value === undefined) return;
      const width = Math.max(0, Math.min(max, value)) * scale;
      parts.push(
        `<rect x="${left}" y="${y + i * bar}" width="${width.toFixed(1)}" height="${bar - 3}" rx="2" fill="${colour(i)}"/>`,
        text(left + width + 6, y + i * bar + bar - 5, format(value)),
      );
    });
    y += height + gap;
  }
  return frame(title, legend(series), parts, y + 6);
}

export interface Line {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Lines over numeric axes that begin at the smallest x and at `yMin` (0 by default). */
export function lineChart(input: {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly lines: readonly Line[];
  readonly yMin?: number;
  readonly yMax?: number;
}): string {
  const { title, xLabel, yLabel, lines, yMin = 0 } = input;
  const all = lines.flatMap((line) => line.points);
  const xs = all.map(([x]) => x);
  const [xMin, xMax] = [Math.min(...xs), Math.max(...xs)];
  const yMax = input.yMax ?? Math.max(...all.map(([, y]) => y), yMin + Number.EPSILON);
  const [left, right, top, height] = [64, 24, 64, 300];
  const px = (x: number) => left + ((x - xMin) / (xMax - xMin || 1)) * (WIDTH - left - right);
  const py = (y: number) => top + height - ((y - yMin) / (yMax - yMin || 1)) * height;
  const parts: string[] = [];
  for (let i = 0; i <= 4; i++) {
    const [x, y] = [xMin + ((xMax - xMin) * i) / 4, yMin + ((yMax - yMin) * i) / 4];
    parts.push(
      `<line x1="${left}" x2="${WIDTH - right}" y1="${py(y).toFixed(1)}" y2="${py(y).toFixed(1)}" stroke="#8884"/>`,
      text(left - 8, py(y) + 4, short(y), 'end'),
      text(px(x), top + height + 18, short(x), 'middle'),
    );
  }
  lines.forEach((line, i) => {
    const points = line.points.map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`).join(' ');
    parts.push(`<polyline points="${points}" fill="none" stroke="${colour(i)}" stroke-width="2"/>`);
    for (const [x, y] of line.points)
      parts.push(`<circle cx="${px(x).toFixed(1)}" cy="${py(y).toFixed(1)}" r="3" fill="${colour(i)}"/>`);
  });
  parts.push(text(left, top - 10, yLabel), text(WIDTH - right, top + height + 36, xLabel, 'end'));
  return frame(title, legend(lines.map((line) => line.label)), parts, top + height + 46);
}

function colour(i: number): string {
  return COLOURS[i % COLOURS.length]!;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function text(x: number, y: number, words: string, anchor = 'start'): string {
  const safe = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${safe}</text>`;
}

function legend(names: readonly string[]): string[] {
  let x = 10;
  return names.map((name, i) => {
    const entry = `<rect x="${x}" y="34" width="12" height="12" rx="2" fill="${colour(i)}"/>${text(x + 18, 44, name)}`;
    x += 34 + name.length * 7;
    return entry;
  });
}

function frame(title: string, head: readonly string[], body: readonly string[], height: number): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" font-family="system-ui, sans-serif" font-size="12" fill="#444">`,
    `<title>${title.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff" rx="6"/>`,
    `<g font-size="15" font-weight="600">${text(10, 22, title)}</g>`,
    ...head,
    ...body,
    '</svg>',
    '',
  ].join('\n');
}
