import type { JSX } from "preact";

/** What a person sees in place of the page that they asked for. */
export function ErrorPage({ status }: { status: number }): JSX.Element {
  return (
    <main class="narrow">
      <h1>{status === 404 ? "There is nothing here" : "That did not work"}</h1>
      <p>
        {status === 404
          ? "The page you asked for does not exist."
          : status === 429
          ? "There were too many requests from here. Please wait a moment."
          : "The server could not answer. Please try again."}
      </p>
      <p>
        <a href="/">Back to the start</a>
      </p>
    </main>
  );
}
