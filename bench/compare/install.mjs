// Installs what the bench needs beside it, when it is not there or not what the lock says.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import process from "node:process";

const at = (name) => path.join(import.meta.dirname, name);
const installed = fs.statSync(at("node_modules/.package-lock.json"), {
  throwIfNoEntry: false,
});
if ((installed?.mtimeMs ?? 0) < fs.statSync(at("package-lock.json")).mtimeMs) {
  process.exitCode = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: at("."),
    stdio: "inherit",
  }).status;
}
