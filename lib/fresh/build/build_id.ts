/** The id of a build, as Fresh makes it: nodes built apart have the same one only where the environment names a build. */
import { createHash } from "node:crypto";

export function createBuildId(): string {
  const { env } = Deno;
  const name = env.get("DENO_DEPLOYMENT_ID") || env.get("GITHUB_SHA") || env.get("CI_COMMIT_SHA") ||
    crypto.randomUUID();
  return createHash("sha1").update(name).digest("hex");
}
