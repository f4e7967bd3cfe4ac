/** A verifier that also knows revocations: the one that handshakes, refreshes and requests should ask. */
import type { Revocations } from "./revocations.ts";
import type { TokenVerifier } from "./verifier.ts";

/** `verifier`, but a revoked token is refused too; looked up at every use, also for tokens verified before. */
export function withRevocation(verifier: TokenVerifier, revocations: Revocations): TokenVerifier {
  return {
    async verify(token) {
      const identity = await verifier.verify(token);
      await revocations.assertValid(identity);
      return identity;
    },
  };
}
