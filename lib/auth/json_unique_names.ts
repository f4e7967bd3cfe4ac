/** Finds what `JSON.parse` hides: a member that an object names twice, of which another reader may take the first. */

// a string with the colon that makes it a name, or a bracket
const TOKENS = /("(?:[^"\\]|\\.)*")\s*(:?)|[{}[\]]/g;

/** Whether the object `json`, which is valid JSON, names no member of its top level twice. */
export function hasUniqueNames(json: string): boolean {
  const names = new Set<string>();
  let depth = 0;
  for (const [token, text, colon] of json.matchAll(TOKENS)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (colon && depth === 1) {
      const name = JSON.parse(text!) as string;
      if (names.has(name)) return false;
      names.add(name);
    }
  }
  return true;
}
