/** The transport on socket.io-client against a real Socket.IO server, and the whole connection over it. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Socket as NetSocket } from "node:net";
import { Server, type Socket } from "socket.io";
import {
  type Connection,
  type ConnectionEvents,
  type ConnectionOptions,
  createConnection,
  createSocketIoTransport,
} from "../../lib/client/mod.ts";
import { SOCKET_PATH } from "../../lib/protocol/events.ts";
import { session, stateOf } from "./support.ts";
import { turns } from "../support/turns.ts";
import { until } from "../support/until.ts";

interface RealServer extends AsyncDisposable {
  io: Server;
  url: string;
  /** Handshake tokens, in order. */
  tokens: unknown[];
  /** Events got, in order. */
  got: unknown[][];
  /** What the sessions ended by. */
  ends: string[];
  /** Answers nothing while true. */
  deaf: boolean;
  nextSocket(): Promise<Socket>;
}

/** Two that recover, made outside of the tests: the timer of their recovery lives as long as the process. */
const recovering = [1, 2].map(() => new Server({ connectionStateRecovery: {} }));

async function startServer({ transports, io = new Server() }: {
  transports?: ("websocket" | "polling")[];
  io?: Server;
} = {}): Promise<RealServer> {
  const http = createServer();
  io.attach(http, { path: SOCKET_PATH, ...transports && { transports } });
  const tokens: unknown[] = [];
  const got: unknown[][] = [];
  const ends: string[] = [];
  io.use((socket, next) => {
    const { token, protocol } = socket.handshake.auth;
    assert.equal(protocol, 1);
    tokens.push(token);
    if (token !== "stale") return next();
    next(
      Object.assign(new Error("The token has expired."), {
        data: { code: "auth/expired", action: "reauth" },
      }),
    );
  });
  io.on("connection", (socket) => {
    socket.emit("session:ready", { ...session, sid: socket.id, recovered: socket.recovered });
    socket.on("disconnect", (reason) => ends.push(reason));
    socket.onAny((event, payload, ack) => {
      got.push([event, payload]);
      if (server.deaf) return;
      if (event === "presence:list") ack({ ok: true, users: [] });
      else if (event === "usage") ack?.({ ok: false, error: { code: "request/invalid", message: "no" } });
      else ack?.({ ok: true, serverTime: Date.now() });
    });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const server: RealServer = {
    io,
    deaf: false,
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    tokens,
    got,
    ends,
    nextSocket: () => new Promise((resolve) => io.once("connection", resolve)),
    async [Symbol.asyncDispose]() {
      await io.close();
      await turns();
    },
  };
  return server;
}

function next<Name extends keyof ConnectionEvents>(
  connection: Connection,
  name: Name,
): Promise<ConnectionEvents[Name][0]> {
  return new Promise((resolve) => {
    const off = connection.on(name, (...args) => {
      off();
      resolve(args[0]);
    });
  });
}

function open(server: RealServer, options: Partial<ConnectionOptions> = {}): Connection {
  return createConnection({ url: server.url, getToken: () => "good", backoff: () => 1, ...options });
}

Deno.test("connection over socket.io connects, joins, asks and hears", async () => {
  await using server = await startServer();
  using connection = open(server);
  const socket = server.nextSocket();
  const users = connection.request("presence:list", {});
  connection.connect();
  assert.deepEqual(await users, { users: [] });
  assert.equal(stateOf(connection, "connected").transport, "websocket");
  assert.deepEqual(server.got.map(([event]) => event).filter((event) => event !== "heartbeat"), [
    "user-join",
    "presence:list",
  ]);
  await assert.rejects(connection.request("usage", { model: "" }), {
    code: "request/invalid",
    message: "no",
  });
  const heard = next(connection, "usage");
  (await socket).emit("usage", { models: ["m"] });
  assert.deepEqual(await heard, { models: ["m"] });
  connection.on("events", (_, answer) => answer?.("here"));
  assert.equal(await (await socket).timeout(2000).emitWithAck("events", {}), "here");
});

Deno.test("connection over socket.io recovers the session and its missed events on the same socket", async () => {
  await using server = await startServer({ io: recovering[0] });
  using connection = open(server);
  const first = server.nextSocket();
  connection.connect();
  const { sid } = await next(connection, "connect");
  const heard = next(connection, "usage");
  (await first).emit("usage", { models: ["before"] }); // recovery needs one event with an offset
  await heard;

  const models: string[][] = [];
  connection.on("usage", (payload) => models.push(payload.models));
  const again = next(connection, "connect");
  connection.on("disconnect", () => server.io.emit("usage", { models: ["missed"] }));
  (await first).conn.close();
  const state = await again;
  assert.equal(state.recovered, true);
  assert.equal(state.sid, sid);
  assert.deepEqual(models, [["missed"]]);

  connection.on("resync", () => assert.fail("nothing was missed"));
  const third = next(connection, "connect");
  connection.reconnect();
  assert.equal((await third).recovered, true, "a line cut by the client can be recovered too");
  assert.equal(server.io.engine.clientsCount, 1);
});

Deno.test("connection over socket.io gets a new token when the first is refused", async () => {
  await using server = await startServer();
  using connection = open(server, { getToken: ({ refresh }) => refresh ? "good" : "stale" });
  const refused = next(connection, "connect_error");
  connection.connect();
  assert.equal((await refused).code, "auth/expired");
  await next(connection, "connect");
  assert.deepEqual(server.tokens, ["stale", "good"]);
});

Deno.test("connection over socket.io comes back after the server disconnects it", async () => {
  await using server = await startServer();
  using connection = open(server);
  const first = server.nextSocket();
  connection.connect();
  await next(connection, "connect");
  const lost = next(connection, "disconnect");
  const resync = next(connection, "resync");
  (await first).disconnect();
  assert.deepEqual(await lost, { kind: "lost", message: "io server disconnect" });
  assert.equal(await resync, "reconnected");
});

Deno.test("connection over socket.io falls back to polling", async () => {
  await using server = await startServer({ transports: ["polling"] });
  using connection = open(server);
  connection.connect();
  assert.equal((await next(connection, "connect")).transport, "polling");
  const socket = [...server.io.sockets.sockets.values()][0]!;
  const ended = new Promise((resolve) => socket.on("disconnect", resolve));
  connection.disconnect();
  assert.equal(await ended, "client namespace disconnect");
  await until(() => Promise.resolve(server.io.engine.clientsCount === 0));
});

Deno.test("connection over socket.io tells when polling gives way to WebSocket", async () => {
  await using server = await startServer();
  using connection = open(server, {
    createTransport: (target) => createSocketIoTransport({ ...target, transports: ["polling", "websocket"] }),
  });
  const upgraded = new Promise<void>((resolve) => {
    connection.subscribe((state) =>
      state.status === "connected" && state.transport === "websocket" && resolve()
    );
  });
  connection.connect();
  await upgraded;
});

Deno.test("connection over socket.io fails an attempt when nobody listens", async () => {
  const server = await startServer();
  await server[Symbol.asyncDispose]();
  using connection = open(server, { maxAttempts: 2 });
  connection.connect();
  assert.equal((await next(connection, "reconnect_failed")).kind, "lost");
});

Deno.test("transport keeps nothing back that was reported as lost", async () => {
  await using server = await startServer();
  using connection = open(server, { join: false });
  connection.connect();
  await next(connection, "connect");
  for (let round = 0; round < 20; round++) {
    const again = next(connection, "connect");
    connection.reconnect();
    const failed = connection.request("presence:list", {}, { timeoutMs: 5000 });
    await again;
    await failed;
  }
  assert.equal(server.io.engine.clientsCount, 1);
  assert.equal(server.got.filter(([event]) => event === "presence:list").length, 20);
});

Deno.test("connection over socket.io gives up a line on which nobody ever answers", async () => {
  const held = new Set<NetSocket>();
  const silent = createTcpServer((socket) => held.add(socket.on("error", () => {})));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  using connection = createConnection({ url, getToken: () => "t", connectTimeoutMs: 50, maxAttempts: 0 });
  connection.connect();
  assert.equal((await next(connection, "connect_error")).kind, "timeout");
  assert.equal(stateOf(connection, "disconnected").reason, "exhausted");
  for (const socket of held) socket.destroy();
  await new Promise((resolve) => silent.close(resolve));
});

Deno.test("connection over socket.io drops a session that stops answering, and gets it back", async () => {
  await using server = await startServer({ io: recovering[1] });
  using connection = open(server, { heartbeatTimeoutMs: 50, join: false });
  const first = server.nextSocket();
  server.deaf = true;
  connection.connect();
  const lost = next(connection, "disconnect");
  const heard = next(connection, "usage");
  (await first).emit("usage", { models: [] });
  await heard;
  assert.equal((await lost).kind, "suspect");
  server.deaf = false;
  assert.equal((await next(connection, "connect")).recovered, true);
});
