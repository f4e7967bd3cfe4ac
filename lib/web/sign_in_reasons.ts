/** Plain sentences for people, by code. The codes' own messages are for developers. */
import { type Context, HttpError } from "fresh";
import { actionOf, type Code } from "../protocol/codes.ts";
import type { State } from "./request_state.ts";

const REASONS: Partial<Record<Code, string>> = {
  "auth/missing": "Please sign in.",
  "auth/malformed": "Your sign-in could not be read. Please sign in again.",
  "auth/invalid-signature": "Your sign-in is not valid on this server. Please sign in again.",
  "auth/wrong-issuer": "Your sign-in was issued somewhere else. Please sign in again.",
  "auth/wrong-audience": "Your sign-in was issued for something else. Please sign in again.",
  "auth/expired": "Your sign-in has expired. Please sign in again.",
  "auth/revoked": "You were signed out. Please sign in again.",
  "session/expired": "Your sign-in has expired. Please sign in again.",
  "session/revoked": "You were signed out. Please sign in again.",
  "session/ended": "An administrator ended your session.",
  "request/invalid": "Please give a name of 1 to 64 visible characters.",
  "request/too-large": "Please give a name of 1 to 64 visible characters.",
  "admission/too-many-sessions": "You have too many open windows here. Close some, then sign in again.",
};

/** What to tell a person who was sent to the sign-in page because of `code`. */
export function reasonFor(code: string): string {
  return Object.hasOwn(REASONS, code) ? REASONS[code as Code]! : "Please sign in again.";
}

/** Sends somebody without a good token to sign in, and says why it was not good, if they had one. */
export function toSignIn(ctx: Context<State>): Response {
  const { refused } = ctx.state;
  if (refused === undefined) return ctx.redirect("/sign-in", 303);
  // a token that cannot be judged now may be good: signing in anew is not what helps
  if (actionOf(refused.code) !== "reauth") throw new HttpError(503);
  return ctx.redirect(`/sign-in?because=${encodeURIComponent(refused.code)}`, 303);
}
