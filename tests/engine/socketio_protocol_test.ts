/** What the Socket.IO 5 protocol document asks for, spoken by hand to Socket.IO on the engine. */
import assert from "node:assert/strict";
import { serveSocketIo, type TestServer } from "../support/engine_server.ts";
import { openPolling, openWebSocket, type RawSocket } from "../support/engine_raw.ts";

function protocolTest(name: string, body: (socket: RawSocket, server: TestServer) => Promise<void>): void {
  Deno.test(name, async () => {
    await using server = serveSocketIo();
    await using socket = await openWebSocket(server.ws);
    await body(socket, server);
  });
}

async function receive(socket: RawSocket, count: number): Promise<(string | ArrayBuffer)[]> {
  const packets = [];
  while (packets.length < count) packets.push(await socket.nextBeside());
  return packets;
}

async function join(socket: RawSocket, namespace = ""): Promise<void> {
  socket.send(`40${namespace}`);
  await receive(socket, 2);
}

for (const [namespace, prefix] of [["", ""], ["/custom", "/custom,"]]) {
  for (const auth of ["", '{"token":"123"}']) {
    protocolTest(`connect: to ${namespace || "/"} with auth ${auth || "absent"}`, async (socket) => {
      socket.send(`40${prefix}${auth}`);
      const [connected, first] = await receive(socket, 2);
      assert.deepEqual(Object.keys(JSON.parse(String(connected).slice(`40${prefix}`.length))), ["sid"]);
      assert.equal(first, `42${prefix}["auth",${auth || "{}"}]`);
    });
  }
}

protocolTest("connect: an unknown namespace is refused", async (socket) => {
  socket.send("40/random");
  assert.deepEqual(await receive(socket, 1), ['44/random,{"message":"Invalid namespace"}']);
});

for (const bad of ["4abc", '42["message"]', "43[]", "40{", "4\u0000"]) {
  protocolTest(
    `connect: ${JSON.stringify(bad)} as the first packet closes the connection`,
    async (socket, { engine }) => {
      socket.send(bad);
      await socket.closed;
      assert.equal(engine.clientsCount, 0);
    },
  );
}

protocolTest("disconnect: from the only namespace leaves the connection to its owner", async (socket) => {
  await join(socket);
  socket.send("41");
  socket.send("40");
  assert.match(String((await receive(socket, 1))[0]), /^40\{"sid"/);
});

protocolTest("disconnect: from one namespace, and the other goes on", async (socket) => {
  await join(socket);
  await join(socket, "/custom");
  socket.send("41/custom");
  socket.send('42["message","to main"]');
  assert.deepEqual(await receive(socket, 1), ['42["message-back","to main"]']);
});

protocolTest("disconnect: by the server closes the connection after saying so", async (socket) => {
  await join(socket);
  socket.send('42["leave"]');
  assert.deepEqual(await receive(socket, 1), ["41"]);
  await socket.closed;
});

protocolTest("event: text", async (socket) => {
  await join(socket);
  socket.send('42["message",1,"2",{"3":[true]}]');
  assert.deepEqual(await receive(socket, 1), ['42["message-back",1,"2",{"3":[true]}]']);
});

protocolTest("event: with binary attachments", async (socket) => {
  await join(socket);
  const head = (name: string) =>
    `452-["${name}",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`;
  const bytes = [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6)];
  socket.send(head("message"));
  for (const each of bytes) socket.send(each);
  assert.deepEqual(await receive(socket, 3), [head("message-back"), bytes[0]!.buffer, bytes[1]!.buffer]);
});

protocolTest("ack: text", async (socket) => {
  await join(socket);
  socket.send('42456["message-with-ack",1]');
  assert.deepEqual(await receive(socket, 1), ["43456[1]"]);
});

protocolTest("ack: with binary attachments", async (socket) => {
  await join(socket);
  socket.send('451-789["message-with-ack",{"_placeholder":true,"num":0}]');
  socket.send(Uint8Array.of(7, 8));
  const [head, bytes] = await receive(socket, 2);
  assert.equal(head, '461-789[{"_placeholder":true,"num":0}]');
  assert.deepEqual(bytes, Uint8Array.of(7, 8).buffer);
});

for (
  const bad of [
    "4abc",
    "42{}",
    "42[]x",
    "452-[",
    '451-["x",{"_placeholder":true,"num":9}]',
    '42["message"',
    "49",
  ]
) {
  protocolTest(
    `invalid: ${JSON.stringify(bad)} on a joined connection closes it`,
    async (socket, { engine }) => {
      await join(socket);
      socket.send(bad);
      socket.send(Uint8Array.of(1));
      await socket.closed;
      assert.equal(engine.clientsCount, 0);
    },
  );
}

Deno.test("polling: binary events go both ways as base64", async () => {
  await using server = serveSocketIo({ pingIntervalMs: 25_000 });
  const session = await openPolling(server.http);
  await session.post("40");
  let received = "";
  while (!received.includes("auth")) received += (await session.poll()).text;
  await session.post('451-["message",{"_placeholder":true,"num":0}]\x1ebAQID');
  assert.equal((await session.poll()).text, '451-["message-back",{"_placeholder":true,"num":0}]\x1ebAQID');
});

Deno.test("the handshake reaches Socket.IO's middleware whole", async () => {
  await using server = serveSocketIo();
  const seen = new Promise<Record<string, unknown>>((resolve) =>
    server.io.use((socket, next) => {
      const { headers, query, address, url, secure, xdomain } = socket.handshake;
      resolve({
        host: headers.host,
        query,
        address,
        url,
        secure,
        xdomain,
        transport: socket.conn.transport.name,
      });
      next();
    })
  );
  await using socket = await openWebSocket(server.ws);
  socket.send("40");
  assert.deepEqual({ ...await seen }, {
    host: `127.0.0.1:${server.port}`,
    query: { EIO: "4", transport: "websocket" },
    address: "127.0.0.1",
    url: "/socket.io/?EIO=4&transport=websocket",
    secure: false,
    xdomain: false,
    transport: "websocket",
  });
});
