"""What is read of plain headers is what `tarfile` reads of them; and which headers are left to it."""

import io
import tarfile

import pytest

from helpers.image import layer_tar
from helpers.image.layer_tar import Entry
from tests.unit.image.sparse import SPARSE

NAMES = ("a", "./b/c", "/etc/x", "../up", "d//e", "ü" * 40, "n" * 150, "d/" * 60 + "f", "caf\udce9")
KINDS = (
    tarfile.REGTYPE,
    tarfile.AREGTYPE,
    tarfile.DIRTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.FIFOTYPE,
)


def a_member(name: str, content: bytes = b"", **settings) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in settings.items():
        setattr(info, key, value)
    return info, content


def a_tar(members, form=tarfile.PAX_FORMAT, **options) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form, errors="surrogateescape", **options) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def read(tar: bytes, piece: int = 700) -> tuple[int, list[Entry]]:
    return layer_tar.entries(tar[at : at + piece] for at in range(0, len(tar), piece))


def by_tarfile(tar: bytes, monkeypatch) -> tuple[int, list[Entry]]:
    with monkeypatch.context() as patch:
        patch.setattr(layer_tar, "_plain", lambda *_: None)
        return read(tar)


@pytest.fixture
def counted(monkeypatch):
    """Return the list that gets an item for each entry that is left to `tarfile`."""
    left = []
    of_tarfile = layer_tar._Others.next
    monkeypatch.setattr(layer_tar._Others, "next", lambda others: left.append(1) or of_tarfile(others))
    return left


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT], ids=["pax", "gnu"])
@pytest.mark.parametrize("piece", [100, 1 << 20])
def test_every_kind_and_name_is_read_as_tarfile_reads_it(form, piece, monkeypatch):
    members = [
        a_member(name, b"x" * 600 if kind == tarfile.REGTYPE else b"", type=kind, linkname=name, uid=uid)
        for name in NAMES
        for kind in KINDS
        for uid in (0, 4_294_967_295)
    ]
    tar = a_tar(members, form)
    assert read(tar, piece) == by_tarfile(tar, monkeypatch)
    assert len(read(tar, piece)[1]) == len(members)


@pytest.mark.parametrize(
    "records",
    [
        {"path": "x/y/", "linkpath": "z"},
        {"uid": "1.5"},
        {"size": "3"},
        {"size": "-3"},
        {"gid": "-1", "SCHILY.xattr.user.a": "b\n5 path=no\n"},
        {"hdrcharset": "BINARY", "path": "caf\udce9"},
    ],
    ids=str,
)
def test_the_records_of_a_pax_header_hold_for_one_entry(records, monkeypatch):
    tar = a_tar([a_member("one", b"1", pax_headers=records), a_member("two", b"22")])
    tried = []
    for reading in (read, lambda tar: by_tarfile(tar, monkeypatch)):
        try:
            tried.append(reading(tar))
        except tarfile.ReadError as error:
            tried.append(str(error))
    assert tried[0] == tried[1]


def test_a_global_pax_header_holds_for_all_entries_that_follow(monkeypatch):
    tar = a_tar([a_member("one"), a_member("two")], pax_headers={"uid": "7"})
    assert [entry.uid for entry in read(tar)[1]] == [7, 7]


def test_sparse_files_among_others_are_left_to_tarfile(counted):
    plain = a_tar([a_member("plain", b"1")])[:1024]
    _, entries = read(plain.join([b"", *SPARSE.values(), bytes(1024)]))
    assert [entry.path for entry in entries] == ["/plain", *["/sparse", "/plain"] * len(SPARSE)]
    assert len(counted) == len(SPARSE)


def test_plain_headers_and_long_names_of_pax_are_not_left_to_tarfile(counted):
    read(a_tar([a_member(name, b"content") for name in NAMES[:-1]]))
    assert counted == []


def test_a_checksum_of_signed_bytes_is_tarfiles_to_accept(counted):
    tar = bytearray(a_tar([a_member("ü", b"1")], tarfile.GNU_FORMAT))
    tar[148:156] = b" " * 8
    tar[148:156] = b"%06o\0 " % sum(byte - 256 if byte > 127 else byte for byte in tar[:512])
    assert [entry.path for entry in read(bytes(tar))[1]] == ["/ü"]
    assert counted == [1]


@pytest.mark.parametrize("at", [3, 130, 150, 400])
def test_one_wrong_letter_of_a_header_is_noticed(at):
    tar = bytearray(a_tar([a_member("one", b"1"), a_member("two", b"2")]))
    tar[1024 + at] ^= 1
    with pytest.raises(tarfile.ReadError, match="a damaged header"):
        read(bytes(tar))
