/** What never reaches a handler: a method that there is not, and an address that cannot be read. */
import assert from "node:assert/strict";
import { guardRequests } from "../../lib/web/request_guard.ts";
import { startTether } from "../support/tether_process.ts";

const INFO = {} as Deno.ServeHandlerInfo;

/** Asks behind the guard; `null`: the request reached the handler. */
async function guarded(path: string, method = "GET"): Promise<Response | null> {
  const reached = new Response();
  const response = await guardRequests(() => reached)(
    new Request(`http://localhost${path}`, { method }),
    INFO,
  );
  return response === reached ? null : response;
}

Deno.test("the guard lets through what the app can answer, as it came", async () => {
  for (const path of ["/", "/a%20b", "/a%2Fb", "/%E2%82%AC", "/?q=%", "/?%E0%A4%A"]) {
    assert.equal(await guarded(path), null, path);
  }
  for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    assert.equal(await guarded("/", method), null, method);
  }
});

Deno.test("the guard answers with a code, and with headers that keep it from being taken for something else", async () => {
  for (
    const [path, method, status] of [["/%", "GET", 400], ["/p/%E0%A4%A", "POST", 400], [
      "/",
      "BREW",
      405,
    ]] as const
  ) {
    const response = (await guarded(path, method))!;
    assert.equal(response.status, status);
    assert.equal((await response.json()).error.code, "request/invalid");
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  }
  const { headers } = (await guarded("/", "BREW"))!;
  assert.equal(headers.get("allow"), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
});

/** The first line of the answer to a request for `host`, which no well-behaved client would send. */
async function askHost(port: number, host: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(
    new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
  );
  const answer = await new Response(connection.readable).text();
  return answer.split("\r\n", 1)[0]!;
}

Deno.test("a server answers all of these everywhere, and its log says nothing of them", async () => {
  await using server = await startTether();
  const before = server.output;
  for (
    const path of [
      "/%ZZ",
      "/chat/%",
      "/api/%E0%A4%A",
      "/api/users/%/revoke",
      "/ws/socket.io/%",
      "/style.css%",
    ]
  ) {
    const response = await fetch(server.url + path, { method: "POST" });
    assert.equal(response.status, 400, path);
    assert.equal((await response.json()).error.code, "request/invalid");
  }
  for (
    const path of ["/", "/unknown", "/api/auth/me", "/api/users/x/revoke", "/ws/socket.io/", "/style.css"]
  ) {
    const response = await fetch(server.url + path, { method: "BREW" });
    assert.equal(response.status, 405, path);
    assert.equal((await response.json()).error.code, "request/invalid");
  }
  for (const host of ["[AAAA", "a b", "a%zz"]) {
    assert.equal(await askHost(server.port, host), "HTTP/1.1 400 Bad Request", host);
  }
  assert.equal(server.output, before);
});

Deno.test("in demo mode a name that is none of this machine's is not answered", async () => {
  const guard = guardRequests(() => new Response("in"), {
    ownNamesOnly: true,
    names: ["Laptop", "app.example"],
  });
  const statusOf = async (host: string) => (await guard(new Request(`http://${host}/`), INFO)).status;
  for (
    const own of [
      "localhost:8000",
      "127.0.0.1",
      "[::1]:8000",
      "192.168.1.7",
      "laptop",
      "a.localhost",
      "app.example",
    ]
  ) {
    assert.equal(await statusOf(own), 200, own);
  }
  for (
    const foreign of [
      "evil.example",
      "127.0.0.1.evil.example",
      "localhost.evil.example",
      "laptop.evil.example",
    ]
  ) {
    assert.equal(await statusOf(foreign), 421, foreign);
  }
});

Deno.test("a page that had its own name lead to a server in demo mode gets nothing", async () => {
  await using server = await startTether();
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const head =
    "POST /api/auth/sign-in HTTP/1.1\r\nhost: evil.example\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
  await conn.write(new TextEncoder().encode(head));
  const answer = await new Response(conn.readable).text();
  assert.match(answer, /^HTTP\/1\.1 421 /);
});
