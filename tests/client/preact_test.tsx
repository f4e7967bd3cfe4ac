/** The hooks on the server, where there is no connection. In the browser they are tested with the island. */
import assert from "node:assert/strict";
import { renderToString } from "preact-render-to-string";
import type { JSX } from "preact";
import { useConnection, useConnectionState } from "../../lib/client/preact.ts";

Deno.test("useConnection() makes no connection on the server", () => {
  function Page(): JSX.Element {
    const connection = useConnection({
      getToken: () => assert.fail("no token is needed"),
      createTransport: () => assert.fail("no line is needed"),
    });
    const state = useConnectionState(connection);
    return <output>{connection === null ? state.value.status : "a connection"}</output>;
  }
  assert.equal(renderToString(<Page />), "<output>disconnected</output>");
});
