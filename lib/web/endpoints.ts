/** Endpoints by who may call them. What their work returns is answered as JSON; what it throws, by the middleware. */
import type { Context } from "fresh";
import type { Identity } from "../auth/claims.ts";
import { ProtocolError } from "../protocol/codes.ts";
import type { User } from "../protocol/events.ts";
import { requireAdmin, requireIdentity, requireService } from "./authorization.ts";
import type { State } from "./request_state.ts";
import { json, readJson } from "./responses.ts";
import type { Services } from "./services.ts";

type Handler = (ctx: Context<State>) => Promise<Response>;

/** A request that may be served. */
interface Asked {
  services: Services;
  query: URLSearchParams;
  /** The segments of the path after `/api/`, decoded. Throws `request/invalid` where they cannot be. */
  path(): string[];
  /** The JSON body. Throws `request/invalid` or `request/too-large`. */
  body(): Promise<unknown>;
}

type ByUser = Asked & { identity: Identity; user: Readonly<User> };

/** For who is signed in; `status` is the good answer's. */
export function forUser(work: (asked: ByUser) => unknown, status = 200): Handler {
  return async (ctx) => {
    const identity = requireIdentity(ctx.state);
    return json(await work({ ...asked(ctx), identity, user: identity.user }), { status });
  };
}

/** For administrators. */
export function forAdmin(work: (asked: Asked) => unknown): Handler {
  return async (ctx) => {
    requireAdmin(ctx.state);
    return json(await work(asked(ctx)));
  };
}

/** For the back end, whose bodies may be as large as an event. */
export function forService(work: (asked: Asked) => unknown): Handler {
  return async (ctx) => {
    const { services } = ctx.state;
    requireService(ctx.req, services);
    return json(await work(asked(ctx, services.maxPayloadBytes)));
  };
}

function asked({ req, url, state: { services } }: Context<State>, maxBytes?: number): Asked {
  return {
    services,
    query: url.searchParams,
    path: () => segmentsOf(url),
    body: () => readJson(req, { maxBytes }),
  };
}

// not Fresh's `params`, which leave `/`, `:`, `@` and their like encoded: that would be another id
function segmentsOf({ pathname }: URL): string[] {
  try {
    return pathname.split("/").slice(2).map(decodeURIComponent);
  } catch (error) {
    throw new ProtocolError("request/invalid", "The path is not well encoded.", { cause: error });
  }
}
