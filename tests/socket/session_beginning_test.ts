/** What a session is told at its beginning, and what its record follows. */
import assert from "node:assert/strict";
import { connect, foreignClient } from "../support/foreign_client.ts";
import { startSocketServer } from "../support/socket_server.ts";
import { testToken } from "../support/tokens.ts";
import { until } from "../support/until.ts";

Deno.test("who comes late is told which models are in use", async () => {
  await using server = await startSocketServer();
  await using ada = foreignClient(server.url, { token: await testToken() });
  await connect(ada);
  const announced = ada.next("usage");
  assert.ok((await ada.ask("usage", { model: "small" })).ok);
  assert.deepEqual(await announced, { models: ["small"] });

  await using bob = foreignClient(server.url, { token: await testToken({ claims: { sub: "bob" } }) });
  const told = bob.next("usage");
  await connect(bob);
  assert.deepEqual(await told, { models: ["small"] });
});

Deno.test("a session's record follows the upgrade of its transport", async () => {
  await using server = await startSocketServer();
  await using ada = foreignClient(server.url, {
    token: await testToken(),
    transports: ["polling", "websocket"],
  });
  await connect(ada);
  await until(async () => {
    const { sessions } = await server.roster.page({ limit: 1 });
    return sessions[0]?.transport === "websocket";
  });
});
