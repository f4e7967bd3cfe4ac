/** A client of the classic WebDriver protocol (w3.org/TR/webdriver2), as much of it as the stories need. */

/** A reference to an element of a page. */
export interface WebElement {
  "element-6066-11e4-a52e-4f735466cecf": string;
}

/** A session with a browser of its own. Disposing it ends the browser. */
export interface WebDriverSession extends AsyncDisposable {
  /** One command below `/session/{id}`; answers its value, and throws the error that the driver answers. */
  command(method: "GET" | "POST", path: string, body?: Record<string, unknown>): Promise<unknown>;
}

/** Starts a session at the driver that listens at `url`. */
export async function newSession(
  url: string,
  alwaysMatch: Record<string, unknown>,
): Promise<WebDriverSession> {
  const { sessionId } = await ask("POST", `${url}/session`, { capabilities: { alwaysMatch } }) as {
    sessionId: string;
  };
  const session = `${url}/session/${sessionId}`;
  return {
    command: (method, path, body) =>
      ask(method, `${session}${path}`, method === "POST" ? body ?? {} : undefined),
    [Symbol.asyncDispose]: async () => void await ask("DELETE", session),
  };
}

/** The identifier by which commands name an element. */
export function elementId(element: WebElement): string {
  return element["element-6066-11e4-a52e-4f735466cecf"];
}

async function ask(method: string, url: string, body?: Record<string, unknown>): Promise<unknown> {
  const response = await fetch(url, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: { "content-type": "application/json" },
    signal: AbortSignal.timeout(30_000),
  });
  const { value } = await response.json();
  if (!response.ok) {
    throw new Error(`Cannot ${method} ${new URL(url).pathname}: ${value.error}: ${value.message}`);
  }
  return value;
}
