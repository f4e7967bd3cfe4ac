/** The composition root: reads the settings, builds every part, and exports the app for the build and the server. */
import { App, staticFiles } from "fresh";
import { withRevocation } from "./lib/auth/revocation_check.ts";
import { createConfiguredKeys } from "./lib/auth/configured_keys.ts";
import { createDemo } from "./lib/auth/demo_sign_in.ts";
import { firstUserInFile, firstUserInMemory } from "./lib/auth/first_user.ts";
import { createIssuer } from "./lib/auth/issuer.ts";
import { createRevocations } from "./lib/auth/revocations.ts";
import { loadSecret } from "./lib/auth/secret_file.ts";
import { createVerifier } from "./lib/auth/verifier.ts";
import { type Config, ConfigError, loadConfig } from "./lib/config.ts";
import { openDatabase } from "./lib/data_dir.ts";
import { createLog, type Log } from "./lib/log.ts";
import { createMetrics } from "./lib/metrics.ts";
import { createChannels } from "./lib/channel/service.ts";
import { SOCKET_PATH } from "./lib/protocol/events.ts";
import { nodeId } from "./lib/protocol/ids.ts";
import { listPresence } from "./lib/socket/presence_view.ts";
import { createSocketServer } from "./lib/socket/server.ts";
import { createRoster } from "./lib/roster/node_roster.ts";
import { securityHeaders } from "./lib/web/security_headers.ts";
import type { Services } from "./lib/web/services.ts";
import type { State } from "./lib/web/request_state.ts";
import { starting } from "./lib/start_error.ts";
import { createRequestLimits } from "./lib/web/request_limits.ts";
import { createStores } from "./stores.ts";

/** The running server, for the process that serves it. */
export interface Tether extends AsyncDisposable {
  readonly config: Config;
  readonly log: Log;
  readonly services: Services;
  /** Answers the requests below {@linkcode SOCKET_PATH}. */
  handleSocket(request: Request, info: Deno.ServeHandlerInfo): Promise<Response>;
  /** Turns away new sessions and ends the open ones, each with its own time to come back. */
  drain(options?: { withinMs?: number }): Promise<void>;
  /** While memory runs low, nobody new is let in. */
  relieve(isHigh: boolean): void;
}

/** Builds every part of the server. */
async function createTether(config: Config): Promise<Tether> {
  await using stack = new AsyncDisposableStack();
  const { jwt, dataDir } = config;
  const node = nodeId(crypto.randomUUID());
  const log = createLog({ level: config.logLevel, format: config.logFormat });
  const metrics = createMetrics();
  const failed = (what: string) => (error: unknown): void => {
    metrics.loopErrors.inc({ loop: what });
    log.error(`${what} failed and will be tried again`, { error });
  };

  const kv = stack.adopt(await openDatabase(dataDir), (kv) => kv.close());

  const secret = jwt.secret ?? (config.demo && dataDir !== null ? await loadSecret(dataDir) : undefined);
  const keys = stack.use(
    await createConfiguredKeys({
      ...jwt,
      secret,
      onError: failed("Fetching the keys"),
    }).catch((error: Error) => Promise.reject(new ConfigError([`JWT settings: ${error.message}`]))),
  );
  const stores = await createStores({ config, nodeId: node, kv, log, metrics, stack });
  const { fleet } = stores;

  const revocations = createRevocations({
    store: stores.revocations,
    whenStoreDown: config.whenStoreDown,
    clockToleranceS: jwt.clockToleranceS,
    ...(jwt.expiresInS !== null && { issuedLifeMs: jwt.expiresInS * 1000 }),
    publish: (revocation) => fleet?.bus.publish("revocation", revocation),
    onError: failed("Revocation"),
  });
  fleet?.bus.on("revocation", revocations.receive);
  const verifier = createVerifier({ ...jwt, keys, requireExpiry: jwt.expiresInS !== null });

  const channels = await createChannels({
    store: stores.channels,
    isLimited: config.eventsPerSecond > 0,
    publicChannels: config.publicChannels,
  });

  const roster = stack.use(createRoster({
    store: stores.roster,
    nodeId: node,
    leaseMs: 3 * config.heartbeatIntervalMs,
    graceMs: config.presenceGraceMs,
    log,
    onError: () => metrics.loopErrors.inc({ loop: "Roster" }),
  }));
  const socketServer = stack.use(createSocketServer({
    nodeId: node,
    ...{ config, verifier, revocations, roster, channels, log, metrics },
    ...(fleet !== undefined && { fleet }),
  }));
  metrics.gauge("tether_sessions", { help: "Sessions on this node", read: () => socketServer.size });

  const signIn = config.demo
    ? createDemo({
      issuer: await createIssuer({ ...jwt, secret: secret! }),
      isFirst: dataDir === null ? firstUserInMemory() : firstUserInFile(`${dataDir}/first-user`),
    })
    : null;
  if (config.demo) {
    log.warn(
      "Demo mode: everybody may sign in by name. Set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL to end it.",
    );
  }
  if (config.corsOrigins.includes("*")) log.warn("CORS_ALLOW_ORIGIN is *: pages of every site may connect.");

  let draining = false;
  const owned = stack.move();
  return {
    config,
    log,
    services: {
      authenticate: withRevocation(verifier, revocations).verify,
      signIn,
      signOut: revocations.revokeToken,
      limits: config.eventsPerSecond === 0
        ? { take: () => Promise.resolve() }
        : createRequestLimits({ redis: stores.redis, prefix: config.redis?.keyPrefix ?? "" }),
      administration: {
        sessions: roster.page,
        endSession: socketServer.endAnywhere,
        revokeUser: revocations.revokeUser,
        restoreUser: revocations.restoreUser,
      },
      allowedOrigins: config.corsOrigins,
      failed: (error) => log.error("A request failed", { error }),
      presence: (viewer, query) => listPresence(viewer, query, { roster, channels }),
      channels,
      outbound: socketServer.outbound,
      serviceToken: config.serviceToken,
      callTimeoutMs: config.callTimeoutMs,
      maxPayloadBytes: config.maxPayloadBytes,
      readiness() {
        const reason = draining ? "draining" : stores.problem();
        return reason === undefined ? { ready: true } : { ready: false, reason };
      },
      metrics,
      metricsToken: config.metricsToken,
    },
    handleSocket: socketServer.handle,
    relieve: socketServer.relieve,
    drain(options) {
      draining = true;
      return socketServer.drain(options);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The server of this process. */
export const tether: Tether = await starting(() => createTether(loadConfig(Deno.env.toObject())));

/** The app: the socket first, so that no page middleware touches an upgrade; then pages and endpoints. */
export const app: App<State> = new App<State>({ trustProxy: tether.config.trustProxy })
  .all(`${SOCKET_PATH}*`, (ctx) => tether.handleSocket(ctx.req, ctx.info as Deno.ServeHandlerInfo))
  .use(...securityHeaders)
  .use(staticFiles())
  .use((ctx) => {
    ctx.state.services = tether.services;
    return ctx.next();
  })
  .fsRoutes();
