import type { Visit } from "./run-program.ts";

const START = "argument: one\nargument: two three\nGREETING: good day\nfrom stdin\n";
const FILES = "read: hello\nfile: input.txt\nfile: output.txt\n";
const END = "random: ok\nclock: ok\n";
const ENDING = { exitCode: 3, message: "", stderr: "to stderr\n" };

/** What a tour (guests/programs/README.md) does as a command. */
export const TOUR: Visit = { ...ENDING, stdout: START + FILES + END, output: "written" };

/** The same of a language whose library has no files. */
export const TOUR_WITHOUT_FILES: Visit = { ...ENDING, stdout: START + END, output: undefined };

/** What it prints as a handler, request by request. */
export const ANSWERS = ["first", "second"].map((query) => [
  `content-type: text/plain\n\nPOST /path ${query}\na body\n`,
  { kind: "exited", code: 0, cpuMs: 0 },
]);
