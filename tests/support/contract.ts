/** Runs one suite of cases on several implementations of an interface. */

/** One case of a contract; `Fixture` is what it needs, made anew for each. */
export interface Case<Fixture> {
  name: string;
  run(fixture: Fixture): Promise<void>;
}

/** Runs the cases as steps of a test; `open` makes an empty fixture. */
export async function runCases<Fixture extends AsyncDisposable>(
  t: Deno.TestContext,
  cases: readonly Case<Fixture>[],
  open: () => Promise<Fixture>,
): Promise<void> {
  for (const { name, run } of cases) {
    await t.step(name, async () => {
      await using fixture = await open();
      await run(fixture);
    });
  }
}
