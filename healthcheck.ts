/** Ends with 0 when the server in this container answers; for the image's HEALTHCHECK. */
const response = await fetch(`http://127.0.0.1:${Deno.env.get("PORT") ?? "8000"}/healthz`);
Deno.exitCode = response.ok ? 0 : 1;
