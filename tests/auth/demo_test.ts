import assert from "node:assert/strict";
import { createDemo } from "../../lib/auth/demo.ts";
import { createFileFirstUserStore } from "../../lib/auth/first_user.ts";
import { createIssuer } from "../../lib/auth/issuer.ts";
import { createSecretKeys } from "../../lib/auth/secret_keys.ts";
import { loadSecret } from "../../lib/auth/secret_file.ts";
import { createVerifier } from "../../lib/auth/verifier.ts";

Deno.test("signIn() gives a token that the verifier accepts, and the first user is admin", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const secret = await loadSecret(`${directory}/data`);
    const issuer = await createIssuer({ secret, expiresInS: 60 });
    const demo = createDemo({ issuer, firstUser: createFileFirstUserStore(`${directory}/data/first_user`) });
    const verifier = createVerifier({ keys: await createSecretKeys({ secret }) });

    const ada = await demo.signIn("  Ada\u200b  Lovelace ");
    assert.deepEqual(await verifier.verify(ada.token), ada.identity);
    assert.equal(ada.identity.user.name, "Ada Lovelace");
    assert.equal(ada.identity.user.role, "admin");
    const bob = await demo.signIn("Bob");
    assert.equal(bob.identity.user.role, "user");
    assert.equal((await demo.refresh(ada.identity)).identity.user.role, "admin");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
