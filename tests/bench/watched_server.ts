/**
 * The server, with an eye on its event loop: at every SIGUSR2 it prints the longest time since the last one for which
 * it let nothing else run. What other processes took of that time does not count.
 */
import process from "node:process";

let longestMs = 0, last = performance.now(), used = process.cpuUsage();

function look(): void {
  const now = performance.now(), { user, system } = process.cpuUsage(used);
  longestMs = Math.max(longestMs, Math.min(now - last, (user + system) / 1000));
  last = now;
  used = process.cpuUsage();
  setTimeout(look, 1);
}

Deno.addSignalListener("SIGUSR2", () => {
  console.log(`Longest block: ${longestMs.toFixed(1)} ms`);
  longestMs = 0;
});
await import("../../serve.ts");
look();
