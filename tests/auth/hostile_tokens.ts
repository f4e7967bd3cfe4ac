/** Tokens that must be refused, each with the code that it must get. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import type { Code } from "../../lib/protocol/codes.ts";
import { encode, hmacToken, keyToken } from "./tokens.ts";

/** The keys that the hostile tokens are tried on. */
export type Target = "secret" | "rsa" | "ec" | "ed";

/** One hostile token. */
export interface HostileToken {
  name: string;
  target: Target;
  token: unknown;
  code: Code;
}

/** The clock of these tests, epoch seconds. */
export const NOW_S = 1_800_000_000;
export const ISSUER = "https://issuer.example";
export const AUDIENCE = "tether";
export const SECRET = "a secret of the server, well over 32 bytes";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");
const foreignRsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const foreignEc = generateKeyPairSync("ec", { namedCurve: "P-256" });
const otherCurve = generateKeyPairSync("ec", { namedCurve: "P-384" });
const foreignEd = generateKeyPairSync("ed25519");

const pem = (pair: { publicKey: KeyObject }) =>
  pair.publicKey.export({ type: "spki", format: "pem" }).toString();
export const PUBLIC_KEYS: Record<"rsa" | "ec" | "ed", string> = { rsa: pem(rsa), ec: pem(ec), ed: pem(ed) };

/** Claims that every target accepts. */
export const CLAIMS = {
  ...{ sub: "mallory", name: "Mallory", role: "admin", jti: "t1", iss: ISSUER, aud: AUDIENCE },
  ...{ iat: NOW_S - 10, exp: NOW_S + 3600 },
};
const HS256 = { alg: "HS256", typ: "JWT" };

/** A token that the target accepts. */
export function goodToken(target: Target): string {
  if (target === "secret") return hmacToken(HS256, CLAIMS, { secret: SECRET });
  const [alg, { privateKey: key }] = {
    rsa: ["RS256", rsa],
    ec: ["ES256", ec],
    ed: ["EdDSA", ed],
  }[target] as [
    string,
    typeof rsa,
  ];
  return keyToken({ alg }, CLAIMS, { key });
}

/** A token with the right signature but other claims; `undefined` takes a claim away. */
function claims(changes: Record<string, unknown> | string): string {
  return hmacToken(HS256, typeof changes === "string" ? changes : { ...CLAIMS, ...changes }, {
    secret: SECRET,
  });
}
/** A token with the right signature but another header. */
function header(value: unknown): string {
  return hmacToken(value, CLAIMS, { secret: SECRET });
}
/** The good token with another signature. */
function signature(change: (signature: string) => string, target: Target = "secret"): string {
  const [protectedHeader, payload, good] = goodToken(target).split(".");
  return `${protectedHeader}.${payload}.${change(good!)}`;
}
/** A claims text with `members` put in front of the good ones. */
function withMembers(members: string): string {
  return JSON.stringify(CLAIMS).replace("{", `{${members},`);
}

