/** What keeps the process from starting, told in one message instead of a stack. */
import { ConfigError } from "./config.ts";

/** The message for an error that whoever starts the server can mend; `undefined` for a fault of the program. */
export function startProblem(error: unknown): string | undefined {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof Deno.errors.AddrInUse) {
    return "Cannot start: the port is in use by another process. Set PORT to another one, or end that process.";
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return "Cannot start: HOST is no address of this machine.";
  }
  if (error instanceof Deno.errors.NotCapable) {
    return `Cannot start: Deno was started without a permission that is needed (${error.message}).`;
  }
  if (error instanceof Deno.errors.PermissionDenied) return `Cannot start: ${error.message}.`;
  return undefined;
}

/** Runs a step of the start; what its user can mend ends the process with one message and code 1. */
export async function starting<T>(step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    const problem = startProblem(error);
    if (problem === undefined) throw error;
    console.error(problem);
    return Deno.exit(1);
  }
}
