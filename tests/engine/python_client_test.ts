/** A client that shares no code with Socket.IO's own: Debian's python3-socketio, over each transport. */
import assert from "node:assert/strict";
import { serveSocketIo } from "../support/engine_server.ts";

const PYTHON = "/usr/bin/python3";
const SCRIPT = new URL("./python_client.py", import.meta.url).pathname;

for (const way of ["polling", "websocket", "upgrade"]) {
  Deno.test({
    name: `python-socketio talks over ${way}`,
    fn: async () => {
      await using server = serveSocketIo({ pingIntervalMs: 25_000, pingTimeoutMs: 20_000 });
      const { success, stdout, stderr } = await new Deno.Command(PYTHON, {
        args: [SCRIPT, `http://127.0.0.1:${server.port}`, way],
      }).output();
      const steps = new TextDecoder().decode(stdout).trim().split("\n");
      assert.ok(success, `after ${steps}: ${new TextDecoder().decode(stderr)}`);
      assert.deepEqual(steps, ["ack", "binary", "1 MB", "server disconnect", "over the limit"]);
    },
  });
}
