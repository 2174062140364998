// The tour (README.md) without its files, which AssemblyScript's shim has no functions for.
function variable(name: string): string {
  return process.env.has(name) ? process.env.get(name) : "";
}

function copyInput(): void {
  const piece = new ArrayBuffer(256);
  for (let count = process.stdin.read(piece); count > 0; count = process.stdin.read(piece)) {
    process.stdout.write(piece.slice(0, count));
  }
}

function tour(): void {
  for (let at = 1; at < process.argv.length; at++) console.log("argument: " + process.argv[at]);
  console.log("GREETING: " + variable("GREETING"));
  copyInput();
  process.stderr.write("to stderr\n");
  if (Math.random() != Math.random()) console.log("random: ok");
  if (Date.now() > 1600000000000) console.log("clock: ok");
  process.exit(3);
}

if (process.env.has("REQUEST_METHOD")) {
  console.log("content-type: text/plain\n");
  console.log(variable("REQUEST_METHOD") + " " + variable("PATH_INFO") + " " + variable("QUERY_STRING"));
  copyInput();
} else {
  tour();
}
