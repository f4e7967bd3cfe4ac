/** Who may use the engine: origins, preflights, proxies, and the hooks of its owner. */
import assert from "node:assert/strict";
import { createEngine, type Engine, type EngineOptions, type EngineRequest } from "../../lib/engine/mod.ts";
import { FAST, serveEcho } from "../support/engine_server.ts";
import { openWebSocket, RawSocket } from "../support/engine_raw.ts";

const INFO = { remoteAddr: { transport: "tcp", hostname: "10.0.0.9", port: 5 } } as const;
const URL_OPEN = "http://app.example/engine.io/?EIO=4&transport=polling";

async function withEngine(options: EngineOptions, body: (engine: Engine) => Promise<void>): Promise<void> {
  await using engine = createEngine({ ...FAST, ...options });
  await body(engine);
}

async function open(engine: Engine, headers: Record<string, string>, method = "GET"): Promise<Response> {
  const response = await engine.handle(
    new Request(URL_OPEN, { method, headers: { host: "app.example", ...headers } }),
    INFO,
  );
  await response.text();
  return response;
}

async function refused(response: Response): Promise<[number, unknown]> {
  return [response.status, await response.json()];
}

const ORIGINS: [string, EngineOptions["cors"], string | undefined, boolean, string | null][] = [
  ["no Origin is no browser", undefined, undefined, true, null],
  ["the page's own origin", undefined, "http://app.example", true, null],
  ["the page's own origin behind TLS", undefined, "https://app.example", true, null],
  ["another origin", undefined, "https://evil.example", false, null],
  ["another port", undefined, "http://app.example:8080", false, null],
  ["an opaque origin", undefined, "null", false, null],
  [
    "a listed origin",
    { origins: ["https://other.example"] },
    "https://other.example",
    true,
    "https://other.example",
  ],
  ["an origin not listed", { origins: ["https://other.example"] }, "https://evil.example", false, null],
  [
    "an origin that a listed one begins",
    { origins: ["https://a.example"] },
    "https://a.example.evil",
    false,
    null,
  ],
  ["any origin under *", { origins: "*" }, "https://evil.example", true, "*"],
];

for (const [name, cors, origin, allowed, header] of ORIGINS) {
  Deno.test(`origins: ${name} is ${allowed ? "served" : "refused"} by polling`, () =>
    withEngine({ cors }, async (engine) => {
      const response = await open(engine, origin === undefined ? {} : { origin });
      assert.equal(response.status, allowed ? 200 : 403);
      assert.equal(response.headers.get("access-control-allow-origin"), header);
      assert.equal(engine.clientsCount, allowed ? 1 : 0);
    }));
}

Deno.test("origins: a WebSocket handshake of another site is refused with 403, its own is served", async () => {
  await using server = serveEcho();
  const url = `${server.ws}?EIO=4&transport=websocket`;
  const evil = new RawSocket(url, { origin: "https://evil.example" });
  await evil.closed;
  await using own = new RawSocket(url, { origin: `http://127.0.0.1:${server.port}` });
  assert.match(String(await own.next()), /^0/);
});

Deno.test("origins: credentials are allowed to listed origins alone, and caches are told", () =>
  withEngine({ cors: { origins: ["https://a.example"], credentials: true } }, async (engine) => {
    const response = await open(engine, { origin: "https://a.example" });
    assert.equal(response.headers.get("access-control-allow-credentials"), "true");
    assert.equal(response.headers.get("vary"), "origin");
    const other = await open(engine, { origin: "https://b.example" });
    assert.equal(other.headers.get("access-control-allow-credentials"), null);
  }));

Deno.test("OPTIONS is answered to an allowed origin, and 403 to another", () =>
  withEngine({ cors: { origins: ["https://a.example"] } }, async (engine) => {
    const response = await open(engine, {
      origin: "https://a.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "x-token",
    }, "OPTIONS");
    assert.equal(response.status, 204);
    assert.equal(response.headers.get("access-control-allow-origin"), "https://a.example");
    assert.equal(response.headers.get("access-control-allow-headers"), "x-token");
    assert.match(response.headers.get("access-control-allow-methods")!, /POST/);
    assert.equal((await open(engine, { origin: "https://b.example" }, "OPTIONS")).status, 403);
  }));

Deno.test("transports: with polling alone no upgrade is offered and a WebSocket is unknown", async () => {
  await using server = serveEcho({ transports: ["polling"] });
  const text = await (await fetch(`${server.http}?EIO=4&transport=polling`)).text();
  assert.deepEqual(JSON.parse(text.slice(1)).upgrades, []);
  await new RawSocket(`${server.ws}?EIO=4&transport=websocket`).closed;
  const response = await fetch(`${server.http}?EIO=4&transport=websocket`);
  assert.deepEqual(await refused(response), [400, { code: 0, message: "Transport unknown" }]);
});

