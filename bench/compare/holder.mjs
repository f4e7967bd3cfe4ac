// A child of load.mjs that opens its share of the sessions and holds them: one process cannot answer for 10,000.
import process from "node:process";
import { openSessions } from "./session.mjs";
import { signToken } from "./token.mjs";

process.on("disconnect", () => process.exit(0));
process.once("message", async ({ port, users, concurrency }) => {
  const tokens = await Promise.all(users.map(signToken));
  process.once("message", async () => {
    await openSessions(port, tokens, concurrency);
    process.send("open");
  });
  process.send("signed");
});
