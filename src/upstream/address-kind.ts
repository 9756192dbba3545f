import ipaddr from 'ipaddr.js';

/**
 * Who answers at an address:
 * - `public`: a host of the internet;
 * - `private`: one of a local network (RFC 1918, RFC 4193, RFC 6598);
 * - `loopback`: this machine;
 * - `forbidden`: link-local, clouds' metadata services, unspecified, multicast, reserved.
 */
export type AddressKind = 'public' | 'private' | 'loopback' | 'forbidden';

/** Metadata services outside of the link-local range: AWS (IPv6), Alibaba Cloud, Azure, Oracle Cloud. */
const metadataAddresses: ReadonlySet<string> = new Set([
  'fd00:ec2::254',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
]);

const kinds: Readonly<Record<string, AddressKind>> = {
  unicast: 'public',
  private: 'private',
  carrierGradeNat: 'private',
  uniqueLocal: 'private',
  loopback: 'loopback',
};

/** Fake addresses of clients' proxies that resolve names themselves (RFC 2544). */
const benchmarking = ipaddr.parseCIDR('198.18.0.0/15');
/** IPv4 through NAT64 (RFC 6052). */
const nat64 = ipaddr.parseCIDR('64:ff9b::/96');
const globalUnicast = ipaddr.parseCIDR('2000::/3');

/** The kind of an IP address (IPv6 without brackets); an IPv4 address in an IPv6 one counts for itself. */
export function addressKind(text: string): AddressKind {
  if (!ipaddr.isValid(text)) return 'forbidden';
  const address = embedded(ipaddr.process(text));
  if (metadataAddresses.has(address.toString())) return 'forbidden';
  if (address.kind() === 'ipv4' && address.match(benchmarking)) return 'public';
  const kind = kinds[address.range()] ?? 'forbidden';
  return kind === 'public' && address.kind() === 'ipv6' && !address.match(globalUnicast) ? 'forbidden' : kind;
}

function embedded(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  if (address.kind() === 'ipv4' || !address.match(nat64)) return address;
  return ipaddr.fromByteArray(address.toByteArray().slice(12));
}
