/** Answers what no handler should see: Fresh 2.3 ends each of these in a 500 and an error in the log. */
import { ProtocolError } from "../protocol/codes.ts";
import { errorAnswer } from "./responses.ts";
import { withSecurityHeaders } from "./security_headers.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

interface GuardOptions {
  /**
   * Whether only requests to this machine are answered, by its addresses and its own names: a page elsewhere can have a
   * name of its own lead here (DNS rebinding), and in demo mode everybody who comes is let in.
   */
  ownNamesOnly?: boolean;
  /** Names beside `localhost` and addresses. */
  names?: readonly string[];
}

/**
 * The guard before what answers requests: 405 to an unknown method, 400 to an address that cannot be read, 421 to a name
 * that is none of this machine's.
 */
export function guardRequests(
  handler: Deno.ServeHandler,
  { ownNamesOnly = false, names = [] }: GuardOptions = {},
): Deno.ServeHandler {
  const own = new Set(["localhost", ...names.map((name) => name.toLowerCase())]);

  function isOwn(url: string): boolean {
    const { hostname } = new URL(url);
    return own.has(hostname) || hostname.endsWith(".localhost") || /^[\d.]+$|^\[/.test(hostname);
  }

  return (request, info) => {
    if (!METHODS.includes(request.method)) {
      const answer = refuse("There is no such method.", 405);
      answer.headers.set("allow", METHODS.join(", "));
      return answer;
    }
    if (!isReadable(request.url)) return refuse("The address cannot be read.", 400);
    if (ownNamesOnly && !isOwn(request.url)) {
      return refuse("In demo mode this server answers to localhost and to its addresses only.", 421);
    }
    return handler(request, info);
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
