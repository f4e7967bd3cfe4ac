import assert from "node:assert/strict";
import { loadSecret } from "../../lib/auth/secret_file.ts";

async function withDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("loadSecret() makes a secret that only its owner may read, and keeps it", async () => {
  await withDirectory(async (directory) => {
    const secret = await loadSecret(`${directory}/data`);
    assert(secret.length >= 32);
    assert.deepEqual(await loadSecret(`${directory}/data`), secret);
    const { mode } = await Deno.stat(`${directory}/data/secret`);
    assert.equal(mode! & 0o777, 0o600);
    assert.deepEqual(Array.from(Deno.readDirSync(`${directory}/data`), ({ name }) => name), ["secret"]);
  });
});

Deno.test("loadSecret() makes another secret in another directory", async () => {
  await withDirectory(async (directory) => {
    assert.notDeepEqual(await loadSecret(`${directory}/a`), await loadSecret(`${directory}/b`));
  });
});

Deno.test("loadSecret() refuses a file that was cut short, and leaves it as it is", async () => {
  await withDirectory(async (directory) => {
    await Deno.writeFile(`${directory}/secret`, new Uint8Array(31));
    await assert.rejects(loadSecret(directory), RangeError);
    assert.equal((await Deno.stat(`${directory}/secret`)).size, 31);
  });
});

Deno.test("loadSecret() gives one secret to all that start at once", async () => {
  await withDirectory(async (directory) => {
    const secrets = await Promise.all(Array.from({ length: 20 }, () => loadSecret(`${directory}/data`)));
    assert.equal(new Set(secrets.map(String)).size, 1);
  });
});

Deno.test("loadSecret() gives one secret to several processes", async () => {
  await withDirectory(async (directory) => {
    const module = new URL("../../lib/auth/secret_file.ts", import.meta.url).href;
    const code = `const { loadSecret } = await import("${module}");
      console.log(String(await loadSecret("${directory}/data")));`;
    const outputs = await Promise.all(Array.from({ length: 3 }, async () => {
      const args = ["eval", "--no-lock", code];
      const { stdout, success } = await new Deno.Command(Deno.execPath(), { args }).output();
      assert(success);
      return new TextDecoder().decode(stdout).trim();
    }));
    assert.equal(new Set(outputs).size, 1);
    assert.equal(outputs[0], String(await loadSecret(`${directory}/data`)));
  });
});
