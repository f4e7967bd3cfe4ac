/** The OpenAPI description against the routes there are and what they really answer. */
import assert from "node:assert/strict";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { openApi } from "../../lib/web/openapi.ts";
import { apiClient } from "../support/api.ts";
import { isCode } from "../support/codes.ts";
import { person } from "../support/people.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";
import { testToken } from "../support/tokens.ts";

const ROUTES = new URL("../../routes/", import.meta.url);
const SERVICE_TOKEN = "a-service-token-for-tests";

// deno-lint-ignore no-explicit-any -- a document of JSON
const document: any = openApi();
/** Every documented answer: `POST /api/events 200`. */
const answers = new Set(
  Object.entries<object>(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { responses }]) =>
      Object.keys(responses).map((status) => `${method.toUpperCase()} ${path} ${status}`)
    )
  ),
);

/** The endpoints in `routes/`, as `GET /api/channels/{id}/messages`. */
async function endpoints(folder = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROUTES))) {
    if (isDirectory) found.push(...await endpoints(`${folder}${name}/`));
    else if (name.endsWith(".ts") && !/^_|\.\.\./.test(name)) {
      const { handler } = await import(new URL(folder + name, ROUTES).href);
      const path = `/${folder}${name}`.replace(/(\/index)?\.ts$/, "").replace(/\[(\w+)\]/g, "{$1}");
      found.push(...Object.keys(handler).map((method) => `${method} ${path}`));
    }
  }
  return found;
}

Deno.test("the description is valid OpenAPI 3.1", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  assert.ok(valid, JSON.stringify(errors));
});

Deno.test("every endpoint is described, and nothing else", async () => {
  const described = new Set([...answers].map((answer) => answer.replace(/ \d+$/, "")));
  assert.deepEqual(described, new Set(await endpoints()));
});

// what takes an outage, or a request that runs into a limit, is shown elsewhere or not at all
const NOT_SHOWN = / 503$|POST \/api\/calls 429/;

