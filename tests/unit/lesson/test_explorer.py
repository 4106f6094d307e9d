"""The view of an image's files: a long path leaves room for what stands beside it."""

from helpers.lesson import explorer


def test_a_long_path_keeps_both_ends_and_fits():
    assert explorer._short("/app/dist/index.js") == "/app/dist/index.js"
    short = explorer._short(f"/root/{'x' * 200}/package.json")
    assert len(short) == explorer._LONGEST
    assert short.startswith("/root/")
    assert short.endswith("/package.json")
