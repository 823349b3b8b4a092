"""Files and network addresses that a command and its children use, recorded by strace."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

STRACE = shutil.which("strace")
_CALLS = (
    "openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,connect,sendto,sendmmsg"
)
_LINE = re.compile(r"\d+\s+(?P<call>\w+)\((?P<arguments>.*)\)\s+= (?P<result>-?\d+)(?P<opened><[^>]*>)?")


@dataclass
class Trace:
    """`written`: files and folders that were made or opened for writing; `contacted`: addresses of other machines."""

    written: set[Path] = field(default_factory=set)
    contacted: set[str] = field(default_factory=set)


def traced(command: Sequence[str | Path], log: Path) -> list[str]:
    """The command under strace, which also traces children and writes `log`."""
    return [
        str(STRACE),
        "-f",
        "--seccomp-bpf",
        "-y",
        "-s",
        "4096",
        "-e",
        f"trace={_CALLS}",
        "-o",
        str(log),
        *map(str, command),
    ]


def read_trace(log: Path) -> Trace:
    trace = Trace()
    for line in log.read_text(errors="replace").splitlines():
        if (match := _LINE.match(line)) is None:
            continue
        call, arguments, opened = match["call"], match["arguments"], match["opened"]
        if call in ("connect", "sendto", "sendmmsg"):
            trace.contacted |= set(_foreign_addresses(arguments))
        elif int(match["result"]) >= 0 and not (opened and not re.search("O_WRONLY|O_RDWR|O_CREAT", arguments)):
            # strace shows an opened file by its descriptor with the full path; of two names the last is the new one.
            trace.written.add(Path(opened[1:-1] if opened else re.findall(r'"([^"]*)"', arguments)[-1]))
    return trace


def _foreign_addresses(arguments: str) -> list[str]:
    addresses: list[tuple[str, str]] = re.findall(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"', arguments)
    found = [four or six for four, six in addresses]
    return [address for address in found if not address.startswith("127.") and address not in ("::1", "0.0.0.0")]
