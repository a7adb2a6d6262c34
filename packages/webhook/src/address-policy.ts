import { isIP, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** An IPv4 or IPv6 address that was parsed. */
type Address = ReturnType<typeof ipaddr.parse>;

/** All that IANA gives out as global unicast (IPv6 address space registry); ipaddr.js calls unicast what it has no name for. */
const GLOBAL_UNICAST = ipaddr.IPv6.parse('2000::');

/** IPv4 behind a translator: the well-known prefix of RFC 6052. With DNS64 all IPv4 hosts have such addresses. */
const NAT64 = ipaddr.IPv6.parse('64:ff9b::');

/** Azure's WireServer, which has metadata and keys of a virtual machine, on a public address (Azure: "What is IP address 168.63.129.16?"). */
const METADATA = new Set(['168.63.129.16']);

/**
 * Why an address is not one of the public internet: the name of the range it is in. Undefined for public unicast addresses.
 * IPv4 inside of IPv6 (mapped, NAT64) is judged as what it leads to. Tunnels (6to4, Teredo) are refused whole, and
 * so is everything reserved: what has no use today may have one tomorrow. A NAT64 prefix of a network's own looks like any
 * other address; its gateway has to keep private addresses out.
 */
export function specialRangeOf(text: string): string | undefined {
  if (isIP(text) === 0) return 'invalid';
  // A zone names an interface of this machine.
  if (text.includes('%')) return 'zoned';
  const address = unwrapped(parseAddress(text));
  if (METADATA.has(address.toString())) return 'metadata';
  const range = address.range();
  if (range !== 'unicast') return range;
  return address instanceof ipaddr.IPv6 && !address.match(GLOBAL_UNICAST, 3) ? 'reserved' : undefined;
}

/** By way of the URL parser's notation: ipaddr.js takes `::1.2.3.4` for an IPv4-mapped address, which it is not. */
function parseAddress(text: string): Address {
  return ipaddr.parse(isIPv6(text) ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text);
}

function unwrapped(address: Address): Address {
  if (!(address instanceof ipaddr.IPv6)) return address;
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  return address.match(NAT64, 96) ? new ipaddr.IPv4(address.toByteArray().slice(12)) : address;
}
