/** Pages of the built fixture: head, links, policy, and what is sent for islands. */
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

  await t.step("parity: sends one script, and preloads the entries of a page that has islands", async () => {
    const response = await get("/counters");
    const preloads = response.headers.get("link")!.split(", ").map((link) =>
      /^<\/_fresh\/js\/\w+\/([\w-]+)\.js>; rel="modulepreload"; as="script"$/.exec(link)?.[1]
    );
    assert.deepEqual(preloads, ["fresh-runtime", "counter", "local"]);
    assert.equal((await response.text()).match(/<script/g)?.length, 1);
  });

  await t.step("puts <Head> into the document's head, in place of what it overrides", async () => {
    const head = /<head>.*<\/head>/.exec(await text("/head"))![0];
    assert.deepEqual(head.match(/<title>[^<]*<\/title>/g), ["<title>Head</title>"]);
    assert.match(head, /<meta name="description" content="head"\/>/);
    assert.match(
      head,
      /href="\/style\.css\?__frsh_c=\w+".*<link rel="stylesheet" href="\/more\.css" data-key="more"\/>/,
    );
  });

  await t.step("marks links to the page and its parents", async () => {
    const page = await text("/head");
    assert.match(page, /<a[^>]* aria-current="page"[^>]*>here<\/a>/);
    assert.match(page, /<a[^>]* aria-current="true"[^>]*>up<\/a>/);
    assert.match(page, /<a href="\/blog\/1">elsewhere<\/a>/);
  });

  await t.step(
    "uses one nonce for the page's policy and its script, and another for the next page",
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

  await t.step("sends props that cannot end their script", async () => {
    const page = await text("/counters");
    assert.equal(page.match(/<\/script>/g)?.length, 1);
  });

  await t.step("refuses a prop that JSON would not give back as it was", async () => {
    assert.match(await text("/props?none"), /<section id="nested"/);
    for (
      const [kind, message] of [
        ["function", /Serializing functions is not supported\./],
        ["date", /Cannot send "given" to an island: it is not plain JSON/],
        ["nan", /Cannot send "given"/],
        ["hole", /Cannot send "given"/],
        ["element", /Cannot send "deep"/],
      ] as const
    ) {
      const response = await withoutErrorLog(() => get(`/props?${kind}`));
      assert.equal(response.status, 500, kind);
      assert.match((await response.text()).replaceAll("&quot;", '"'), message);
    }
  });
});
