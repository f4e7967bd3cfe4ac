import assert from "node:assert/strict";
import { createLog } from "../lib/log.ts";

function record(format: "pretty" | "json"): { lines: string[]; log: ReturnType<typeof createLog> } {
  const lines: string[] = [];
  return { lines, log: createLog({ level: "info", format, write: (line) => void lines.push(line) }) };
}

Deno.test("createLog() writes one JSON object a line, with its fields", () => {
  const { lines, log } = record("json");
  log.warn("Careful", { port: 1 });
  log.debug("Not at this level");
  assert.equal(lines.length, 1);
  const { time, ...line } = JSON.parse(lines[0]!);
  assert.ok(!Number.isNaN(Date.parse(time)));
  assert.deepEqual(line, { level: "warn", msg: "Careful", port: 1 });
});

for (const format of ["pretty", "json"] as const) {
  Deno.test(`createLog() shows no secret that a field carries by mistake (${format})`, () => {
    const { lines, log } = record(format);
    log.info("Hello", {
      token: "s3cret",
      handshake: { auth: { token: "s3cret" } },
      headers: { cookie: "s3cret" },
    });
    assert.equal(lines.length, 1);
    assert.ok(!lines[0]!.includes("s3cret"));
  });
}

Deno.test("createLog() writes an error with its stack", () => {
  const { lines, log } = record("pretty");
  log.error("It failed", { error: new TypeError("for a reason") });
  assert.match(lines[0]!, /ERROR It failed\nTypeError: for a reason\n {4}at /);
});
