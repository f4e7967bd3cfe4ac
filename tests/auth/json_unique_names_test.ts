import assert from "node:assert/strict";
import fc from "fast-check";
import { hasUniqueNames } from "../../lib/auth/json_unique_names.ts";

Deno.test("hasUniqueNames() accepts whatever JSON.stringify makes of an object", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
    assert.equal(hasUniqueNames(JSON.stringify(object)), true);
    assert.equal(hasUniqueNames(JSON.stringify(object, null, 2)), true);
  }));
});

Deno.test("hasUniqueNames() finds a name that comes twice, wherever and however it is spelled", () => {
  const escaped = (name: string) =>
    `"${
      Array.from({ length: name.length }, (_, n) => `\\u${name.charCodeAt(n).toString(16).padStart(4, "0")}`)
        .join("")
    }"`;
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), fc.nat(), (object, pick) => {
      const names = Object.keys(object);
      const name = names[pick % names.length]!;
      const json = JSON.stringify(object);
      for (const spelled of [JSON.stringify(name), escaped(name)]) {
        assert.equal(hasUniqueNames(`${json.slice(0, -1)},${spelled} : 1}`), false);
        assert.equal(hasUniqueNames(`{${spelled}:[{}],${json.slice(1)}`), false);
      }
    }),
  );
});

Deno.test("hasUniqueNames() looks at the top level only", () => {
  assert.equal(hasUniqueNames('{"a":{"b":1,"b":2},"c":[{"a":1}],"d":"a","e":"\\"a\\":"}'), true);
});
