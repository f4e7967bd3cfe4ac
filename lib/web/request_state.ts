/** What a request carries from middleware to page: the services it may ask, and who is asking. */
import type { Identity } from "../auth/claims.ts";
import type { ProtocolError } from "../protocol/codes.ts";
import type { Services } from "./services.ts";

/** `ctx.state` of every route. */
export interface State {
  services: Services;
  /** Whose cookie or bearer token came with the request and is good. */
  identity?: Identity;
  /** Why the token that came with the request is not good. */
  refused?: ProtocolError;
}