function* table(): Generator<[name: string, code: Code, token: unknown, target?: Target]> {
  // nothing, or something else
  yield ["undefined", "auth/missing", undefined];
  yield ["null", "auth/missing", null];
  yield ["an empty text", "auth/missing", ""];
  for (
    const value of [0, 42, NaN, true, false, {}, [], [goodToken("secret")], { token: goodToken("secret") }]
  ) {
    yield [`the value ${JSON.stringify(value)}`.slice(0, 60), "auth/malformed", value];
  }
  yield ["an object that turns into a token", "auth/malformed", { toString: () => goodToken("secret") }];
  yield ["bytes", "auth/malformed", new TextEncoder().encode(goodToken("secret"))];
  yield ["a symbol", "auth/malformed", Symbol("token")];
  yield ["a space", "auth/malformed", " "];
  yield ["two dots", "auth/malformed", ".."];
  yield ["one segment", "auth/malformed", "abc"];
  yield ["two segments", "auth/malformed", goodToken("secret").split(".").slice(0, 2).join(".")];
  yield ["four segments", "auth/malformed", `${goodToken("secret")}.abcd`];
  yield ["an encrypted token's five segments", "auth/malformed", "eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA"];
  yield ["a bearer prefix", "auth/malformed", `Bearer ${goodToken("secret")}`];
  yield ["a line end", "auth/malformed", `${goodToken("secret")}\n`];
  yield ["a NUL", "auth/malformed", `${goodToken("secret")}\0`];
  yield ["letters beyond ASCII", "auth/malformed", goodToken("secret").replace("e", "е")];
  yield ["emoji", "auth/malformed", "🙂.🙂.🙂"];
  yield ["half a surrogate pair", "auth/malformed", `${goodToken("secret")}\ud83d`];
  yield ["1 MB", "auth/malformed", claims({ padding: "x".repeat(750_000) })];
  yield ["1 MB of dots", "auth/malformed", ".".repeat(1_000_000)];
  yield ["1 MB of one letter", "auth/malformed", "A".repeat(1_000_000)];
  yield ["a quarter of a megabyte of brackets", "auth/malformed", claims("[".repeat(180_000))];
  yield ["deep nesting within the limit", "auth/malformed", claims("[".repeat(8000))];

  // the header
  for (
    const alg of [
      "none",
      "None",
      "NONE",
      "nOnE",
      "none ",
      " none",
      "n\u043ene",
      "none\0",
      "null",
      "undefined",
    ]
  ) {
    yield [`alg ${JSON.stringify(alg)} without signature`, "auth/invalid-signature", unsigned({ alg })];
    yield [`alg ${JSON.stringify(alg)} with the right signature`, "auth/invalid-signature", header({ alg })];
  }
  yield ["alg none on a public key", "auth/invalid-signature", unsigned({ alg: "none" }), "rsa"];
  for (
    const alg of ["hs256", "HS-256", "HS256 ", "HS1", "HMAC", "__proto__", "constructor", "A256KW", "dir"]
  ) {
    yield [`alg ${alg}`, "auth/invalid-signature", header({ alg })];
  }
  for (const alg of [undefined, null, "", 0, true, ["HS256"], { toString: "HS256" }]) {
    yield [`alg ${JSON.stringify(alg)}`, "auth/malformed", header({ alg })];
  }
  yield ["a header that is no JSON", "auth/malformed", header("{alg:HS256}")];
  yield ["a header that is an array", "auth/malformed", header(["HS256"])];
  yield ["a header that is a text", "auth/malformed", header('"HS256"')];
  yield ["a header that is null", "auth/malformed", header("null")];
  yield ["a header that is not UTF-8", "auth/malformed", header(new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]))];
  yield ["an empty header", "auth/malformed", `.${goodToken("secret").split(".").slice(1).join(".")}`];
  yield ["a header that names alg twice", "auth/malformed", header('{"alg":"none","alg":"HS256"}')];
  yield ["an unknown critical extension", "auth/malformed", header({ ...HS256, crit: ["exp"], exp: 1 })];
  yield ["a critical extension that is absent", "auth/malformed", header({ ...HS256, crit: ["b64"] })];
  yield ["an empty list of critical extensions", "auth/malformed", header({ ...HS256, crit: [] })];
  yield ["critical extensions that are no list", "auth/malformed", header({ ...HS256, crit: "b64" })];
  yield ["b64 false", "auth/malformed", header({ ...HS256, crit: ["b64"], b64: false })];
  yield ["b64 that is no boolean", "auth/malformed", header({ ...HS256, crit: ["b64"], b64: "false" })];
  for (
    const kid of [
      "unknown",
      "../../../../dev/null",
      "/dev/null",
      "' OR 1=1 --",
      "\0",
      "x".repeat(5000),
      7,
      null,
    ]
  ) {
    const token = hmacToken({ ...HS256, kid }, CLAIMS, { secret: "" });
    yield [`kid ${JSON.stringify(kid).slice(0, 30)} with an empty secret`, "auth/invalid-signature", token];
  }
  const jwk = foreignRsa.publicKey.export({ format: "jwk" });
  const evil = "https://evil.example/keys";
  for (const extra of [{ jku: evil }, { x5u: evil }, { jwk }, { x5c: ["MIIB"] }, { jwk, kid: "k1" }]) {
    const token = keyToken({ alg: "RS256", ...extra }, CLAIMS, { key: foreignRsa.privateKey });
    yield [`a key brought along in ${Object.keys(extra)}`, "auth/invalid-signature", token, "rsa"];
  }
  const oct = { kty: "oct", k: encode("attacker") };
  const broughtSecret = hmacToken({ ...HS256, jwk: oct }, CLAIMS, { secret: "attacker" });
  yield ["a secret brought along in jwk", "auth/invalid-signature", broughtSecret];

  // one kind of key passed off as another
  const der = new Uint8Array(rsa.publicKey.export({ type: "spki", format: "der" }));
  const pkcs1 = rsa.publicKey.export({ type: "pkcs1", format: "pem" }).toString();
  const publicForms = {
    "PEM": PUBLIC_KEYS.rsa,
    "PEM without its line end": PUBLIC_KEYS.rsa.trim(),
    "PKCS#1 PEM": pkcs1,
    "DER": der,
    "modulus": rsa.publicKey.export({ format: "jwk" }).n!,
    "JWK": JSON.stringify(rsa.publicKey.export({ format: "jwk" })),
  };
  for (const [form, secret] of Object.entries(publicForms)) {
    const token = hmacToken(HS256, CLAIMS, { secret });
    yield [`HS256 with the RSA key's ${form} as secret`, "auth/invalid-signature", token, "rsa"];
  }
  const hs512 = hmacToken({ alg: "HS512" }, CLAIMS, { secret: PUBLIC_KEYS.rsa, bits: 512 });
  yield ["HS512 with the RSA key's PEM as secret", "auth/invalid-signature", hs512, "rsa"];
  const ecAsSecret = hmacToken(HS256, CLAIMS, { secret: PUBLIC_KEYS.ec });
  yield ["HS256 with the EC key's PEM as secret", "auth/invalid-signature", ecAsSecret, "ec"];
  const lied = hmacToken({ alg: "RS256" }, CLAIMS, { secret: PUBLIC_KEYS.rsa });
  yield ["RS256 over an HMAC", "auth/invalid-signature", lied, "rsa"];
  yield ["RS256 on a secret", "auth/invalid-signature", goodToken("rsa")];
  yield ["ES256 on an RSA key", "auth/invalid-signature", goodToken("ec"), "rsa"];
  yield ["RS256 on an EC key", "auth/invalid-signature", goodToken("rsa"), "ec"];
  yield ["EdDSA on an EC key", "auth/invalid-signature", goodToken("ed"), "ec"];
  const curve = keyToken({ alg: "ES256" }, CLAIMS, { key: otherCurve.privateKey });
  yield ["ES256 signed on P-384", "auth/invalid-signature", curve, "ec"];
  const es384 = keyToken({ alg: "ES384" }, CLAIMS, { key: otherCurve.privateKey, bits: 384 });
  yield ["ES384 on a P-256 key", "auth/invalid-signature", es384, "ec"];
  const es512 = keyToken({ alg: "ES512" }, CLAIMS, { key: ec.privateKey, bits: 512 });
  yield ["ES512 signed on P-256", "auth/invalid-signature", es512, "ec"];
  const ps256 = keyToken({ alg: "PS256" }, CLAIMS, { key: rsa.privateKey });
  yield ["PS256 over a PKCS#1 signature", "auth/invalid-signature", ps256, "rsa"];
  const es256k = keyToken({ alg: "ES256K" }, CLAIMS, { key: ec.privateKey });
  yield ["ES256K", "auth/invalid-signature", es256k, "ec"];
  const ed448 = keyToken({ alg: "Ed448" }, CLAIMS, { key: ed.privateKey });
  yield ["Ed448", "auth/invalid-signature", ed448, "ed"];
  const foreign = { rsa: foreignRsa, ec: foreignEc, ed: foreignEd };
  for (const [target, pair] of Object.entries(foreign)) {
    const alg = { rsa: "RS256", ec: "ES256", ed: "EdDSA" }[target];
    const token = keyToken({ alg }, CLAIMS, { key: pair.privateKey });
    yield [`another ${target} key`, "auth/invalid-signature", token, target as Target];
  }
  yield ["another secret", "auth/invalid-signature", hmacToken(HS256, CLAIMS, { secret: "another" })];

  // the signature
  for (const target of ["secret", "rsa", "ec", "ed"] as const) {
    yield [`an empty ${target} signature`, "auth/invalid-signature", signature(() => "", target), target];
    const truncated = signature((good) => good.slice(0, -4), target);
    yield [`a truncated ${target} signature`, truncatedCode(truncated), truncated, target];
    const flipped = signature((good) => (good[0] === "A" ? "B" : "A") + good.slice(1), target);
    yield [`a changed ${target} signature`, "auth/invalid-signature", flipped, target];
  }
  yield ["a longer signature", "auth/invalid-signature", signature((good) => encode(decode(good + "A")))];
  yield [
    "a zero ECDSA signature",
    "auth/invalid-signature",
    signature(() => encode(new Uint8Array(64)), "ec"),
    "ec",
  ];
  const derSignature = keyToken({ alg: "ES256" }, CLAIMS, { key: ec.privateKey, dsaEncoding: "der" });
  yield ["an ECDSA signature in DER", "auth/invalid-signature", derSignature, "ec"];
  yield ["a signature with stray last bits", "auth/malformed", signature(strayBits)];
  yield ["a padded signature", "auth/malformed", signature((good) => `${good}=`)];
  yield [
    "a signature in base64 instead of base64url",
    "auth/malformed",
    signature((good) => `+/${good.slice(2)}`),
  ];
  yield [
    "a signature with a space",
    "auth/malformed",
    signature((good) => `${good.slice(0, 8)} ${good.slice(8)}`),
  ];
  const [protectedHeader, , signed] = goodToken("secret").split(".");
  const swapped = `${protectedHeader}.${encode({ ...CLAIMS, sub: "admin" })}.${signed}`;
  yield ["changed claims", "auth/invalid-signature", swapped];

  // the claims
  yield ["claims that are no JSON", "auth/malformed", claims("{sub:1}")];
  yield ["claims that are an array", "auth/malformed", claims("[]")];
  yield ["claims that are null", "auth/malformed", claims("null")];
  yield ["claims that are a number", "auth/malformed", claims("1")];
  yield ["no claims", "auth/malformed", claims("")];
  yield ["a token in a token", "auth/malformed", claims(goodToken("secret"))];
  yield ["a token in a token, as JSON", "auth/malformed", claims(JSON.stringify(goodToken("secret")))];
  yield ["sub named twice", "auth/malformed", claims(withMembers('"sub":"ada"'))];
  yield ["sub named twice, once escaped", "auth/malformed", claims(withMembers('"\\u0073ub":"ada"'))];
  yield ["role named twice", "auth/malformed", claims(withMembers('"role":"user"'))];
  yield ["exp named twice", "auth/malformed", claims(withMembers('"exp":1'))];
  for (const sub of ["", 7, true, {}, ["ada"], "a\0b", "\ud83d", "x".repeat(201)]) {
    yield [`sub ${JSON.stringify(sub).slice(0, 30)}`, "auth/malformed", claims({ sub })];
  }
  yield ["neither sub nor id", "auth/malformed", claims({ sub: undefined })];
  yield ["sub and id null", "auth/malformed", claims({ sub: null, id: null })];
  for (
    const [claim, value] of Object.entries({ name: {}, email: 7, role: ["admin"], picture: true, jti: 7 })
  ) {
    yield [`${claim} of the wrong type`, "auth/malformed", claims({ [claim]: value })];
  }
  yield ["a role with a control character", "auth/malformed", claims({ role: "ad\0min" })];
  yield ["an empty jti", "auth/malformed", claims({ jti: "" })];
  yield ["no exp", "auth/malformed", claims({ exp: undefined })];
  for (const exp of [null, `${NOW_S + 60}`, "never", true, [NOW_S + 60], {}, NOW_S + 60.5, 253_402_300_799]) {
    yield [`exp ${JSON.stringify(exp)}`, "auth/malformed", claims({ exp })];
  }
  yield [
    "exp beyond every number",
    "auth/malformed",
    claims(withMembers('"exp":1e999').replace(/,"exp":\d+/, "")),
  ];
  for (const exp of [0, -1, -1e300, 1.5, NOW_S - 6, NOW_S - 5]) {
    yield [`exp ${exp}`, "auth/expired", claims({ exp })];
  }
  yield ["exp in milliseconds", "auth/malformed", claims({ exp: (NOW_S + 60) * 1000 })];
  for (const nbf of [NOW_S + 6, NOW_S * 1000, 253_402_300_799]) {
    yield [`nbf ${nbf}`, "auth/not-yet-valid", claims({ nbf })];
  }
  yield ["nbf as text", "auth/malformed", claims({ nbf: "0" })];
  yield ["iat ahead of the clock", "auth/not-yet-valid", claims({ iat: NOW_S + 60 })];
  yield ["iat as text", "auth/malformed", claims({ iat: `${NOW_S}` })];
  for (const iss of [undefined, null, "", "https://issuer.example/", "https://evil.example", [ISSUER], 7]) {
    yield [`iss ${JSON.stringify(iss)}`, "auth/wrong-issuer", claims({ iss })];
  }
  for (const aud of [undefined, null, "", "other", "tether2", ["other"], [[AUDIENCE]], { 0: AUDIENCE }, 7]) {
    yield [`aud ${JSON.stringify(aud)}`, "auth/wrong-audience", claims({ aud })];
  }
}

function unsigned(protectedHeader: unknown): string {
  return `${encode(protectedHeader)}.${encode(CLAIMS)}.`;
}

function decode(text: string): Uint8Array {
  return Uint8Array.fromBase64(text, { alphabet: "base64url", lastChunkHandling: "loose" });
}

/** The same bytes with a bit set that base64url does not use. */
function strayBits(good: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return good.slice(0, -1) + alphabet[alphabet.indexOf(good.at(-1)!) + 1];
}

/** Cut at a character, a signature may end in stray bits. */
function truncatedCode(token: string): Code {
  const last = token.slice(token.lastIndexOf(".") + 1);
  return encode(decode(last)) === last ? "auth/invalid-signature" : "auth/malformed";
}

/** The whole table. */
export function hostileTokens(): HostileToken[] {
  return Array.from(table(), ([name, code, token, target = "secret"]) => ({ name, code, token, target }));
}
