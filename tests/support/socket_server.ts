/** The Socket.IO side of Tether in the test's own process, so that a test can hold its stores in hand. Real sockets. */
import type { RevocationStore } from "../../lib/auth/revocation_store.ts";
import { createRevocations, type Revocations } from "../../lib/auth/revocations.ts";
import { createSecretKeys } from "../../lib/auth/secret_keys.ts";
import { createVerifier } from "../../lib/auth/verifier.ts";
import { type ChannelService, createChannels } from "../../lib/channel/service.ts";
import type { ChannelStore } from "../../lib/channel/store.ts";
import { type Environment, loadConfig } from "../../lib/config.ts";
import { createLog } from "../../lib/log.ts";
import { createMetrics } from "../../lib/metrics.ts";
import { nodeId } from "../../lib/protocol/ids.ts";
import { createSocketServer, type SocketServer, type SocketServerConfig } from "../../lib/socket/server.ts";
import { createMemoryRosterStore } from "../../lib/roster/memory_store.ts";
import { createRoster } from "../../lib/roster/node_roster.ts";
import type { Roster } from "../../lib/roster/roster.ts";
import type { RosterStore } from "../../lib/roster/store.ts";
import { openChannelStore, openRevocationStore } from "./kv_stores.ts";
import { TEST_SECRET } from "./test_secret.ts";

/** Options of {@linkcode startSocketServer}. */
export interface SocketTestServerOptions {
  /** Settings, by their names in the environment. */
  env?: Environment;
  /** What the settings do not allow. */
  config?: Partial<SocketServerConfig>;
  revocationStore?: RevocationStore;
  rosterStore?: RosterStore;
  channelStore?: ChannelStore;
}

/** A running server. */
export interface SocketTestServer extends AsyncDisposable {
  readonly url: string;
  readonly socketServer: SocketServer;
  readonly revocations: Revocations;
  readonly roster: Roster;
  readonly channels: ChannelService;
}

/** Starts a server that takes the tokens of `testToken()`. */
export async function startSocketServer(options: SocketTestServerOptions = {}): Promise<SocketTestServer> {
  await using stack = new AsyncDisposableStack();
  const config = { ...loadConfig({ JWT_SECRET: TEST_SECRET, ...options.env }), ...options.config };
  const log = createLog({ level: "silent", format: "json" });
  const id = nodeId(crypto.randomUUID());
  const { rosterStore: store = await createMemoryRosterStore({ savedMs: 120_000 }) } = options;
  const { channelStore = stack.use(await openChannelStore()) } = options;

  const revocations = createRevocations({
    store: options.revocationStore ?? stack.use(await openRevocationStore()),
    whenStoreDown: config.whenStoreDown,
  });
  const keys = stack.use(await createSecretKeys({ secret: TEST_SECRET }));
  const verifier = createVerifier({ keys, clockToleranceS: config.jwt.clockToleranceS });
  const { eventsPerSecond, publicChannels } = config;
  const channels = await createChannels({
    store: channelStore,
    publicChannels,
    isLimited: eventsPerSecond > 0,
  });
  const roster = stack.use(
    createRoster({ store, log, nodeId: id, leaseMs: 90_000, graceMs: config.presenceGraceMs }),
  );
  const socketServer = stack.use(createSocketServer({
    ...{ config, nodeId: id, verifier, revocations, roster, channels, log },
    metrics: createMetrics(),
  }));
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request, info) => socketServer.handle(request, info),
  );
  stack.defer(() => server.shutdown());

  const owned = stack.move();
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    socketServer,
    revocations,
    roster,
    channels,
    // the sockets first: a server waits for those that are open
    async [Symbol.asyncDispose]() {
      await socketServer[Symbol.asyncDispose]();
      await owned.disposeAsync();
    },
  };
}
