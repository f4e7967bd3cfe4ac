/** Pages of the built fixture: head, assets, links, policy, and what is sent for islands. */
import assert from "node:assert/strict";
import { serveFixture, withoutErrorLog } from "./support.ts";

Deno.test("ctx.render()", async (t) => {
  await using fixture = await serveFixture();
  const { get, text } = fixture;

  await t.step("sends no script and no Link header with a page without islands", async () => {
    const response = await get("/");
    assert.equal(response.headers.has("link"), false);
    assert.doesNotMatch(await response.text(), /<script/);
  });

  await t.step("sends one script and preloads with a page that has islands", async () => {
    const response = await get("/counters");
    assert.match(response.headers.get("link")!, /fresh-runtime\.js>; rel="modulepreload"; as="script"/);
    assert.match(response.headers.get("link")!, /counter\.js>; rel="modulepreload"; as="script"/);
    assert.equal((await response.text()).match(/<script/g)?.length, 1);
  });

  await t.step("preloads every script that the page imports, and each exists", async () => {
    const response = await get("/counters");
    await response.body?.cancel();
    const seen = new Set<string>();
    for (const [, path] of response.headers.get("link")!.matchAll(/<([^>]+)>/g)) {
      const script = await text(path!);
      seen.add(path!);
      for (const [, imported] of script.matchAll(/from"\.\/([^"]+)"/g)) {
        const url = new URL(imported!, fixture.origin + path).pathname;
        assert.match(response.headers.get("link")!, new RegExp(url), `${path} imports ${url}`);
      }
    }
    assert.ok(seen.size >= 4);
  });

  await t.step("puts <Head> into the document's head, in place of what it overrides", async () => {
    const counters = await text("/counters");
    assert.deepEqual(counters.match(/<title>[^<]*<\/title>/g), ["<title>Counters</title>"]);
    const assets = await text("/assets");
    const head = /<head>.*<\/head>/.exec(assets)![0];
    assert.match(head, /<title>Fixture<\/title>/);
    assert.match(head, /<link rel="stylesheet" href="\/style\.css\?__frsh_c=\w+"\/>/);
    assert.match(head, /<meta name="description" content="assets"\/>/);
    assert.match(head, /<style nonce="\w+">p \{ color: red \}<\/style>/);
  });

  await t.step("locks images to the build and marks links to the page and its parents", async () => {
    const assets = await text("/assets");
    assert.match(assets, /<img[^>]* src="\/logo\.svg\?__frsh_c=\w+"/);
    assert.match(await text("/counters"), /<img src="\/logo\.svg"/);
    assert.match(assets, /<a[^>]* aria-current="page"[^>]*>here<\/a>/);
    assert.match(assets, /<a[^>]* aria-current="true"[^>]*>up<\/a>/);
    assert.match(assets, /<a href="\/blog\/1">elsewhere<\/a>/);
  });

  await t.step(
    "uses one nonce for the page's policy and its scripts, and another for the next page",
    async () => {
      const nonces = new Set<string>();
      for (let i = 0; i < 2; i++) {
        const response = await get("/counters");
        const policy = response.headers.get("content-security-policy")!;
        const nonce = /<script type="module" nonce="(\w+)"/.exec(await response.text())![1]!;
        assert.match(policy, new RegExp(`script-src 'self' 'nonce-${nonce}';`));
        assert.match(policy, new RegExp(`style-src 'self' 'nonce-${nonce}';`));
        assert.doesNotMatch(policy, /unsafe-inline/);
        nonces.add(nonce);
      }
      assert.equal(nonces.size, 2);
    },
  );

  await t.step("renders an island inside another as a plain component of it", async () => {
    const nested = await text("/nested");
    assert.equal(nested.match(/<!--frsh:island:/g)?.length, 1);
    assert.match(nested, /<section id="nested"[^>]*><output>Count: 7<\/output>/);
  });

  await t.step("refuses a function as a prop with 500", async () => {
    const response = await withoutErrorLog(() => get("/function-prop"));
    assert.equal(response.status, 500);
    assert.match(await response.text(), /Serializing functions is not supported\./);
  });

  await t.step("sends props that cannot end their script", async () => {
    const page = await text("/props");
    assert.equal(page.match(/<\/script>/g)?.length, 1);
  });
});
