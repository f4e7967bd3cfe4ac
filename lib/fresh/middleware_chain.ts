/** Runs a chain of middlewares over one context. It knows nothing of routes. */
import { type Context, getUi, setUi, type Ui } from "./context.ts";
import type { MaybeLazyMiddleware } from "./types.ts";

/** One middleware, with the wrappers that apply where it stands in the route tree. */
export interface Step<State> {
  run: MaybeLazyMiddleware<State>;
  ui: Ui<State>;
}

/** Runs the steps in order, and `last` when the innermost one calls `ctx.next()`. */
export function runSteps<State>(
  steps: readonly Step<State>[],
  options: { ctx: Context<State>; last: () => Promise<Response> },
): Promise<Response> {
  const { ctx, last } = options;

  async function runFrom(index: number): Promise<Response> {
    const step = steps[index];
    if (step === undefined) return await last();
    const outerUi = getUi(ctx);
    setUi(ctx, step.ui);
    ctx.next = () => runFrom(index + 1);
    try {
      const result = await step.run(ctx);
      if (typeof result !== "function") return result;
      step.run = result;
      return await result(ctx);
    } catch (error) {
      ctx.error = error;
      throw error;
    } finally {
      setUi(ctx, outerUi);
    }
  }

  return runFrom(0);
}
