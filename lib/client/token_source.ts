/** Gets tokens from the app. However many ask for a new one at a time, the app is asked once. */

/** What the app's `getToken` is asked. */
export interface TokenRequest {
  /** The last token was refused or runs out: get a new one. Otherwise the current one will do. */
  refresh: boolean;
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal;
}

/** The app's source of tokens: a JWT, or `null` when the user is signed out. A rejection is tried again later. */
export type GetToken = (request: TokenRequest) => string | null | Promise<string | null>;

/** A token. Rejects as `getToken` does, and with the signal's reason when it is aborted. */
type TokenSource = (refresh: boolean, signal: AbortSignal) => Promise<string | null>;

interface Refresh {
  token: Promise<string | null>;
  abort: AbortController;
  callers: number;
}

/** Shares one refresh among its callers. */
export function createTokenSource(getToken: GetToken): TokenSource {
  let current: Refresh | null = null;

  function refresh(): Refresh {
    const abort = new AbortController();
    // in a `then`, so that what getToken throws becomes a rejection
    const token = Promise.resolve().then(() => getToken({ refresh: true, signal: abort.signal }));
    const started: Refresh = { token, abort, callers: 0 };
    const forget = () => {
      if (current === started) current = null;
    };
    token.then(forget, forget);
    return started;
  }

  return async (fresh, signal) => {
    signal.throwIfAborted();
    if (!fresh) return await until(signal, async () => await getToken({ refresh: false, signal }));
    const shared = current ??= refresh();
    shared.callers++;
    try {
      return await until(signal, () => shared.token);
    } finally {
      if (--shared.callers === 0) {
        if (current === shared) current = null;
        shared.abort.abort();
      }
    }
  };
}

/** What `work` comes to, or the abort of `signal`, whichever is first. */
function until<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    work().then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
