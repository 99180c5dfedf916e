// jose, as Express services use it.

import assert from "node:assert/strict";
import { createRemoteJWKSet, jwtVerify } from "jose";

const { ALGORITHM, ISSUER, AUDIENCE, ACCESS, WRONG, HS256_KEY } = process.env;
const metadata = await (await fetch(`${ISSUER}/.well-known/openid-configuration`)).json();
assert.equal(metadata.issuer, ISSUER);
const keys =
  ALGORITHM === "HS256" ? new TextEncoder().encode(HS256_KEY) : createRemoteJWKSet(new URL(metadata.jwks_uri));
const expected = { issuer: ISSUER, audience: AUDIENCE, algorithms: [ALGORITHM], typ: "at+jwt" };

const { payload } = await jwtVerify(ACCESS, keys, expected);
assert.equal(payload.sub, payload.user_id);

const wrong = Object.entries(JSON.parse(WRONG));
for (const [name, token] of wrong) {
  await assert.rejects(jwtVerify(token, keys, expected), name);
}
const others = [
  { issuer: `${ISSUER}/` },
  { audience: "other-api" },
  { typ: "JWT" },
  { currentDate: new Date(Date.now() + 3_600_000) },
];
for (const other of others) {
  await assert.rejects(jwtVerify(ACCESS, keys, { ...expected, ...other }), JSON.stringify(other));
}
console.log(`jose: ${ALGORITHM} accepted, ${wrong.length + others.length} wrong ones refused`);