const FORWARDED: [EngineOptions["trustProxy"], string | undefined, string][] = [
  [false, "1.1.1.1", "10.0.0.9"],
  [true, undefined, "10.0.0.9"],
  [true, "1.1.1.1", "1.1.1.1"],
  [true, "6.6.6.6, 1.1.1.1", "1.1.1.1"],
  [2, "6.6.6.6, 1.1.1.1, 10.0.0.1", "1.1.1.1"],
  [2, "1.1.1.1", "1.1.1.1"],
  [true, " , ", "10.0.0.9"],
];

for (const [trustProxy, forwarded, expected] of FORWARDED) {
  Deno.test(`trustProxy ${trustProxy}: X-Forwarded-For ${forwarded ?? "absent"} gives ${expected}`, () =>
    withEngine({ trustProxy }, async (engine) => {
      const addresses: string[] = [];
      engine.on("connection", (socket) => addresses.push(socket.remoteAddress));
      await open(engine, forwarded === undefined ? {} : { "x-forwarded-for": forwarded });
      assert.deepEqual(addresses, [expected]);
    }));
}

Deno.test("trustProxy: scheme and host of the proxy are believed only then", async () => {
  const headers = {
    "x-forwarded-proto": "https",
    "x-forwarded-host": "public.example",
    origin: "https://public.example",
  };
  await withEngine({ trustProxy: true }, async (engine) => {
    const seen: EngineRequest[] = [];
    engine.on("connection", (socket) => seen.push(socket.request));
    assert.equal((await open(engine, headers)).status, 200);
    assert.equal(seen[0]!.connection.encrypted, true);
  });
  await withEngine({}, async (engine) => assert.equal((await open(engine, headers)).status, 403));
});

Deno.test("allowRequest() turns a client away with code 4, its own words and its status", () =>
  withEngine({
    allowRequest: ({ headers }) =>
      headers["x-key"] === "good" ? undefined : Promise.resolve({ message: "Not today", status: 429 }),
  }, async (engine) => {
    const errors: unknown[] = [];
    engine.on(
      "connection_error",
      ({ code, message, req }) => errors.push([code, message, req.remoteAddress]),
    );
    const response = await engine.handle(new Request(URL_OPEN), INFO);
    assert.deepEqual(await refused(response), [429, { code: 4, message: "Not today" }]);
    assert.deepEqual(errors, [[4, "Not today", "10.0.0.9"]]);
    assert.equal((await open(engine, { "x-key": "good" })).status, 200);
  }));

Deno.test("allowRequest() turns a WebSocket away before it is upgraded", async () => {
  await using server = serveEcho({ allowRequest: () => ({ message: "No" }) });
  await new RawSocket(`${server.ws}?EIO=4&transport=websocket`).closed;
  assert.equal(server.engine.clientsCount, 0);
});

Deno.test("headers() adds to every polling response, and knows the first", () =>
  withEngine({
    headers: (headers, request, initial) => {
      headers.set("x-node", request.query.transport!);
      if (initial) headers.append("set-cookie", "node=7; HttpOnly");
    },
  }, async (engine) => {
    const first = await engine.handle(new Request(URL_OPEN), INFO);
    assert.equal(first.headers.get("set-cookie"), "node=7; HttpOnly");
    const { sid } = JSON.parse((await first.text()).slice(1));
    const post = await engine.handle(
      new Request(`${URL_OPEN}&sid=${sid}`, { method: "POST", body: "4" }),
      INFO,
    );
    assert.equal(post.headers.get("set-cookie"), null);
    assert.equal(post.headers.get("x-node"), "polling");
    await post.text();
  }));

Deno.test("close(): open sessions are told and ended, new ones get 503, and it settles", async () => {
  await using server = serveEcho({ pingIntervalMs: 25_000 });
  const { engine } = server;
  const reasons: string[] = [];
  engine.on("connection", (socket) => socket.on("close", (reason) => reasons.push(reason)));
  const socket = await openWebSocket(server.ws);
  const polling = await (await fetch(`${server.http}?EIO=4&transport=polling`)).text();
  const poll = fetch(`${server.http}?EIO=4&transport=polling&sid=${JSON.parse(polling.slice(1)).sid}`);
  const { status } = await poll.then((response) => {
    const closing = engine.close();
    return response.text().then((text) => (assert.equal(text, "1"), closing)).then(() => response);
  });
  assert.equal(status, 200);
  assert.equal((await socket.closed).code, 1000);
  assert.deepEqual(reasons, ["forced close", "forced close"]);
  const refusal = await fetch(`${server.http}?EIO=4&transport=polling`);
  assert.deepEqual(await refused(refusal), [503, { code: 3, message: "The server is closing" }]);
});
