/** Answers what no handler should see: Fresh 2.3 ends each of these in a 500 and an error in the log. */
import { ProtocolError } from "../protocol/codes.ts";
import { errorAnswer } from "./responses.ts";
import { withSecurityHeaders } from "./security_headers.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** The guard before what answers requests: 405 to an unknown method, 400 to an address that cannot be read. */
export function guardRequests(handler: Deno.ServeHandler): Deno.ServeHandler {
  return (request, info) => {
    if (!METHODS.includes(request.method)) {
      const answer = refuse("There is no such method.", 405);
      answer.headers.set("allow", METHODS.join(", "));
      return answer;
    }
    return isReadable(request.url) ? handler(request, info) : refuse("The address cannot be read.", 400);
  };
}

function refuse(message: string, status: number): Response {
  return withSecurityHeaders(errorAnswer(new ProtocolError("request/invalid", message), { status }));
}

/** Whether the host is one, which a client says as it likes, and every "%" of the path is an escape. */
function isReadable(url: string): boolean {
  if (!url.includes("%")) return URL.canParse(url);
  try {
    decodeURI(new URL(url).pathname);
    return true;
  } catch {
    return false;
  }
}
