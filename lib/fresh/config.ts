/** The configuration of an `App`: what may be given, and what is known once it is resolved. */
export interface FreshConfig {
  /** Path under which the whole app is served, such as "/shop". Default: none. */
  basePath?: string;
  /** Default: "production". */
  mode?: "development" | "production";
  /** Build `ctx.url` from `X-Forwarded-Proto` and `X-Forwarded-Host`. Default: false. */
  trustProxy?: boolean;
}

export interface ResolvedFreshConfig {
  /** Absolute path of the project. */
  root: string;
  basePath: string;
  mode: "development" | "production";
  trustProxy: boolean;
}

/** Fills in the defaults. Throws when the base path could not be matched against a URL. */
export function resolveConfig(config: FreshConfig): ResolvedFreshConfig {
  const { basePath = "", mode = "production", trustProxy = false } = config;
  if (!/^\/?$|^(\/[\w\-.]+)+$/.test(basePath)) {
    throw new Error(`Invalid basePath: it must start with "/" and not end with it, and is "${basePath}"`);
  }
  return { root: ".", basePath: basePath === "/" ? "" : basePath, mode, trustProxy };
}
