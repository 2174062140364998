import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Where a command talks to people (`err`) and hands out data (`out`). Made once in main.ts from the process's streams. */
export interface Terminal {
  /** Data: what a script reads. One call is one line or block; a newline is added. */
  out(text: string): void;
  /** Talk: progress, warnings, errors. A newline is added. */
  err(text: string): void;
  /** Writes to standard error as it is, for lines that are drawn again. */
  draw(text: string): void;
  /** Whether standard error is a terminal, so that progress may be drawn. */
  readonly isInteractive: boolean;
  /** Columns of the terminal, 80 when unknown. */
  readonly columns: number;
  /** Colours `text` for standard output or error if that stream shows colours (NO_COLOR and FORCE_COLOR are respected). */
  paint(style: Style, text: string, stream?: "out" | "err"): string;
}

/** Environment variables that decide about colours. */
export interface ColourSettings {
  readonly noColor: boolean;
  readonly forceColor: boolean;
}

export function createTerminal(
  stdout: NodeJS.WriteStream,
  stderr: NodeJS.WriteStream,
  colours: ColourSettings,
): Terminal {
  const shows = (stream: NodeJS.WriteStream) => !colours.noColor && (colours.forceColor || stream.isTTY);
  return {
    out: (text) => void stdout.write(`${text}\n`),
    err: (text) => void stderr.write(`${text}\n`),
    draw: (text) => void stderr.write(text),
    isInteractive: stderr.isTTY,
    get columns() {
      return stderr.columns ?? 80;
    },
    paint: (style, text, stream = "out") =>
      shows(stream === "out" ? stdout : stderr) ? styleText(style, text, { validateStream: false }) : text,
  };
}
