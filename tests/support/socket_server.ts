/** The Socket.IO side of Tether in the test's own process, so that a test can hold its stores in hand. Real sockets. */
import { createMemoryRevocationStore } from "../../lib/auth/memory_revocation_store.ts";
import type { RevocationStore } from "../../lib/auth/revocation_store.ts";
import { createRevocations, type Revocations } from "../../lib/auth/revocations.ts";
import { createSecretKeys } from "../../lib/auth/secret_keys.ts";
import { createVerifier } from "../../lib/auth/verifier.ts";
import { createMemoryChannelStore } from "../../lib/channel/memory_store.ts";
import { type ChannelService, createChannels } from "../../lib/channel/service.ts";
import type { ChannelStore } from "../../lib/channel/store.ts";
import { type Environment, loadConfig } from "../../lib/config.ts";
import { createLog } from "../../lib/log.ts";
import { createMetrics } from "../../lib/metrics.ts";
import { createMemoryPresenceStore } from "../../lib/presence/memory_store.ts";
import { createPresence } from "../../lib/presence/service.ts";
import { nodeId } from "../../lib/protocol/ids.ts";
import { createSocketServer, type SocketServer, type SocketServerConfig } from "../../lib/socket/server.ts";
import { createSessionDirectory } from "../../lib/session/directory.ts";
import { createMemorySessionStore } from "../../lib/session/memory_store.ts";
import type { SessionStore } from "../../lib/session/store.ts";
import { createMemoryUsageStore } from "../../lib/usage/memory_store.ts";
import { createUsage } from "../../lib/usage/service.ts";
import { TEST_SECRET } from "./test_secret.ts";

/** Options of {@linkcode startSocketServer}. */
export interface SocketTestServerOptions {
  /** Settings, by their names in the environment. */
  env?: Environment;
  /** What the settings do not allow. */
  config?: Partial<SocketServerConfig>;
  revocationStore?: RevocationStore;
  sessionStore?: SessionStore;
  channelStore?: ChannelStore;
}

/** A running server. */
export interface SocketTestServer extends AsyncDisposable {
  readonly url: string;
  readonly socketServer: SocketServer;
  readonly revocations: Revocations;
  readonly channels: ChannelService;
}

/** Starts a server that takes the tokens of `testToken()`. */
export async function startSocketServer(options: SocketTestServerOptions = {}): Promise<SocketTestServer> {
  await using stack = new AsyncDisposableStack();
  const config = { ...loadConfig({ JWT_SECRET: TEST_SECRET, ...options.env }), ...options.config };
  const log = createLog({ level: "silent", format: "json" });
  const id = nodeId(crypto.randomUUID());
  const onError = (): void => {};
  const { sessionStore: store = createMemorySessionStore(), channelStore = createMemoryChannelStore() } =
    options;

  const revocations = createRevocations({
    store: options.revocationStore ?? createMemoryRevocationStore(),
    whenStoreDown: config.whenStoreDown,
  });
  const keys = stack.use(await createSecretKeys({ secret: TEST_SECRET }));
  const verifier = createVerifier({ keys, clockToleranceS: config.jwt.clockToleranceS });
  const presenceStore = await createMemoryPresenceStore({ graceMs: config.presenceGraceMs });
  stack.defer(() => presenceStore.close());
  const presence = createPresence({ store: presenceStore, nodeId: id, onError });
  stack.defer(() => presence.close());
  const channels = await createChannels({ store: channelStore });
  const usage = createUsage({ store: createMemoryUsageStore(), nodeId: id, onError });
  stack.defer(() => usage.close());
  const sessions = stack.use(createSessionDirectory({ store, log, nodeId: id, leaseMs: 90_000 }));
  const socketServer = stack.use(createSocketServer({
    ...{ config, nodeId: id, verifier, revocations, store, sessions, presence, channels, usage, log },
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
    channels,
    // the sockets first: a server waits for those that are open
    async [Symbol.asyncDispose]() {
      await socketServer[Symbol.asyncDispose]();
      await owned.disposeAsync();
    },
  };
}
