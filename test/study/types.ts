/** A study answers one question about attribution with data, controls and figures, and writes its page itself. */
export interface Study {
  readonly name: string;
  readonly title: string;
  run(context: StudyContext): Promise<StudyPage>;
}

export interface StudyContext {
  /** Folder of data that is not part of this repository (`data/digits.csv.gz` and others), if it is present. */
  readonly vectors: string | undefined;
  /** Drives every random choice of the study. */
  readonly seed: number;
  /** Says what the study is at, for whoever waits. */
  progress(text: string): void;
}

/** What becomes `docs/attribution/<name>.md`; figures are named in the text as `![...](<name>-<figure>.svg)`. */
export interface StudyPage {
  /** Without the title and the line on how it was made: the runner writes both. */
  readonly markdown: string;
  /** Data sets and where they come from, one a line. */
  readonly data: readonly string[];
  readonly figures: Readonly<Record<string, string>>;
  /** What the study found broken, one a line: the page is written, and the command ends with an error. */
  readonly failures?: readonly string[];
}
