import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

/** Asks for a name and signs in with it. */
export default function SignIn(): JSX.Element {
  const name = useSignal("");
  const problem = useSignal("");
  const busy = useSignal(false);

  async function signIn(event: Event): Promise<void> {
    event.preventDefault();
    busy.value = true;
    problem.value = "";
    try {
      const response = await fetch("/api/auth/sign-in", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: name.value }),
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
        value={name.value}
        onInput={(event) => name.value = event.currentTarget.value}
      />
      <p class="error" role="alert">{problem.value}</p>
      <button type="submit" class="primary" disabled={busy.value}>Sign in</button>
    </form>
  );
}
