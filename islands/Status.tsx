import type { JSX } from "preact";
import { BadgeFace } from "../lib/web/components/BadgeFace.tsx";
import { useStatus } from "../lib/web/components/connection_status.ts";

/** The connection on a page that is about something else: a badge, which leads to the page about the connection. */
export default function Status(): JSX.Element {
  const { state, shown } = useStatus();
  return (
    <aside class="connection" aria-label="Connection" data-status={state.value.status}>
      <div class="badge-line">
        <p class="badge-notice" role="status">{shown.value.notice}</p>
        <a class="badge" href="/" title="Details of the connection">
          <BadgeFace state={shown.value.state} />
        </a>
      </div>
    </aside>
  );
}
