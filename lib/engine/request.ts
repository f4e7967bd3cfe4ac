/** The handshake request as Socket.IO reads it, copied before an upgrade takes the original away. */

/** What the engine needs of `Deno.ServeHandlerInfo`. */
export interface RequestInfo {
  /** The peer of the TCP connection. */
  readonly remoteAddr: Deno.Addr;
  /** Settles when the response was sent or the client went away; absent outside of `Deno.serve`. */
  readonly completed?: Promise<void>;
}

/** A plain copy of a request: names of headers in lower case, several values joined by `", "`. */
export interface EngineRequest {
  readonly method: string;
  /** Path and query, as `node:http` has it. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** The name under which Socket.IO looks for `query`. */
  readonly _query: Readonly<Record<string, string>>;
  /** The client's IP address; `""` when the connection has none. */
  readonly remoteAddress: string;
  readonly connection: { readonly encrypted: boolean; readonly remoteAddress: string };
}

/** Copies `request`. `trustedProxies` is how many hops of `X-Forwarded-For` are believed, counted from its end. */
export function readRequest(
  request: Request,
  { url, info, trustedProxies }: { url: URL; info: RequestInfo; trustedProxies: number },
): EngineRequest {
  const headers = recordOf(request.headers), query = recordOf(url.searchParams);
  const trusts = trustedProxies > 0;
  const remoteAddress = trusts && forwardedFor(headers["x-forwarded-for"], trustedProxies) ||
    peerAddress(info);
  const protocol = trusts && lastOf(headers["x-forwarded-proto"]) || url.protocol.slice(0, -1);
  return {
    method: request.method,
    url: url.pathname + url.search,
    headers,
    query,
    _query: query,
    remoteAddress,
    connection: { encrypted: protocol === "https", remoteAddress },
  };
}

/** Not by its iterator, which makes three objects a pair. */
function recordOf(pairs: Headers | URLSearchParams): Record<string, string> {
  const record: Record<string, string> = {};
  pairs.forEach((value, name) => record[name] = value);
  return record;
}

/** The address that the outermost trusted proxy saw; a shorter list means that fewer proxies were passed. */
function forwardedFor(header: string | undefined, trustedProxies: number): string {
  const hops = (header ?? "").split(",").map((hop) => hop.trim()).filter((hop) => hop !== "");
  return hops.at(-trustedProxies) ?? hops[0] ?? "";
}

function lastOf(header: string | undefined): string {
  return header?.split(",").at(-1)?.trim() ?? "";
}

function peerAddress({ remoteAddr }: RequestInfo): string {
  return "hostname" in remoteAddr ? remoteAddr.hostname : "";
}
