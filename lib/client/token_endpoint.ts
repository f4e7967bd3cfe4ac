/**
 * A `getToken` for pages whose server issues tokens by an endpoint: keeps the last token in memory and nowhere else.
 * Beside `mod.ts`, not in it: who gets tokens elsewhere does not pay for it.
 */
import type { GetToken } from "./token_source.ts";

/**
 * Makes a `getToken` that posts to `url` and reads `{ token }` out of the answer. It asks when there is no token yet
 * or a new one is wanted; 401 and 403 mean that the user is signed out, anything else that is not good is an error
 * that is tried again.
 *
 * ```ts
 * import { createConnection } from "@tether/tether/client";
 *
 * const connection = createConnection({ getToken: createTokenEndpoint("/api/auth/refresh") });
 * ```
 */
export function createTokenEndpoint(url: string): GetToken {
  let token: string | null = null;
  return async ({ refresh, signal }) => {
    if (token !== null && !refresh) return token;
    const response = await fetch(url, { method: "POST", signal });
    if (response.status === 401 || response.status === 403) return token = null;
    if (!response.ok) throw new Error(`Cannot get a token: the server answered ${response.status}`);
    token = (await response.json() as { token: string }).token;
    return token;
  };
}
