"""Layers laid on each other: what a container sees of them, what is hidden, and the tables."""

from __future__ import annotations

from helpers.image import filesystem
from helpers.image.filesystem import Waste, Wasted
from helpers.image.layers import Entry


def file(path: str, size: int = 1) -> Entry:
    return Entry(path, "file", size, 0o644, 0, 0, "")


def folder(path: str) -> Entry:
    return Entry(path, "directory", 0, 0o755, 0, 0, "")


def link(path: str, target: str) -> Entry:
    return Entry(path, "hardlink", 0, 0o644, 0, 0, target)


def seen(*listings) -> dict[str, int]:
    return {each.path: each.bytes for each in filesystem.merge(listings)[0]}


def hidden(*listings) -> set[tuple[str, int, str]]:
    return {(each.path, each.bytes, each.how) for each in filesystem.merge(listings)[1]}


def test_a_later_layer_replaces_a_file():
    listings = [file("/a", 10)], [file("/a", 3)]
    assert seen(*listings) == {"/a": 3}
    assert filesystem.merge(listings)[1] == (Wasted("/a", 10, 0, 1, "replaced"),)


def test_a_file_knows_its_layer():
    merged, _ = filesystem.merge([[file("/a"), file("/b")], [file("/b")]])
    assert [(each.path, each.layer) for each in merged] == [("/a", 0), ("/b", 1)]


def test_a_whiteout_hides_a_file_and_is_not_seen():
    listings = [file("/d/a", 10), file("/d/b", 5)], [file("/d/.wh.a", 0)]
    assert seen(*listings) == {"/d/b": 5}
    assert hidden(*listings) == {("/d/a", 10, "deleted")}


def test_a_whiteout_hides_all_of_a_folder_and_no_namesake():
    lower = [folder("/d"), folder("/d/e"), file("/d/e/a", 4), file("/d.txt", 2), file("/de", 2)]
    listings = lower, [file("/.wh.d", 0)]
    assert seen(*listings) == {"/d.txt": 2, "/de": 2}
    assert hidden(*listings) == {("/d/e/a", 4, "deleted")}


def test_an_opaque_folder_hides_the_layers_below_and_not_its_own():
    upper = [folder("/d"), file("/d/new", 7), file("/d/.wh..wh..opq", 0)]
    listings = [folder("/d"), file("/d/old", 4)], upper
    assert seen(*listings) == {"/d": 0, "/d/new": 7}
    assert hidden(*listings) == {("/d/old", 4, "deleted")}


def test_an_opaque_root_hides_everything():
    listings = [folder("/"), file("/a", 4), file("/d/b", 4)], [file("/.wh..wh..opq", 0), file("/c")]
    assert seen(*listings) == {"/": 0, "/c": 1}


def test_a_file_deleted_and_made_again_in_one_layer_is_replaced():
    listings = [file("/d/a", 4)], [file("/d/.wh..wh..opq", 0), file("/d/a", 5)]
    assert seen(*listings) == {"/d/a": 5}
    assert hidden(*listings) == {("/d/a", 4, "replaced")}


def test_a_file_in_the_place_of_a_folder_hides_what_it_held():
    listings = [folder("/d"), file("/d/a", 4)], [file("/d", 1)]
    assert seen(*listings) == {"/d": 1}
    assert hidden(*listings) == {("/d/a", 4, "deleted")}


def test_a_folder_named_again_keeps_what_it_holds():
    listings = [folder("/d"), file("/d/a", 4)], [folder("/d")]
    assert seen(*listings) == {"/d": 0, "/d/a": 4}
    assert hidden(*listings) == set()


def test_a_file_deleted_and_later_restored_is_stored_twice():
    listings = [file("/a", 4)], [file("/.wh.a", 0)], [file("/a", 4)]
    assert seen(*listings) == {"/a": 4}
    assert hidden(*listings) == {("/a", 4, "deleted")}


def test_a_hard_link_counts_no_bytes_of_its_own():
    assert seen([file("/a", 9), link("/b", "/a")]) == {"/a": 9, "/b": 0}


def test_the_bytes_of_a_deleted_file_live_on_in_one_of_its_hard_links():
    listings = [file("/a", 9), link("/b", "/a"), link("/c", "/a")], [file("/.wh.a", 0)]
    assert seen(*listings) == {"/b": 9, "/c": 0}
    assert filesystem.merge(listings)[0].get("/c").target == "/b"
    assert hidden(*listings) == set()


def test_the_bytes_are_wasted_when_the_last_hard_link_is_gone():
    listings = (
        [file("/a", 9), link("/b", "/a"), link("/c", "/a")],
        [file("/.wh.a", 0), file("/.wh.c", 0)],
        [file("/b", 1)],
    )
    assert seen(*listings) == {"/b": 1}
    assert hidden(*listings) == {("/b", 9, "replaced")}


def test_what_is_seen_and_what_is_wasted_are_all_there_is():
    listings = (
        [folder("/d"), file("/d/a", 100), file("/d/b", 20), link("/d/c", "/d/a"), file("/e", 3)],
        [file("/d/.wh.a", 0), file("/e", 4), file("/f/g", 50)],
        [file("/f", 6), file("/.wh.d", 0), folder("/d"), file("/d/b", 7)],
    )
    total = sum(entry.bytes for entries in listings for entry in entries)
    files, wasted = filesystem.merge(listings)
    assert files.bytes + sum(each.bytes for each in wasted) == total


def test_files_are_a_table():
    frame = filesystem.merge([[folder("/d"), file("/d/a", 4)]])[0].to_frame()
    assert list(frame.columns) == ["path", "kind", "bytes", "layer", "mode", "uid", "gid", "target"]
    assert frame["bytes"].sum() == 4


def test_waste_is_a_table_with_a_row_a_layer():
    files = (
        Wasted("/a", 3_000_000, 0, 1, "deleted"),
        Wasted("/b", 1_000_000, 0, 2, "replaced"),
        Wasted("/c", 500_000, 1, 2, "deleted"),
    )
    found = Waste(("COPY . .", "RUN rm /a", "RUN make"), files)
    assert found.bytes == 4_500_000
    assert found.to_frame().to_numpy().tolist() == [
        [1, "COPY . .", 2, 3.0, 1.0],
        [2, "RUN rm /a", 1, 0.5, 0.0],
        [3, "RUN make", 0, 0.0, 0.0],
    ]
