/** Which addresses are one client, for whatever counts by address. */

/** An IPv6 network of /64 is one household: its owner has all addresses in it. */
export function groupOf(address: string): string {
  if (!address.includes(":")) return address;
  if (/^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address)) return address.slice(7);
  if (!URL.canParse(`http://[${address.split("%", 1)[0]}]/`)) return address;
  const { hostname } = new URL(`http://[${address.split("%", 1)[0]}]/`);
  const [head = "", tail] = hostname.slice(1, -1).split("::");
  const start = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = tail === undefined
    ? start
    : [...start, ...Array(8 - start.length - rest.length).fill("0"), ...rest];
  return `${groups.slice(0, 4).join(":")}::/64`;
}
