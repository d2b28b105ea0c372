"""Counts the requests in flight in the kernel's table of TCP sockets.

The check of Little's law needs this count, because it is independent of the client's own rows. It works on Linux only,
with sock_diag(7), which needs no privileges and filters in the kernel.
"""

from __future__ import annotations

import socket
import struct
from typing import Final

_SOCK_DIAG_BY_FAMILY: Final = 20  # linux/sock_diag.h
_NLM_F_REQUEST_DUMP: Final = 0x301  # linux/netlink.h: NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NETLINK_SOCK_DIAG: Final = 4
_INET_DIAG_INFO: Final = 2  # linux/inet_diag.h
_ESTABLISHED, _SYN_SENT = 1, 2  # net/tcp_states.h
_DIAG_MESSAGE_BYTES: Final = 72  # struct inet_diag_msg
_LAST_DATA_SENT, _LAST_DATA_RECEIVED = 44, 52  # struct tcp_info, milliseconds ago


class Sockets:
    """The connections of this network namespace to one server."""

    def __init__(self, host: str, port: int) -> None:
        self._port = port
        # Each address family needs a dump, which scans the kernel's whole table: use only the families of the host.
        self._families = {family for family, *_ in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}

    def in_flight(self) -> int | None:
        """Count the connections that are being opened or wait for an answer; None if the system does not report it.

        An idle keep-alive connection does not count: it has received data since it last sent some.
        """
        if not hasattr(socket, "AF_NETLINK"):
            return None
        try:
            return sum(_count_waiting(family, self._port) for family in self._families)
        except OSError:
            return None


def _count_waiting(family: int, port: int) -> int:
    states = 1 << _ESTABLISHED | 1 << _SYN_SENT
    request = (
        struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 1 << (_INET_DIAG_INFO - 1), states)
        + struct.pack("!HH", 0, port)
        + bytes(32 + 4)
        + struct.pack("=Q", 0xFFFF_FFFF_FFFF_FFFF)  # INET_DIAG_NOCOOKIE
    )
    header = struct.pack("=IHHII", 16 + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST_DUMP, 1, 0)
    count = 0
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(1)
        netlink.send(header + request)
        while True:
            reply = netlink.recv(1 << 17)
            at = 0
            while at < len(reply):
                length, kind = struct.unpack_from("=IH", reply, at)
                if kind == _NLMSG_DONE:
                    return count
                if kind == _NLMSG_ERROR:
                    raise OSError(-struct.unpack_from("=i", reply, at + 16)[0], "sock_diag")
                count += _is_waiting(reply[at + 16 : at + length])
                at += (length + 3) & ~3


def _is_waiting(message: bytes) -> bool:
    if message[1] == _SYN_SENT:
        return True
    at = _DIAG_MESSAGE_BYTES
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        if kind == _INET_DIAG_INFO:
            (sent,) = struct.unpack_from("=I", message, at + 4 + _LAST_DATA_SENT)
            (received,) = struct.unpack_from("=I", message, at + 4 + _LAST_DATA_RECEIVED)
            return bool(sent <= received)
        at += (length + 3) & ~3
    return True
