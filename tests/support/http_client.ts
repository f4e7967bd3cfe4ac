/** A browser as far as HTTP goes: keeps one cookie and says where its page comes from. */

/** A JSON answer. */
export interface JsonAnswer {
  status: number;
  headers: Headers;
  // deno-lint-ignore no-explicit-any -- what an endpoint answers is what a test asserts
  body: any;
}

/** Options of {@linkcode HttpClient.ask}. */
export interface AskOptions {
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
}

/** Asks one server. */
export interface HttpClient {
  /** The cookie that is sent, `name=value`. */
  cookie: string | undefined;
  ask(method: string, path: string, options?: AskOptions): Promise<JsonAnswer>;
}

/** Makes a client without a cookie. */
export function httpClient(url: string): HttpClient {
  const client: HttpClient = {
    cookie: undefined,
    async ask(method, path, { headers = {}, json } = {}) {
      const response = await fetch(new URL(path, url), {
        method,
        redirect: "manual",
        headers: {
          ...(client.cookie !== undefined && { cookie: client.cookie }),
          ...(json !== undefined && { "content-type": "application/json" }),
          ...headers,
        },
        ...(json !== undefined && { body: JSON.stringify(json) }),
      });
      const [setCookie] = response.headers.getSetCookie();
      if (setCookie !== undefined) client.cookie = setCookie.split(";", 1)[0];
      const text = await response.text();
      const isJson = response.headers.get("content-type")?.startsWith("application/json");
      return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
    },
  };
  return client;
}
