import { HttpError } from "fresh";
import { define } from "../lib/web/define.ts";

export default define.page(function ErrorPage({ error }) {
  const status = error instanceof HttpError ? error.status : 500;
  return (
    <main class="narrow">
      <h1>{status === 404 ? "There is nothing here" : "That did not work"}</h1>
      <p>
        {status === 404
          ? "The page you asked for does not exist."
          : "The server could not answer. Please try again."}
      </p>
      <p>
        <a href="/">Back to the start</a>
      </p>
    </main>
  );
});
