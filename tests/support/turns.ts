/** Lets what a library has put off to the next turns of the event loop happen, such as the last words of a poll. */
export async function turns(count = 4): Promise<void> {
  for (; count > 0; count--) await new Promise((resolve) => setTimeout(resolve, 0));
}
