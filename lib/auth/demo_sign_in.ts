/**
 * Sign-in by name, without a password, for a server that has no keys configured. A name proves nothing, so it is
 * not an identity: every sign-in makes a new user with a random id, which lives on in the token and its renewals.
 * Nobody can become another user by typing that user's name.
 */
import { ProtocolError } from "../protocol/codes.ts";
import type { User } from "../protocol/events.ts";
import { userId } from "../protocol/ids.ts";
import { DEFAULT_ROLE, type Identity } from "./claims.ts";
import type { IsFirstUser } from "./first_user.ts";
import type { Issued, Issuer } from "./issuer.ts";
import { cleanText } from "./clean_text.ts";

/** The demo sign-in. */
export interface Demo {
  /** Makes a new user called `name`; rejects with `request/invalid` when the name cannot be used. */
  signIn(name: unknown): Promise<Issued>;
  /** A new token for the same user, with the role read again. */
  refresh(identity: Identity): Promise<Issued>;
}

/** The longest name, in code points. */
const MAX_DEMO_NAME = 64;

/** The first user is `admin`. */
export function createDemo({ issuer, isFirst }: { issuer: Issuer; isFirst: IsFirstUser }): Demo {
  async function issue(user: User, family: string) {
    const role = await isFirst(user.id) ? "admin" : DEFAULT_ROLE;
    return await issuer.issue({ ...user, role }, family);
  }
  return {
    async signIn(name) {
      const user = { id: userId(crypto.randomUUID()), name: demoName(name), role: DEFAULT_ROLE };
      return await issue(user, crypto.randomUUID());
    },
    refresh: ({ user, family, jti }) => issue(user, family ?? jti),
  };
}

/** `value` as a name: NFC, visible, 1–64 code points; throws `request/invalid` otherwise. */
export function demoName(value: unknown): string {
  // the length of the raw text is bounded too, so that cleaning has little to do
  const name = typeof value === "string" && value.length <= 1000 ? cleanText(value, MAX_DEMO_NAME + 1) : "";
  if (!/[\p{L}\p{N}\p{P}\p{S}]/u.test(name) || Array.from(name).length > MAX_DEMO_NAME) {
    throw new ProtocolError("request/invalid", `A name must have 1 to ${MAX_DEMO_NAME} visible characters.`);
  }
  return name;
}
