/**
 * What pages and islands may import as `fresh/runtime`. It runs on the server and in the browser,
 * so it must not import anything that only one of them has.
 */
export { asset, assetSrcSet } from "./asset.ts";
export { HttpError } from "./error.ts";
export { Head, type HeadProps } from "./head.ts";

/** Whether this code runs in a browser. */
export const IS_BROWSER: boolean = typeof document !== "undefined";
