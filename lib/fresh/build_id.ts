/** The id of the running build. It is process-wide because `asset()` has no context to read it from. */
let buildId: string | undefined;

export function getBuildId(): string {
  return buildId ??= crypto.randomUUID().replaceAll("-", "");
}

export function setBuildId(id: string): void {
  buildId = id;
}
