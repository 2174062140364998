/**
 * Keys of a JSON object in the order they are written. `JSON.parse` moves keys that look like numbers to the front and lets
 * the last of two equal keys win; the order of routes matters (spec/wagi.md 4.3) and a lost key must be told.
 * Throws SyntaxError when the text is not JSON, not an object, or an object anywhere in it has a key twice.
 */
export function objectKeys(text: string): readonly string[] {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new SyntaxError("not a JSON object");
  return scan(text);
}

/** An open object and the keys seen in it, or an open array (no keys). */
interface Level {
  readonly keys: Set<string> | undefined;
  expectsKey: boolean;
}

/** Walks a text already known to be valid JSON. */
function scan(text: string): readonly string[] {
  const open: Level[] = [];
  let top: Level | undefined;
  for (let at = 0; at < text.length; at++) {
    const level = open.at(-1);
    const character = text[at];
    if (character === "{") {
      open.push({ keys: new Set(), expectsKey: true });
      top ??= open[0];
    } else if (character === "[") open.push({ keys: undefined, expectsKey: false });
    else if (character === "}" || character === "]") open.pop();
    else if (character === "," && level) level.expectsKey = level.keys !== undefined;
    else if (character === '"') {
      const end = endOfString(text, at);
      if (level?.expectsKey) addKey(level, JSON.parse(text.slice(at, end)) as string);
      at = end - 1;
    }
  }
  return [...(top?.keys ?? [])];
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function addKey(level: Level, key: string): void {
  // Assigning this key would change an object's prototype instead of adding a property.
  if (key === "__proto__") throw new SyntaxError(`key "${key}" is not allowed`);
  if (level.keys?.has(key)) throw new SyntaxError(`key "${key}" stands there twice`);
  level.keys?.add(key);
  level.expectsKey = false;
}
