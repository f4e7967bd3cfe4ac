import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

/** Signs out, which ends the sessions of this sign-in in all windows. */
export default function SignOut(): JSX.Element {
  const problem = useSignal("");
  const busy = useSignal(false);

  async function signOut(): Promise<void> {
    busy.value = true;
    try {
      const { ok, status } = await fetch("/api/auth/sign-out", { method: "POST" });
      // who was signed out meanwhile wants the same page
      if (ok || status === 401) return location.assign("/sign-in");
      problem.value = "Signing out did not work. Please try again.";
    } catch {
      problem.value = "The server cannot be reached. Please try again.";
    }
    busy.value = false;
  }

  return (
    <>
      <button type="button" disabled={busy.value} onClick={signOut}>Sign out</button>{" "}
      <span class="error" role="alert">{problem.value}</span>
    </>
  );
}
