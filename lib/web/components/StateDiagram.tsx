const STATES = ["disconnected", "connecting", "connected", "reconnecting"] as const;

/** The states of a connection, with the present one lit. */
export function StateDiagram({ current }: { current: (typeof STATES)[number] }) {
  return (
    <ol class="states" aria-label="States of the connection">
      {STATES.map((state) => (
        <li
          key={state}
          class={state === current ? "lit" : ""}
          aria-current={state === current ? "step" : undefined}
        >
          {state}
        </li>
      ))}
    </ol>
  );
}
