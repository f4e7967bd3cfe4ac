import assert from "node:assert/strict";
import { groupOf } from "../lib/address_group.ts";

Deno.test("groupOf() takes a network of IPv6 for one address", () => {
  const cases: [string, string][] = [
    ["192.168.0.1", "192.168.0.1"],
    ["::ffff:192.168.0.1", "192.168.0.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:0db8:1:2::1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["nonsense:", "nonsense:"],
  ];
  for (const [address, group] of cases) assert.equal(groupOf(address), group);
});
