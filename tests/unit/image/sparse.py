"""Tars of one sparse file, in each format that there is, without the blocks that end a tar."""

from __future__ import annotations

import tarfile


def _gnu() -> bytes:
    """Make a file of 8 MiB in GNU's own format: six pieces of 512 bytes, two of them in a second header."""
    pieces = [b"%011o\0%011o\0" % (number << 20, 512) for number in range(6)]
    info = tarfile.TarInfo("sparse")
    info.size = 6 * 512
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    header[386:495] = b"".join(pieces[:4]) + b"\1" + b"%011o\0" % (8 << 20)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + b"".join(pieces[4:]).ljust(512, b"\0") + b"x" * 6 * 512


def _pax(version: str, **more: str) -> bytes:
    """Make a file of 8 MiB whose holes a pax header describes, in format 0.1 or 1.0: one piece of 512 bytes."""
    settings = {"GNU.sparse.name": "sparse", **more}
    content = b"x" * 512
    if version == "1.0":
        settings |= {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
        settings["GNU.sparse.realsize"] = str(8 << 20)
        content = b"1\n0\n512\n".ljust(512, b"\0") + content
    else:
        settings |= {"GNU.sparse.size": str(8 << 20), "GNU.sparse.map": "0,512"}
    info = tarfile.TarInfo("GNUSparseFile.0/sparse")
    info.size, info.pax_headers = len(content), settings
    return info.tobuf(tarfile.PAX_FORMAT) + content


SPARSE = {
    "gnu": _gnu(),
    "pax 0.1": _pax("0.1"),
    "pax 0.1 with a size": _pax("0.1", size="512"),
    "pax 1.0": _pax("1.0"),
    "pax 1.0 with a size": _pax("1.0", size="1024"),
}
