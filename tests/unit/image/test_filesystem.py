"""Layers laid on each other: what a container sees of them, what is hidden, and the tables."""

from __future__ import annotations

import itertools
import posixpath
from random import Random

from helpers.image import filesystem
from helpers.image.filesystem import Waste, Wasted
from helpers.image.layer_tar import Entry


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


def test_a_folder_in_the_place_of_a_file_wastes_its_bytes():
    listings = [file("/data", 3_000_000)], [folder("/data")]
    assert seen(*listings) == {"/data": 0}
    assert hidden(*listings) == {("/data", 3_000_000, "replaced")}


def test_a_file_below_the_place_of_a_file_makes_a_folder_of_it():
    listings = [file("/a", 5)], [file("/a/x", 3)]
    assert seen(*listings) == {"/a/x": 3}
    assert hidden(*listings) == {("/a", 5, "replaced")}


def test_a_file_in_the_place_of_a_folder_that_no_layer_lists_hides_what_it_held():
    listings = [file("/a/x", 5)], [file("/a", 1)]
    assert seen(*listings) == {"/a": 1}
    assert hidden(*listings) == {("/a/x", 5, "deleted")}


def test_a_file_below_a_link_of_the_same_layer_lies_where_the_link_leads():
    entries = [folder("/b"), Entry("/a", "symlink", 0, 0o777, 0, 0, "b"), file("/a/x", 3)]
    assert seen(entries) == {"/a": 0, "/b": 0, "/b/x": 3}


def test_a_link_to_itself_leads_nowhere_and_ends():
    entries = [Entry("/a", "symlink", 0, 0o777, 0, 0, "a"), file("/a/x", 3)]
    assert sum(seen(entries).values()) == 3


def test_a_hard_link_of_a_hard_link_keeps_the_content():
    listings = (
        [file("/a", 9), link("/b", "/a"), link("/c", "/b")],
        [file("/.wh.a", 0), file("/.wh.b", 0)],
    )
    assert seen(*listings) == {"/c": 9}
    assert hidden(*listings) == set()


# Random trees, and the layers that an overlay would store of them


Tree = dict[
    str, tuple[str, object]
]  # by path: a folder, a link's target, or a content's number and bytes


def a_change(tree: Tree, random: Random) -> Tree:
    """Return the tree after a few deletions, and after making files, folders and links of both kinds."""
    tree = dict(tree)
    for _ in range(random.randint(1, 6)):
        path = "".join(f"/{random.choice('abc')}" for _ in range(random.randint(1, 3)))
        if random.random() < 0.8:
            for old in [p for p in tree if p == path or p.startswith(f"{path}/")]:
                del tree[old]
        parts = path.split("/")
        above = ["/".join(parts[:n]) for n in range(2, len(parts))]
        if (
            random.random() < 0.2
            or path in tree
            or any(tree.get(up, ("folder",))[0] != "folder" for up in above)
        ):
            continue
        for up in above:
            tree[up] = ("folder", None)
        files = [content for kind, content in tree.values() if kind == "file"]
        kind = random.choice(("folder", "link", "file", "file", "hard"))
        if kind == "hard" and files:
            tree[path] = ("file", random.choice(files))
        else:
            kind = "file" if kind == "hard" else kind
            content = (random.random(), random.randint(1, 99))
            tree[path] = (kind, {"folder": None, "link": "b", "file": content}[kind])
    return tree


def a_layer(before: Tree, after: Tree, random: Random) -> list[Entry]:
    """Return the entries that lead from one tree to the next, as an overlay's upper folder has them."""
    changed = {path for path in after if before.get(path) != after[path]}
    opaque = {
        path
        for path in after
        if after[path][0] == "folder" and path in before and before[path][0] == "folder"
        and random.random() < 0.2
    }  # fmt: skip
    changed |= {path for path in after if any(path.startswith(f"{up}/") for up in opaque)}
    # A file that is changed or linked anew is copied up, and all of its names with it.
    contents = {after[path][1] for path in changed if after[path][0] == "file"}
    changed |= {path for path in after if after[path][0] == "file" and after[path][1] in contents}
    gone = [path for path in before if path not in after and posixpath.dirname(path) in {*after, "/"}]
    entries = [file(f"{path}/.wh..wh..opq", 0) for path in opaque]
    entries += [
        file(posixpath.join(posixpath.dirname(p), f".wh.{posixpath.basename(p)}"), 0) for p in gone
    ]
    first: dict[object, str] = {}
    for path in sorted(changed):
        kind, content = after[path]
        if kind == "folder":
            entries.append(folder(path))
        elif kind == "link":
            entries.append(Entry(path, "symlink", 0, 0o777, 0, 0, str(content)))
        elif content in first:
            entries.append(link(path, first[content]))
        else:
            first[content] = path
            entries.append(file(path, content[1]))
    return entries


def test_whatever_the_trees_what_is_stored_is_seen_or_wasted():
    for seed in range(1000):
        random = Random(seed)  # noqa: S311 - it makes trees, not keys
        trees: list[Tree] = [{}]
        for _ in range(random.randint(2, 5)):
            trees.append(a_change(trees[-1], random))
        listings = [a_layer(*pair, random) for pair in itertools.pairwise(trees)]
        files, wasted = filesystem.merge(listings)
        assert {each.path for each in files} == set(trees[-1]), seed
        contents = {content for kind, content in trees[-1].values() if kind == "file"}
        assert files.bytes == sum(size for _, size in contents), seed
        stored = sum(entry.bytes for entries in listings for entry in entries)
        assert stored - sum(each.bytes for each in wasted) == files.bytes, seed