Deno.test("every described answer is really given, in the shape that is described", async () => {
  await using server = await startTether({
    env: { JWT_SECRET: TEST_SECRET, SERVICE_TOKEN, AUTH_DEMO: "true", METRICS_TOKEN: "m" },
  });
  await using strict = await startTether({ env: { JWT_SECRET: TEST_SECRET } });
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema({ $id: "api", ...document });
  const seen = new Set<string>();
  await using ada = await person(server.url, "ada");
  await using bob = await person(server.url, "bob");
  await using eve = await person(server.url, "eve");
  const clients = {
    ada: ada.api,
    bob: bob.api,
    service: apiClient(server.url, SERVICE_TOKEN),
    other: apiClient(server.url, "another-token"),
    nobody: apiClient(server.url),
    admin: apiClient(server.url, await testToken({ claims: { sub: "root", role: "admin" } })),
    // of the server where tokens come from elsewhere
    stranger: apiClient(strict.url, await testToken()),
  };
  const { body: { channel } } = await ada.api("POST /api/channels", { name: "Plans" });
  await ada.client.ask("events:channel", {
    channel_id: channel.id,
    data: { type: "message", data: { content: "Hi" } },
  });
  ada.client.socket.on("events", ({ data: { type } }, answer) => {
    // without a call, there is the offset of a recovery in its place
    if (typeof answer !== "function" || type === "late") return;
    answer(type === "bytes" ? { bytes: new Uint8Array(1) } : { yes: true });
  });
  const huge = "x".repeat(1_100_000);
  const event = { to: { userIds: ["ada"] }, data: { type: "t" } };
  const call = { sessionId: ada.sid, data: { type: "t" } };

  const requests: [who: keyof typeof clients, route: string, code: string | null, body?: unknown][] = [
    ["nobody", "GET /healthz", null],
    ["nobody", "GET /readyz", null],
    ["nobody", "GET /metrics", "access/denied"],
    ["nobody", "GET /api/openapi.json", null],
    ["nobody", "POST /api/auth/sign-in", null, { name: "Eve" }],
    ["nobody", "POST /api/auth/sign-in", "request/invalid", { name: "" }],
    ["nobody", "POST /api/auth/sign-in", "request/too-large", { name: huge }],
    ["stranger", "POST /api/auth/sign-in", "access/not-found", { name: "Eve" }],
    ["bob", "POST /api/auth/refresh", null],
    ["other", "POST /api/auth/refresh", "auth/malformed"],
    ["bob", "GET /api/auth/me", null],
    ["nobody", "GET /api/auth/me", "auth/missing"],
    ["ada", "GET /api/presence", null],
    ["service", "GET /api/presence?userIds=ada,bob", null],
    ["nobody", "GET /api/presence", "auth/missing"],
    ["ada", "GET /api/presence?limit=501", "request/invalid"],
    ["ada", "GET /api/channels", null],
    ["nobody", "GET /api/channels", "auth/missing"],
    ["ada", "POST /api/channels", null, { name: "One", public: false, memberIds: ["bob"] }],
    ["nobody", "POST /api/channels", "auth/missing", { name: "One" }],
    ["ada", "POST /api/channels", "request/invalid", { name: 1 }],
    ["ada", "POST /api/channels", "request/too-large", { name: huge }],
    ...(["messages", "members"] as const).flatMap((what): typeof requests => [
      ["ada", `GET /api/channels/${channel.id}/${what}`, null],
      ["nobody", `GET /api/channels/${channel.id}/${what}`, "auth/missing"],
      ["bob", `GET /api/channels/${channel.id}/${what}`, "access/denied"],
      ["bob", `GET /api/channels/${"x".repeat(201)}/${what}`, "request/invalid"],
    ]),
    ...(["PUT", "POST", "DELETE"] as const).flatMap((method): typeof requests => [
      ["ada", `${method} /api/channels/${channel.id}/members/eve`, null],
      ["nobody", `${method} /api/channels/${channel.id}/members/eve`, "auth/missing"],
      ["bob", `${method} /api/channels/${channel.id}/members/eve`, "access/denied"],
      ["ada", `${method} /api/channels/general/members/eve`, "request/invalid"],
      ["admin", `${method} /api/channels/none/members/eve`, "access/not-found"],
    ]),
    ...(["PATCH", "DELETE"] as const).flatMap((method): typeof requests => [
      ["nobody", `${method} /api/channels/${channel.id}`, "auth/missing", { name: "Two" }],
      ["bob", `${method} /api/channels/${channel.id}`, "access/denied", { name: "Two" }],
      ["admin", `${method} /api/channels/none`, "access/not-found", { name: "Two" }],
      ["ada", `${method} /api/channels/${"x".repeat(201)}`, "request/invalid", { name: "Two" }],
      ["ada", `${method} /api/channels/${channel.id}`, null, { name: "Two" }],
    ]),
    ["ada", "PATCH /api/channels/none", "request/too-large", { name: huge }],
    ["admin", "GET /api/sessions?limit=2", null],
    ["admin", "GET /api/sessions?limit=0", "request/invalid"],
    ["nobody", "GET /api/sessions", "auth/missing"],
    ["ada", "GET /api/sessions", "access/denied"],
    ["admin", `DELETE /api/sessions/${eve.sid}`, null],
    ["nobody", "DELETE /api/sessions/none", "auth/missing"],
    ["ada", "DELETE /api/sessions/none", "access/denied"],
    ["admin", "DELETE /api/sessions/none", "access/not-found"],
    ["admin", `DELETE /api/sessions/${"x".repeat(201)}`, "request/invalid"],
    ...(["POST", "DELETE"] as const).flatMap((method): typeof requests => [
      ["admin", `${method} /api/users/eve/revoke`, null],
      ["nobody", `${method} /api/users/eve/revoke`, "auth/missing"],
      ["ada", `${method} /api/users/eve/revoke`, "access/denied"],
      ["admin", `${method} /api/users/${"x".repeat(201)}/revoke`, "request/invalid"],
    ]),
    ["service", "POST /api/events", null, event],
    ["nobody", "POST /api/events", "auth/missing", event],
    ["other", "POST /api/events", "access/denied", event],
    ["service", "POST /api/events", "request/invalid", { ...event, to: {} }],
    ["service", "POST /api/events", "request/too-large", { ...event, more: huge }],
    ["service", "POST /api/calls", null, call],
    ["nobody", "POST /api/calls", "auth/missing", call],
    ["other", "POST /api/calls", "access/denied", call],
    ["service", "POST /api/calls", "request/invalid", { ...call, timeoutMs: 0 }],
    ["service", "POST /api/calls", "request/too-large", { ...call, more: huge }],
    ["service", "POST /api/calls", "access/not-found", { ...call, sessionId: "none" }],
    ["service", "POST /api/calls", "request/timeout", { ...call, data: { type: "late" }, timeoutMs: 30 }],
    ["service", "POST /api/calls", "request/bad-answer", { ...call, data: { type: "bytes" } }],
    ["bob", "POST /api/auth/sign-out", null],
    ["bob", "POST /api/auth/sign-out", "auth/revoked"],
  ];

  for (const [who, route, code, body] of requests) {
    const answer = await clients[who](route, body);
    const [method, path] = route.replace(/\?.*/, "").split(" ") as [string, string];
    const template = Object.keys(document.paths).find((one) =>
      new RegExp(`^${one.replace(/\{\w+\}/g, "[^/]+")}$`).test(path)
    )!;
    const { content, description } =
      document.paths[template][method.toLowerCase()].responses[answer.status] ?? assert.fail(
        `${route} answered ${answer.status}, which is not described`,
      );
    const what = `${who}: ${route.slice(0, 80)} → ${answer.status} ${JSON.stringify(answer.body)}`;
    if (code === null) assert.ok(answer.status < 300, what);
    else {
      assert.equal(answer.body?.error?.code, code, what);
      assert.ok(isCode(code) && description.includes(`\`${code}\``), `${what} is not described`);
    }
    const schema = content["application/json"].schema;
    const validate = ajv.compile(schema.$ref ? { $ref: `api${schema.$ref}` } : rooted(schema));
    assert.ok(validate(answer.body), `${what}: ${ajv.errorsText(validate.errors)}`);
    seen.add(`${method} ${template} ${answer.status}`);
  }

  const metrics = await fetch(`${server.url}/metrics`, { headers: { authorization: "Bearer m" } });
  assert.equal(metrics.status, 200);
  assert.match(metrics.headers.get("content-type")!, /^text\/plain/);
  await metrics.body?.cancel();
  seen.add("GET /metrics 200");

  assert.deepEqual([...answers.difference(seen)].filter((answer) => !NOT_SHOWN.test(answer)), []);
});

/** `schema` with references that lead into the document. */
function rooted(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/'));
}
