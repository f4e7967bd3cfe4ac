/**
 * A key set behind a URL as a key source: fetched at once, then regularly, and when a token names a key that is not
 * in it. A set that was good once serves for a day, or until a better one arrives; failures are reported and tried again.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { ProtocolError } from "../protocol/codes.ts";
import { fitting, PUBLIC_ALGORITHMS } from "./algorithms.ts";
import type { KeySource } from "./key_source.ts";
import { readBounded } from "../bounded_body.ts";

/** Times in milliseconds. */
export interface JwksKeysOptions {
  url: string | URL;
  /** Narrows the algorithms of public keys. */
  algorithms?: readonly string[];
  /** How long one fetch may take. Default 5 s. */
  timeoutMs?: number;
  /** How often the set is fetched. Default 5 min. */
  refreshMs?: number;
  /** The least time between two fetches, whatever tokens ask for. Default 5 s. */
  cooldownMs?: number;
  /** How long a set is trusted that cannot be fetched again. Default a day. */
  maxStaleMs?: number;
  /** The largest answer, in bytes. Default 256 KiB. */
  maxBytes?: number;
  /** Told of every failed fetch. */
  onError?: (error: Error) => void;
  /** The clock, milliseconds. */
  now?: () => number;
}

const MAX_KEYS = 100;
const MAX_KID_LENGTH = 200;

/** The key source of `JWT_JWKS_URL`. Dispose it to end its fetching. */
export function createJwksKeys(options: JwksKeysOptions): KeySource {
  const { algorithms, timeoutMs = 5000, refreshMs = 300_000, cooldownMs = 5000 } = options;
  const { maxStaleMs = 86_400_000, maxBytes = 256 * 1024, onError = () => {}, now = Date.now } = options;
  const url = new URL(options.url);
  const closed = new AbortController();
  let known: { text: string; keys: JWTVerifyGetKey; fetchedAt: number } | undefined;
  let generation = 0;
  let fetching: Promise<void> | undefined;
  let notBefore = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const source: KeySource = {
    algorithms: fitting(PUBLIC_ALGORITHMS, algorithms),
    get generation() {
      return generation;
    },
    async find(header, token) {
      const { kid } = header;
      if (kid !== undefined && (typeof kid !== "string" || kid.length > MAX_KID_LENGTH)) {
        throw new errors.JWKSNoMatchingKey();
      }
      if (!known) await refreshUnlessCooling();
      try {
        return await knownKeys()(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      }
      await refreshUnlessCooling();
      return await knownKeys()(header, token);
    },
    [Symbol.dispose]() {
      closed.abort();
      clearTimeout(timer);
    },
  };
  refresh();
  return source;

  function knownKeys(): JWTVerifyGetKey {
    if (known) return known.keys;
    const retryAfterMs = Math.max(0, notBefore - now());
    throw new ProtocolError("auth/keys-unavailable", undefined, { retryAfterMs });
  }

  function refreshUnlessCooling(): Promise<void> | undefined {
    return now() < notBefore ? fetching : refresh();
  }

  /** Joins the running fetch or starts one; never rejects. With one at a time, no late answer undoes a newer one. */
  function refresh(): Promise<void> {
    return fetching ??= replace().finally(() => fetching = undefined);
  }

  async function replace(): Promise<void> {
    clearTimeout(timer);
    notBefore = now() + cooldownMs;
    let waitMs = refreshMs;
    try {
      const text = await fetchText();
      if (text !== known?.text) {
        known = { text, keys: parseKeySet(text), fetchedAt: now() };
        generation++;
      } else known.fetchedAt = now();
    } catch (error) {
      if (!closed.signal.aborted) onError(new Error(`Cannot fetch the key set: ${reasonOf(error)}`));
      waitMs = Math.min(cooldownMs, refreshMs);
      // a key that was withdrawn meanwhile must not open doors for ever
      if (known !== undefined && now() - known.fetchedAt >= maxStaleMs) {
        known = undefined;
        generation++;
      }
    }
    if (!closed.signal.aborted) timer = setTimeout(refresh, waitMs);
  }

  async function fetchText(): Promise<string> {
    const timeout = new AbortController();
    const timeoutTimer = setTimeout(() => timeout.abort(new Error("The answer took too long")), timeoutMs);
    try {
      const response = await fetch(url, {
        headers: { accept: "application/jwk-set+json, application/json" },
        redirect: "error",
        signal: AbortSignal.any([timeout.signal, closed.signal]),
      });
      if (response.status === 200) return await readBounded(response.body, maxBytes);
      await response.body?.cancel();
      throw new Error(`The answer has status ${response.status}`);
    } finally {
      clearTimeout(timeoutTimer);
    }
  }
}

/** What went wrong, without the URL, which may carry a password; no cause, which would have it too. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  return text.replaceAll(/\s*\(?https?:\/\/[^\s)]*\)?/g, "");
}

/** A set that could verify nothing is taken for a mistake: it must not push out a good one. */
function parseKeySet(text: string): JWTVerifyGetKey {
  const set = JSON.parse(text) as JSONWebKeySet;
  const keys = createLocalJWKSet(set);
  if (set.keys.length > MAX_KEYS) throw new RangeError(`The key set has more than ${MAX_KEYS} keys`);
  if (
    !set.keys.some(({ kty, use }) => ["RSA", "EC", "OKP"].includes(kty ?? "") && (use ?? "sig") === "sig")
  ) {
    throw new TypeError("The key set has no key that verifies");
  }
  return keys;
}
