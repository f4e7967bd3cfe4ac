/** The nonce of a rendered page, for the policy that is sent with it. It never leaves as a header of its own. */
const nonces = new WeakMap<Response, string>();

export function setNonce(response: Response, nonce: string): void {
  nonces.set(response, nonce);
}

export function getNonce(response: Response): string | undefined {
  return nonces.get(response);
}
