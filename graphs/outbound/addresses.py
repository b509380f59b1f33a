"""Which addresses requests may go to: public ones, and what the server allows by name. Does no look-up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from types import MappingProxyType

import httpx

SETTING = "MILEPOST_ALLOWED_HOSTS"

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOT_PUBLIC: Mapping[str, tuple[Network, ...]] = MappingProxyType(
    {
        kind: tuple(map(ip_network, networks.split()))
        for kind, networks in {
            "an unspecified address": "0.0.0.0/8 ::/128",
            "a loopback address": "127.0.0.0/8 ::1/128",
            "a metadata address": "169.254.169.254/32 169.254.170.0/24 100.100.100.200/32 168.63.129.16/32 "
            "192.0.0.192/32 fd00:ec2::/32 fd20:ce::254/128",
            "a link-local address": "169.254.0.0/16 fe80::/10",
            "a private address": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10",
            "a carrier's shared address": "100.64.0.0/10",
            "a multicast address": "224.0.0.0/4 ff00::/8",
            "a tunnel's address": "192.88.99.0/24 2001::/32 2002::/16 64:ff9b:1::/48",
            "a reserved address": "192.0.0.0/24 192.0.2.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 "
            "240.0.0.0/4 2001::/23 2001:db8::/32 3fff::/20",
        }.items()
    }
)
"""Networks that a request must not reach unasked, by what they are called; the first that fits names an address."""

PUBLIC_IPV6 = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")
MAX_PORT = 65_535
_ODD_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)\.?")


def meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for (`::ffff:10.0.0.1`, `64:ff9b::10.0.0.1`), otherwise itself."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def why_not_public(address: Address) -> str | None:
    """What kind of address it is that strangers must not be led to; None for a public one."""
    address = meant(address)
    for kind, networks in NOT_PUBLIC.items():
        if any(address in network for network in networks):
            return kind
    if isinstance(address, IPv6Address) and address not in PUBLIC_IPV6:
        return "a reserved address"
    return None


def written_address(host: str) -> Address | None:
    """The address that a URL's host is, where it is one in its usual form."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def odd_number(host: str) -> bool:
    """True for a host like `2130706433`, `0x7f.1` or `0177.0.0.1`, which some resolvers take for an address."""
    return written_address(host) is None and _ODD_NUMBER.fullmatch(host.lower()) is not None


@dataclass(frozen=True, slots=True)
class _Entry:
    port: int | None
    name: str | None = None
    network: Network | None = None

    def at(self, port: int) -> bool:
        return self.port is None or self.port == port


class AllowedHosts:
    """What may be reached though it is not public: names, addresses and networks, each for one port or for all."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        """Raises `ValueError` that names the entry which is none."""
        self._entries = tuple(_entry(entry) for entry in entries)

    def by_name(self, host: str, port: int) -> bool:
        """Whether the host is allowed whatever it resolves to."""
        name = host.lower().rstrip(".")
        return any(entry.name == name and entry.at(port) for entry in self._entries)

    def refusal(self, address: Address, port: int) -> str | None:
        """Why this address is refused; None where it is not."""
        kind = why_not_public(address)
        if kind is None:
            return None
        forms = (address, meant(address))
        allowed = any(
            entry.network is not None and entry.at(port) and any(form in entry.network for form in forms)
            for entry in self._entries
        )
        return None if allowed else kind


def _entry(text: str) -> _Entry:
    host, port = _without_port(text)
    address = written_address(host)
    try:
        return _Entry(port, network=ip_network(host if address is None else meant(address)))
    except ValueError:
        pass
    try:
        name = httpx.URL(f"http://{host}/").raw_host.decode("ascii")
    except (httpx.InvalidURL, ValueError):
        name = ""
    if not name or re.search(r"[\s/@?#\[\]:*]", host):
        raise ValueError(f"{text!r} is no name, address or network, with or without a port")
    return _Entry(port, name=name.lower().rstrip("."))


def _without_port(text: str) -> tuple[str, int | None]:
    """The host and the port of `host`, `host:port`, `[address]` or `[address]:port`."""
    found = re.fullmatch(r"\[([^]]*)](?::(\d+))?|([^:]*):(\d+)", text)
    if found is None:
        return text, None
    bracketed, its_port, host, port = found.groups()
    number = its_port or port
    if number is not None and not 1 <= int(number) <= MAX_PORT:
        raise ValueError(f"{text!r} names no port from 1 to {MAX_PORT}")
    return (host if bracketed is None else bracketed), None if number is None else int(number)
