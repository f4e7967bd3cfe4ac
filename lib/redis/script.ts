/** Lua scripts: their text, and the digest under which a server keeps them. */
import { createHash } from "node:crypto";

/** A script to hand to `Redis.run`. Its text opens with a table of its KEYS and ARGV. */
export interface Script {
  readonly lua: string;
  /** SHA-1 of the text, in hex. */
  readonly digest: string;
}

export function script(lua: string): Script {
  let digest: string | undefined;
  return {
    lua,
    get digest() {
      return digest ??= createHash("sha1").update(lua).digest("hex");
    },
  };
}
