/** What a request's path says. Fresh's `params` leave `/`, `:`, `@` and their like encoded, which would be another id. */
import { ProtocolError } from "../protocol/codes.ts";

/** The segments of the path after `/api/`, decoded; throws `request/invalid` where they cannot be. */
export function segmentsOf(url: URL): string[] {
  try {
    return url.pathname.split("/").slice(2).map(decodeURIComponent);
  } catch (error) {
    throw new ProtocolError("request/invalid", "The path is not well encoded.", { cause: error });
  }
}
