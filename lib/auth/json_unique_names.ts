/** Finds what `JSON.parse` hides: a member that an object names twice, of which another reader may take the first. */

const QUOTE = 0x22, BACKSLASH = 0x5c, COLON = 0x3a;

/** Whether the object `json`, which is valid JSON, names no member of its top level twice. It runs for every new token. */
export function hasUniqueNames(json: string): boolean {
  let depth = 0, names = 0;
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at);
    // brackets and braces differ from each other in the sixth bit only
    if (char === QUOTE) at = endOfString(json, at);
    else if ((char | 0x20) === 0x7b) depth++;
    else if ((char | 0x20) === 0x7d) depth--;
    else if (char === COLON && depth === 1) names++;
  }
  return names === Object.keys(JSON.parse(json)).length;
}

function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (json.charCodeAt(at) !== QUOTE) at += json.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}
