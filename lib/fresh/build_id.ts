/**
 * The id of the running build. It is process-wide because `asset()` has no context to read it from;
 * the browser's bundle gets a constant in place of this module.
 */
let buildId = crypto.randomUUID().replaceAll("-", "");

export function getBuildId(): string {
  return buildId;
}

export function setBuildId(id: string): void {
  buildId = id;
}
