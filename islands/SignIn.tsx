import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

/** Asks for a name and signs in with it. */
export default function SignIn(): JSX.Element {
  const problem = useSignal("");
  const busy = useSignal(false);

  async function signIn(event: JSX.TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    // from the form itself: it may have been filled before this script was there
    const name = new FormData(event.currentTarget).get("name");
    busy.value = true;
    problem.value = "";
    try {
      const response = await fetch("/api/auth/sign-in", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name }),
      });
      if (response.ok) return location.assign("/");
      const { error } = await response.json();
      problem.value = error.message;
    } catch {
      problem.value = "The server cannot be reached. Please try again.";
    }
    busy.value = false;
  }

  return (
    <form class="card" method="post" action="/api/auth/sign-in" onSubmit={signIn}>
      <label for="name">Your name</label>
      <input
        id="name"
        name="name"
        autocomplete="nickname"
        required
        maxLength={64}
      />
      <p class="error" role="alert">{problem.value}</p>
      <button type="submit" class="primary" disabled={busy.value}>Sign in</button>
    </form>
  );
}
