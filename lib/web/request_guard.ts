/** Answers what no handler should see: Fresh 2.3 ends both of these in a 500 and an error in the log. */
import { ProtocolError } from "../protocol/codes.ts";
import { errorAnswer } from "./responses.ts";
import { withSecurityHeaders } from "./security_headers.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Puts the guard before what answers requests: 405 to an unknown method, 400 to a path that cannot be decoded. */
export function guardRequests(handler: Deno.ServeHandler): Deno.ServeHandler {
  return (request, info) => {
    if (!METHODS.includes(request.method)) {
      const answer = refuse("There is no such method.", 405);
      answer.headers.set("allow", METHODS.join(", "));
      return answer;
    }
    return isDecodable(request.url) ? handler(request, info) : refuse("The path is not well encoded.", 400);
  };
}

function refuse(message: string, status: number): Response {
  return withSecurityHeaders(errorAnswer(new ProtocolError("request/invalid", message), { status }));
}

function isDecodable(url: string): boolean {
  if (!url.includes("%")) return true;
  try {
    decodeURI(new URL(url).pathname);
    return true;
  } catch {
    return false;
  }
}
