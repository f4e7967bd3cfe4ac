/**
 * A key set behind a URL as a key source: fetched at once, then regularly, and when a token names a key that is not
 * in it. A set that was good once serves until a better one arrives; failures are reported and tried again.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { ProtocolError } from "../protocol/codes.ts";
import { fitting, PUBLIC_ALGORITHMS } from "./algorithms.ts";
import type { KeySource } from "./keys.ts";
import { readBounded } from "./read_bounded.ts";

/** Options of {@linkcode createJwksKeys}. Times in milliseconds. */
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
  /** The largest answer, in bytes. Default 256 KiB. */
  maxBytes?: number;
  /** Told of every failed fetch. */
  onError?: (error: Error) => void;
  /** The clock, milliseconds. */
  now?: () => number;
}

const MAX_KEYS = 100;
const MAX_KID_LENGTH = 200;

/** Makes the key source of `JWT_JWKS_URL`. Dispose it to end its fetching. */
export function createJwksKeys(options: JwksKeysOptions): KeySource {
  return new JwksKeys(options);
}

class JwksKeys implements KeySource {
  readonly algorithms: readonly string[];
  readonly #options: Required<Omit<JwksKeysOptions, "algorithms">>;
  readonly #closed = new AbortController();
  #text = "";
  #generation = 0;
  #keys: JWTVerifyGetKey | undefined;
  #fetching: Promise<void> | undefined;
  #notBefore = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor({ url, algorithms, ...options }: JwksKeysOptions) {
    this.algorithms = fitting(PUBLIC_ALGORITHMS, algorithms);
    this.#options = {
      timeoutMs: 5000,
      refreshMs: 300_000,
      cooldownMs: 5000,
      maxBytes: 256 * 1024,
      onError: () => {},
      now: Date.now,
      ...options,
      url: new URL(url),
    };
    this.#refresh();
  }

  get generation(): number {
    return this.#generation;
  }

  readonly find: JWTVerifyGetKey = async (header, token) => {
    const { kid } = header;
    if (kid !== undefined && (typeof kid !== "string" || kid.length > MAX_KID_LENGTH)) {
      throw new errors.JWKSNoMatchingKey();
    }
    if (!this.#keys) await this.#refreshUnlessCooling();
    try {
      return await this.#knownKeys()(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    await this.#refreshUnlessCooling();
    return await this.#knownKeys()(header, token);
  };

  #knownKeys(): JWTVerifyGetKey {
    if (this.#keys) return this.#keys;
    const retryAfterMs = Math.max(0, this.#notBefore - this.#options.now());
    throw new ProtocolError("auth/keys-unavailable", undefined, { retryAfterMs });
  }

  #refreshUnlessCooling(): Promise<void> | undefined {
    return this.#fetching || this.#options.now() >= this.#notBefore ? this.#refresh() : undefined;
  }

  /** Joins the running fetch or starts one; never rejects. With one at a time, no late answer can undo a newer one. */
  #refresh(): Promise<void> {
    return this.#fetching ??= this.#replace().finally(() => this.#fetching = undefined);
  }

  async #replace(): Promise<void> {
    const { now, cooldownMs, refreshMs, onError } = this.#options;
    clearTimeout(this.#timer);
    this.#notBefore = now() + cooldownMs;
    let failed = false;
    try {
      const text = await this.#fetch();
      if (text !== this.#text) {
        this.#keys = parseKeySet(text);
        this.#text = text;
        this.#generation++;
      }
    } catch (error) {
      failed = true;
      if (!this.#closed.signal.aborted) onError(new Error("Cannot fetch the key set", { cause: error }));
    }
    if (this.#closed.signal.aborted) return;
    this.#timer = setTimeout(() => this.#refresh(), failed ? Math.min(cooldownMs, refreshMs) : refreshMs);
  }

  async #fetch(): Promise<string> {
    const { url, timeoutMs, maxBytes } = this.#options;
    const timeout = new AbortController();
    const timer = setTimeout(
      () => timeout.abort(new DOMException("It took too long", "TimeoutError")),
      timeoutMs,
    );
    const signal = AbortSignal.any([timeout.signal, this.#closed.signal]);
    try {
      const headers = { accept: "application/jwk-set+json, application/json" };
      const response = await fetch(url, { headers, signal, redirect: "error" });
      if (response.status === 200) return await readBounded(response, maxBytes);
      await response.body?.cancel();
      throw new Error(`The answer has status ${response.status}`);
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    this.#closed.abort();
    clearTimeout(this.#timer);
  }
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
