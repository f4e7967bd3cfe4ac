// Signs HS256 tokens that every server in this folder accepts.
import process from "node:process";
import { SignJWT } from "jose";

const secret = new TextEncoder().encode(process.env.JWT_SECRET);

/** A token for user `id`, good for an hour. */
export function signToken(id) {
  return new SignJWT({
    id,
    name: `User ${id}`,
    email: `${id}@example.test`,
    role: "user",
  })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(id).setIssuedAt().setExpirationTime("1h").setJti(`jti-${id}`)
    .sign(secret);
}
