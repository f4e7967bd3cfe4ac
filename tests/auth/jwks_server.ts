/** A real HTTP server that publishes a key set, and does whatever else a test wants of it. */
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";

/** A key pair of an issuer. */
export interface SigningKey {
  jwk: JWK;
  /** A token of `sub` signed with it. */
  sign(sub: string, header?: Record<string, unknown>): Promise<string>;
}

/** Makes an ES256 pair called `kid`. */
export async function createSigningKey(kid: string): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  return {
    jwk: { ...await exportJWK(publicKey), kid, use: "sig", alg: "ES256" },
    sign: (sub, header = { kid }) =>
      new SignJWT({ sub }).setProtectedHeader({ alg: "ES256", ...header }).sign(privateKey),
  };
}

/** The server. */
export interface JwksServer extends AsyncDisposable {
  url: string;
  /** How many requests came. */
  requests: number;
  /** What it answers. */
  answer: (request: Request) => Response | Promise<Response>;
  publish(...keys: SigningKey[]): void;
}

/** Starts the server on a port that is free. */
export function startJwksServer(...keys: SigningKey[]): JwksServer {
  const listener = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    server.requests++;
    return server.answer(request);
  });
  const server: JwksServer = {
    url: `http://127.0.0.1:${listener.addr.port}/keys`,
    requests: 0,
    answer: () => new Response(null, { status: 404 }),
    publish: (...keys) => server.answer = () => Response.json({ keys: keys.map(({ jwk }) => jwk) }),
    [Symbol.asyncDispose]: () => listener.shutdown(),
  };
  server.publish(...keys);
  return server;
}
