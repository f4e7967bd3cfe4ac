/** The connection manager's side of identity against the real server: tokens are renewed in time, and never in a loop. */
import assert from "node:assert/strict";
import {
  type Connection,
  type ConnectionState,
  createConnection,
  type GetToken,
} from "../../lib/client/mod.ts";
import { userId } from "../../lib/protocol/ids.ts";
import { startSocketServer } from "../support/socket_server.ts";
import { testToken } from "../support/tokens.ts";

const SHORT = { JWT_CLOCK_TOLERANCE: "0", AUTH_EXPIRY_NOTICE_S: "1" };

type StateOf<Status> = Extract<ConnectionState, { status: Status }>;

interface Client extends Disposable {
  readonly connection: Connection;
  /** Whether `getToken` was asked to refresh, at each call. */
  readonly refreshes: boolean[];
  /** The first state of this status that is as `test` says. */
  until<Status extends ConnectionState["status"]>(
    status: Status,
    test?: (state: StateOf<Status>) => boolean,
  ): Promise<StateOf<Status>>;
}

function startClient(url: string, getToken: GetToken): Client {
  const refreshes: boolean[] = [];
  const connection = createConnection({
    url,
    getToken: (request) => {
      refreshes.push(request.refresh);
      return getToken(request);
    },
  });
  connection.connect();
  return {
    connection,
    refreshes,
    until<Status extends ConnectionState["status"]>(
      status: Status,
      test: (state: StateOf<Status>) => boolean = () => true,
    ): Promise<StateOf<Status>> {
      const { promise, resolve } = Promise.withResolvers<ConnectionState>();
      connection.subscribe((state) => {
        if (state.status === status && test(state as StateOf<Status>)) resolve(state);
      });
      return promise as Promise<StateOf<Status>>;
    },
    [Symbol.dispose]: () => connection.dispose(),
  };
}

function unauthorized(client: Client): Promise<StateOf<"disconnected">> {
  return client.until("disconnected", ({ reason }) => reason === "unauthorized");
}

Deno.test("a connection that is warned renews its token: same session, no reconnection", async () => {
  await using server = await startSocketServer({ env: SHORT });
  const lives = [3, 60];
  using client = startClient(server.url, () => testToken({ expiresInS: lives.shift()! }));
  const first = await client.until("connected");
  const renewed = await client.until("connected", ({ expiresAt }) => expiresAt !== first.expiresAt);
  assert.equal(renewed.sid, first.sid);
  assert.ok(renewed.expiresAt! > first.expiresAt! + 50_000);
  assert.deepEqual(client.refreshes, [false, true]);
  assert.deepEqual(client.connection.history.map(({ to }) => to), ["connecting", "connected"]);
});

Deno.test("a connection whose user is signed out is told why, when the session has ended", async () => {
  await using server = await startSocketServer({ env: SHORT });
  using client = startClient(server.url, ({ refresh }) => refresh ? null : testToken({ expiresInS: 2 }));
  const { reason, cause } = await unauthorized(client);
  assert.deepEqual([reason, cause?.code], ["unauthorized", "session/expired"]);
  // at the warning and at the end; then no more
  assert.deepEqual(client.refreshes, [false, true, true]);
});

Deno.test("a revoked connection gets a new token and is back", async () => {
  await using server = await startSocketServer();
  // issued after the revocation, by the issuer's clock
  const later = { iat: Math.floor(Date.now() / 1000) + 3 };
  using client = startClient(server.url, ({ refresh }) => testToken(refresh ? { claims: later } : {}));
  const { sid } = await client.until("connected");
  await server.revocations.revokeUser(userId("ada"));
  await client.until("connected", (state) => state.sid !== sid);
  assert.deepEqual(client.refreshes, [false, true]);
});

Deno.test("a refused token leads to one refresh, and a refused refresh to an end", async () => {
  await using server = await startSocketServer();
  const bad = () => testToken({ secret: "another-secret-of-at-least-32-bytes!" });
  {
    using client = startClient(server.url, ({ refresh }) => refresh ? testToken() : bad());
    await client.until("connected");
    assert.deepEqual(client.refreshes, [false, true]);
  }
  {
    using client = startClient(server.url, bad);
    const { cause } = await unauthorized(client);
    assert.equal(cause?.code, "auth/invalid-signature");
    assert.deepEqual(client.refreshes, [false, true]);
  }
  {
    await server.revocations.revokeUser(userId("ada"));
    using client = startClient(server.url, () => testToken({ claims: { iat: 1 } }));
    const { cause } = await unauthorized(client);
    assert.equal(cause?.code, "auth/revoked");
    assert.deepEqual(client.refreshes, [false, true]);
  }
});
