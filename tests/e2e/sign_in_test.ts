/** What a person sees, in a real browser, when their sign-in is not good or ceases to be. */
import assert from "node:assert/strict";
import type { BrowserContext, Page } from "playwright-core";
import { startBrowser } from "../support/browser.ts";
import { httpClient } from "../support/http_client.ts";
import { startTether, TEST_SECRET } from "../support/tether_process.ts";
import { testToken } from "../support/tokens.ts";

interface Visit {
  page: Page;
  /** Paths that the page went to, and endpoints that it asked, in order. */
  paths: string[];
}

/** A page of a new window that has a token for its cookie, made at the last moment. */
async function visit(
  context: BrowserContext,
  { url, token }: { url: string; token: () => Promise<string> },
): Promise<Visit> {
  const page = await context.newPage(), paths: string[] = [];
  page.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    if (request.isNavigationRequest() || pathname.startsWith("/api/auth/")) paths.push(pathname + search);
  });
  const cookie = { name: "tether_token", value: await token(), url };
  await context.addCookies([{ ...cookie, httpOnly: true, sameSite: "Lax" }]);
  await page.goto(url);
  return { page, paths };
}

function connected(page: Page): Promise<unknown> {
  return page.locator('.connection[data-status="connected"]').waitFor();
}

function notice(page: Page): Promise<string> {
  return page.locator(".notice").innerText();
}

Deno.test("a sign-in that is not good leads to the sign-in page with a plain sentence, and no further", async (t) => {
  await using server = await startTether({ env: { JWT_SECRET: TEST_SECRET, AUTH_DEMO: "true" } });
  await using browser = await startBrowser();
  const revoked = await testToken({ claims: { sub: "eve" } });
  const { status } = await httpClient(server.url).ask("POST", "/api/auth/sign-out", {
    headers: { authorization: `Bearer ${revoked}` },
  });
  assert.equal(status, 200);

  const cases = [
    ["expired", await testToken({ expiresInS: -60 }), "Your sign-in has expired. Please sign in again."],
    [
      "of another secret",
      await testToken({ secret: "another-secret-of-at-least-32-bytes!" }),
      "Your sign-in is not valid on this server. Please sign in again.",
    ],
    ["revoked", revoked, "You were signed out. Please sign in again."],
    ["no token", "x", "Your sign-in could not be read. Please sign in again."],
  ] as const;
  for (const [what, token, sentence] of cases) {
    await t.step(what, async () => {
      await using context = await browser.newContext();
      const { page, paths } = await visit(context, { url: server.url, token: () => Promise.resolve(token) });
      assert.equal(await notice(page), sentence);
      await page.waitForLoadState("networkidle");
      assert.equal(paths.length, 2);
      assert.match(paths[1]!, /^\/sign-in\?because=auth%2F/);
      // and signing in helps
      await page.getByLabel("Your name").fill("Ada");
      await page.getByRole("button", { name: "Sign in" }).click();
      await connected(page);
      assert.equal(new URL(page.url()).pathname, "/");
    });
  }

  await t.step("nobody is told a reason who has none", async () => {
    await using context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(server.url);
    assert.equal(new URL(page.url()).pathname, "/sign-in");
    assert.equal(await page.locator(".notice").count(), 0);
    await page.goto(`${server.url}/sign-in?because=<script>alert(1)</script>`);
    assert.equal(await notice(page), "Please sign in again.");
  });

  await t.step("without script the form signs in, too", async () => {
    await using context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(server.url);
    await page.getByLabel("Your name").fill(" ");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(/because=/);
    assert.equal(await notice(page), "Please give a name of 1 to 64 visible characters.");
    await page.getByLabel("Your name").fill("Ada");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`${server.url}/`);
    assert.equal(await page.locator(".lead strong").innerText(), "Ada");
  });

  await t.step("a name that was typed before the script was there counts", async () => {
    await using context = await browser.newContext();
    const page = await context.newPage();
    const typed = Promise.withResolvers<void>();
    await page.route("**/*.js", async (route) => {
      await typed.promise;
      await route.continue();
    });
    await page.goto(server.url, { waitUntil: "commit" });
    await page.getByLabel("Your name").fill("Ada");
    const hydrated = page.waitForLoadState("networkidle");
    typed.resolve();
    await hydrated;
    await page.getByRole("button", { name: "Sign in" }).click();
    await connected(page);
  });

  await t.step("signing out leads to the sign-in page, in all windows", async () => {
    await using context = await browser.newContext();
    const { page } = await visit(context, {
      url: server.url,
      token: () => testToken({ claims: { sub: "mary" } }),
    });
    const other = await context.newPage();
    await other.goto(server.url);
    await Promise.all([connected(page), connected(other)]);
    await page.getByRole("button", { name: "Sign out" }).click();
    await Promise.all([page, other].map((page) => page.getByLabel("Your name").waitFor()));
    await page.goto(server.url);
    assert.equal(new URL(page.url()).pathname, "/sign-in");
  });

  await t.step("a live page whose user is revoked goes there by itself, once", async () => {
    await using context = await browser.newContext();
    const { page, paths } = await visit(context, {
      url: server.url,
      token: () => testToken({ claims: { sub: "grace", name: "Grace" } }),
    });
    await connected(page);
    const { status } = await httpClient(server.url).ask("POST", "/api/users/grace/revoke", {
      headers: { authorization: `Bearer ${await testToken({ claims: { sub: "root", role: "admin" } })}` },
    });
    assert.equal(status, 200);
    assert.equal(await notice(page), "You were signed out. Please sign in again.");
    await page.waitForLoadState("networkidle");
    assert.deepEqual(paths, [
      ...["/", "/api/auth/refresh", "/api/auth/refresh"],
      "/sign-in?because=session/revoked",
    ]);
  });
});

Deno.test("a live page whose token runs out and cannot be renewed goes to the sign-in page, once", async () => {
  await using server = await startTether({
    env: { JWT_SECRET: TEST_SECRET, JWT_CLOCK_TOLERANCE: "0", AUTH_EXPIRY_NOTICE_S: "1" },
  });
  await using browser = await startBrowser();
  await using context = await browser.newContext();
  const { page, paths } = await visit(context, {
    url: server.url,
    token: () => testToken({ expiresInS: 8 }),
  });
  await connected(page);
  assert.equal(await notice(page), "Your sign-in has expired. Please sign in again.");
  await page.getByText("Tokens for this server come from elsewhere").waitFor();
  await page.waitForLoadState("networkidle");
  assert.equal(paths.at(-1), "/sign-in?because=session/expired");
  assert.equal(paths.filter((path) => path.startsWith("/sign-in")).length, 1);
});
