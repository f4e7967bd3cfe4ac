/** Tokens for tests, good and bad, signed with the secret that test servers are given. */
import { type JWTPayload, SignJWT } from "jose";
import { TEST_SECRET } from "./test_secret.ts";

/** What differs from a good token of user `ada`. */
export interface TestTokenOptions {
  claims?: JWTPayload & Record<string, unknown>;
  secret?: string;
  /** Seconds from now; `null` for none. Default an hour. */
  expiresInS?: number | null;
}

/** Signs a token. */
export async function testToken(
  { claims = {}, secret = TEST_SECRET, expiresInS = 3600 }: TestTokenOptions = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    ...{
      sub: "ada",
      name: "Ada",
      email: "ada@example.test",
      role: "user",
      iat: now,
      jti: crypto.randomUUID(),
    },
    ...(expiresInS !== null && { exp: now + expiresInS }),
    ...claims,
  };
  return await new SignJWT(payload).setProtectedHeader({ alg: "HS256" }).sign(
    new TextEncoder().encode(secret),
  );
}

/** A token that claims to need no signature. */
export async function unsignedToken(): Promise<string> {
  const [, payload] = (await testToken()).split(".");
  const header = btoa(JSON.stringify({ alg: "none", typ: "JWT" })).replaceAll("=", "");
  return `${header}.${payload}.`;
}
