/** The HTTP endpoints as a client in any language sees them. */

/** What came back. */
export interface ApiAnswer {
  status: number;
  headers: Headers;
  /** The JSON body. */
  // deno-lint-ignore no-explicit-any -- tests look into it as they expect it to be
  body: any;
}

/** Sends a request; a body goes out as JSON. */
export type Api = (route: string, body?: unknown, options?: { signal?: AbortSignal }) => Promise<ApiAnswer>;

/** Makes a client of the server at `url` that shows `token`; a route is written `"POST /api/events"`. */
export function apiClient(url: string, token?: string): Api {
  return async (route, body, { signal } = {}) => {
    const [method, path] = route.split(" ");
    const response = await fetch(url + path, {
      method: method!,
      redirect: "manual",
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
  };
}
