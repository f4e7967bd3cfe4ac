/** What a process of this machine has used so far. */

// the kernel's unit of CPU time on Linux
const TICK_MS = 10;

/** The CPU time of a process so far, in milliseconds, in steps of 10. Under the tests' permissions, `cat` reads it. */
export async function cpuMs(pid: number): Promise<number> {
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/stat`] }).output();
  const stat = new TextDecoder().decode(stdout);
  // what stands before may contain blanks: the name in parentheses
  const [utime, stime] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
  return (Number(utime) + Number(stime)) * TICK_MS;
}
