/** What the README tells to type works as it stands there. */
import assert from "node:assert/strict";
import { startBrowser } from "../support/browser.ts";
import { startTether } from "../support/tether_process.ts";

const README = new URL("../../README.md", import.meta.url);
const SERVICE_TOKEN = "a-service-token-for-tests";

/** The block of shell commands that begins with `start`. */
async function shellBlock(start: string): Promise<string> {
  for (const [, block] of (await Deno.readTextFile(README)).matchAll(/^```sh\n(.*?)^```/gms)) {
    if (block!.startsWith(start)) return block!;
  }
  throw new Error(`Cannot find a block that starts with ${start} in the README`);
}

Deno.test("the README's curl sends an event into an open page", async () => {
  await using server = await startTether({ env: { SERVICE_TOKEN } });
  await using browser = await startBrowser();
  const page = await browser.newPage();
  await page.goto(server.url);
  await page.getByLabel("Your name").fill("Ada");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator('.connection[data-status="connected"]').waitFor();
  // listed among those in `general` only once it joined its channels
  await page.locator('[data-user][data-status="online"]', { hasText: "Ada" }).waitFor();

  // the port of the README is this server's
  await using home = await temporaryFolder();
  await Deno.writeTextFile(
    `${home.path}/.curlrc`,
    `connect-to = "localhost:8000:127.0.0.1:${server.port}"\n`,
  );
  const { success, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", await shellBlock("curl http://localhost:8000/api/events")],
    env: { CURL_HOME: home.path, SERVICE_TOKEN },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(success, new TextDecoder().decode(stderr));
  assert.deepEqual(JSON.parse(text), { sessions: 1 });
  await page.getByRole("log", { name: "From your back end" }).getByText("Hello from the shell").waitFor();
});

async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ prefix: "tether-readme-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
