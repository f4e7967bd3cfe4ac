/** Which JWS algorithms fit which kind of key. The one place that lists them. */

/** Every algorithm of a public key that is served. */
export const PUBLIC_ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
] as const;

/**
 * The algorithms of `configured` where given, else all of `possible`; throws a `RangeError` for one that the
 * key cannot serve, since it would silently refuse every token.
 */
export function fitting(possible: readonly string[], configured?: readonly string[]): readonly string[] {
  if (configured === undefined || configured.length === 0) return possible;
  const wrong = configured.filter((algorithm) => !possible.includes(algorithm));
  if (wrong.length > 0) {
    throw new RangeError(`Cannot use ${wrong.join(", ")} with this key: it serves ${possible.join(", ")}`);
  }
  return configured;
}
