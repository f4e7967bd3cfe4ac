/** Where a request carries its token, and the cookie that carries it for pages. */
import { parseCookies, serializeCookie } from "../auth/http.ts";
export {};
