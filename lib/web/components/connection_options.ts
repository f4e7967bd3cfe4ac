/** How the islands of this app connect: all of them share the one connection that these options name. */
import type { ConnectionOptions } from "../../client/mod.ts";
import { createTokenEndpoint } from "../../client/token_endpoint.ts";

/** Options for `useConnection`. */
export const connectionOptions: ConnectionOptions = { getToken: createTokenEndpoint("/api/auth/refresh") };
