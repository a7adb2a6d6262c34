import fc from 'fast-check';

/** Written by hand from the IANA special-purpose registries, not from the library under test. */
const SPECIAL_IPV4 = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const;

/** The first group and its leading bits that make the range; the rest of the address is anything. */
const SPECIAL_IPV6: readonly (readonly [groups: readonly number[], bits: number])[] = [
  [[0xfc00], 7],
  [[0xfe80], 10],
  [[0xfec0], 10],
  [[0xff00], 8],
  [[0x2002], 16],
  [[0x2001, 0], 32],
  [[0x2001, 2, 0], 48],
  [[0x2001, 0xdb8], 32],
  [[0x3fff, 0], 20],
  [[0x64, 0xff9b, 1], 48],
  [[0x100, 0, 0, 0], 64],
  [[0x5f00], 16],
  [[0x4000], 2],
  [[0x8000], 1],
];

function numberOf(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

export function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

/** An address of a private, reserved or local IPv4 range. */
export const inPrefix = fc
  .tuple(fc.constantFrom(...SPECIAL_IPV4), fc.nat(0xffffffff))
  .map(([[network, bits], random]) => ({ value: numberOf(network) + (random % 2 ** (32 - bits)) }));

/** An address of a special IPv6 range. */
export const inPrefix6 = fc
  .tuple(fc.constantFrom(...SPECIAL_IPV6), fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }))
  .map(([[groups, bits], random]) =>
    random
      .map((any, index) => {
        const fixed = Math.min(16, Math.max(0, bits - index * 16));
        const free = 2 ** (16 - fixed) - 1;
        return ((groups[index] ?? 0) | (any & free)).toString(16);
      })
      .join(':'),
  );

function isSpecial(value: number): boolean {
  const alone = [['192.175.48.0'], ['192.31.196.0'], ['192.52.193.0']].some(
    ([from = '']) => value >>> 8 === numberOf(from) >>> 8,
  );
  if (alone || dotted(value) === '168.63.129.16') return true;
  return SPECIAL_IPV4.some(([network, bits]) => {
    const from = numberOf(network);
    return value >= from && value < from + 2 ** (32 - bits);
  });
}

/** An address of the public IPv4 internet. */
export const publicIpv4 = fc.nat(0xffffffff).filter((value) => !isSpecial(value));

export const NOT_PUBLIC = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '100.64.0.1',
  '100.100.100.200', // Alibaba's metadata
  '127.0.0.1',
  '127.255.255.255',
  '168.63.129.16', // Azure's WireServer, on a public address
  '169.254.0.1',
  '169.254.169.254', // metadata of most clouds
  '169.254.170.2', // credentials of ECS tasks
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192', // Oracle's metadata
  '192.0.2.1',
  '192.88.99.1',
  '192.168.1.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::2',
  '::127.0.0.1', // IPv4-compatible
  '::8.8.8.8',
  '::ffff:127.0.0.1',
  '::ffff:169.254.169.254',
  '::ffff:7f00:1',
  '::ffff:0:127.0.0.1', // RFC 6145
  '64:ff9b::127.0.0.1',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b:1::8.8.8.8',
  '100::1',
  '2001::1', // Teredo
  '2001:2::1',
  '2001:10::1',
  '2001:20::1',
  '2001:db8::1',
  '2002:7f00:1::', // 6to4
  '2002:808:808::',
  '3fff::1',
  '5f00::1',
  '4000::1',
  'fc00::1',
  'fd00:ec2::254', // metadata of EC2
  'fd20:ce::254', // metadata of Google Cloud
  'fe80::1',
  'fec0::1',
  'ff02::1',
];

export const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '93.184.216.34',
  '100.63.255.255',
  '100.128.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2001:4860:4860::8888',
  '2606:4700:4700::1111',
  '2a00:1450:4001:81b::200e',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
];
