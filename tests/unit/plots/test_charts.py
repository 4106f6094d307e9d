"""What every chart carries: unit, conditions, words beside the picture, colours for every eye."""

from __future__ import annotations

import base64
import functools
import itertools
import struct
import sys

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.path import Path

from helpers import plots
from helpers.plots import style

CAPTION = (
    "Engine 26.1.5, buildx 0.13.1 · node:20, node:20-alpine and gcr.io/distroless/nodejs20-debian12 are "
    "stand-ins of the same composition as the official images · 2026-11-25"
)
INSTRUCTIONS = [
    "FROM node:20",
    "WORKDIR /app",
    "COPY package*.json ./",
    "RUN npm ci --omit=dev",
    "RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev",
    "COPY --from=builder /app/node_modules ./node_modules",
    "COPY --from=builder /app/dist ./dist",
    "RUN apt-get update && apt-get install -y --no-install-recommends g++ make python3 git",
    "COPY . .",
    "RUN npm run build",
    "RUN npm prune --omit=dev",
    "RUN addgroup -S app && adduser -S app -G app",
]


def sizes():
    rows = [("naive", 1239.2, 479.0), ("alpine", 144.1, 51.2), ("distroless-pruned", 129.0, 51.0)]
    frame = pd.DataFrame(rows, columns=["variant", "uncompressed MB", "compressed MB"])
    return plots.sizes(frame, {"naive": (900, 1300), "alpine": (120, 120)}, CAPTION)


def languages():
    rows = [
        ("Node", "naive", 1239.2, 479.0),
        ("Node", "alpine", 144.1, 51.2),
        ("Go", "naive", 985.3, 352.5),
        ("Go", "distroless", 9.1, 3.9),
        ("Go", "scratch", 8.2, 3.4),
        ("Python", "naive", 1099.0, 420.0),
        ("Python", "slim", 152.0, 51.0),
    ]
    columns = ["language", "image", "uncompressed MB", "compressed MB"]
    return plots.languages(pd.DataFrame(rows, columns=columns), CAPTION)


def layers():
    megabytes = [1070.2, 0, 0.1, 7.3, 7.3, 62, 0.05, 560.4, 0.03, 0.05, 0, 0.004]
    base = [True] + [False] * 11
    frame = pd.DataFrame(
        {
            "instruction": INSTRUCTIONS,
            "uncompressed MB": megabytes,
            "compressed MB": 1,
            "from base": base,
        }
    )
    return plots.layers(frame, CAPTION)


def composition():
    frame = pd.DataFrame(
        {
            "naive": [350, 98, 7.3, 0.05, 9.8, 73, 565, 152, 0.03, 0.000087, 14],
            "distroless": [31, 90, 7.3, 0.05, 0, 0, 0, 76, 0, 0, 1],
        },
        index=list(style.CATEGORIES),
    )
    return plots.composition(frame, CAPTION)


def steps(scenario, cached):
    rows = [
        ("builder", "RUN npm ci", 0.3, 14.2),
        ("deps", "RUN npm ci --omit=dev", 0.3, 6.1),
        ("builder", "RUN npm run build", 14.6, 6.3),
        ("runner", "COPY --from=deps /app/node_modules ./node_modules", 21, 0.7),
    ]
    return [
        {
            "scenario": scenario,
            "stage": stage,
            "step": step,
            "start s": 0.0 if cached else start,
            "seconds": 0.0 if cached else seconds,
            "cached": cached,
        }
        for stage, step, start, seconds in rows
    ]


def timeline():
    return plots.timeline(
        pd.DataFrame(steps("cold", cached=False) + steps("warm", cached=True)), CAPTION
    )


def invalidation():
    rows = [
        ("cold", "builder + runner", "COPY package*.json ./", 0.03, False),
        ("cold", "builder", "RUN npm ci", 14.2, False),
        ("cold", "builder", "COPY . .", 0.01, False),
        ("cold", "builder", "RUN npm run build", 6.3, False),
        ("cold", "runner", "RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev", 6.1, False),
        ("cold", "runner", "COPY --from=builder /app/dist ./dist", 0.02, False),
    ]
    edited = [("a source line changed", *row[1:4], "npm ci" in row[2]) for row in rows[1:]]
    same = [("nothing changed", *row[1:4], True) for row in rows]
    frame = pd.DataFrame(
        [*rows, *same, ("a source line changed", *rows[0][1:4], True), *edited],
        columns=["scenario", "stage", "step", "seconds", "cached"],
    )
    return plots.invalidation(frame, CAPTION)


def scenarios():
    rows = [
        (dockerfile, scenario, factor * seconds, 0.9 * factor * seconds, 1.1 * factor * seconds)
        for scenario, factor in (("cold", 1), ("nothing changed", 0.02), ("source edited", 0.3))
        for dockerfile, seconds in (("naive", 55), ("alpine", 38), ("distroless-pruned", 34))
    ]
    columns = ["dockerfile", "scenario", "median s", "min s", "max s"]
    return plots.scenarios(pd.DataFrame(rows, columns=columns), CAPTION)


def stages():
    node, distroless = "node:24-bookworm-slim", "gcr.io/distroless/nodejs24-debian12:nonroot"
    rows = [
        (node, False, True, False),
        (distroless, False, True, False),
        ("base", True, True, False),
        ("deps", True, True, False),
        ("builder", True, True, False),
        ("lint", True, False, False),
        ("test", True, True, False),
        ("runner", True, True, True),
    ]
    nodes = pd.DataFrame(rows, columns=["name", "stage", "needed", "target"])
    links = [
        (node, "base", "FROM", True),
        ("base", "deps", "FROM", True),
        ("base", "builder", "RUN --mount", True),
        ("builder", "lint", "FROM", False),
        ("builder", "test", "FROM", True),
        (distroless, "runner", "FROM", True),
        ("deps", "runner", "COPY --from", True),
        ("test", "runner", "COPY --from", True),
    ]
    edges = pd.DataFrame(links, columns=["source", "target", "how", "needed"])
    return plots.stages(nodes, edges, CAPTION)


def spare():
    rows = [
        ("compilers and headers", 434.4, True),
        ("development dependencies", 81.6, True),
        ("package caches", 73.0, True),
        ("version control", 12.3, True),
        ("sources of compiled code", 0.03, True),
        ("all the rest", 625.0, False),
    ]
    return plots.spare(pd.DataFrame(rows, columns=["what", "MB", "spare"]), CAPTION)


def sent():
    frame = pd.DataFrame(
        {
            "no list": [0.138, 200, 91.5, 0.09, 0.0003, 1.7],
            "minimal": [0.138, 200, 0.71, 0, 0.000087, 0.77],
            "recommended": [0.138, 0, 0, 0, 0, 0],
        },
        index=list(plots.SENT),
    )
    return plots.sent(frame, CAPTION)


def board():
    said = ["✓ holds", "≈ holds with a condition", "✗ does not hold", "? not tested here"]
    said.append("· not tried yet")
    rows = [(f"S{n}", "only what is named crosses", said[n % 5]) for n in range(18)]
    return plots.board(pd.DataFrame(rows, columns=["id", "short", "verdict"]), CAPTION)


def lines():
    rows = [
        ("Node 20", "Debian 12", -7.0, -4.6, 159.2, 56.4),
        ("Node 24", "Debian 13", 17.2, 20.3, 178.0, 63.1),
        ("Node 26", "Debian 13", 29.0, 20.3, 188.8, 67),
    ]
    columns = [
        "Node",
        "Debian",
        "months of Node",
        "months of Debian",
        "uncompressed MB",
        "compressed MB",
    ]
    return plots.lines(pd.DataFrame(rows, columns=columns), CAPTION)


def surface():
    rows = {
        "naive": (798, 414, 491, 3, 13, 38479),
        "alpine": (276, None, 286, 3, 0, 6245),
        "distroless": (1, 10, 289, 0, 0, 8734),
        "distroless_pruned": (1, 10, 83, 0, 0, 3669),
        "recommended": (1, 10, 83, 0, 0, 3),
        "alpine_nonroot": (273, None, 83, 3, 0, 3),
    }
    measures = ["commands", "OS packages", "npm packages", "shells", "setuid files", "writable paths"]
    return plots.surface(pd.DataFrame(rows, index=measures).T.astype(float), CAPTION)


def frontier():
    rows = [
        ("distroless_pruned", 131.5, 0.62, 0.58, 0.8, False),
        ("bundled", 123.8, 0.55, 0.5, 0.6, False),
        ("scratch", 106, 0.54, 0.5, 0.7, True),
        ("stripped", 91.7, 0.55, 0.5, 0.6, True),
        ("single_executable", 91.4, 0.56, 0.5, 0.6, True),
        ("packed_upx", 40.6, 0.85, 0.8, 1.1, False),
        ("packed_zstd", 35.9, 0.7, 0.65, 0.9, True),
        ("packed_lzma", 28.3, 1.9, 1.8, 2.5, True),
    ]
    columns = ["variant", "on disk MB", "start s", "min s", "max s", "on the front"]
    return plots.frontier(pd.DataFrame(rows, columns=columns), (30, 50), 1.12, caption=CAPTION)


def day():
    rows = [
        ("naive", 60.7, 22.1, 0.444),
        ("alpine", 7.7, 2.5, 0.05),
        ("distroless_pruned", 6.6, 2.4, 0.05),
    ]
    ways = ["as the article counts", "to empty nodes", "to a node that keeps its layers"]
    frame = pd.DataFrame(rows, columns=["variant", *ways])
    return plots.day(frame, {"naive": 60, "alpine": 6}, CAPTION)


def waits():
    rows = [
        (variant, situation, seconds, 0.9 * seconds, 1.1 * seconds)
        for situation, times in (
            ("pull on an empty node", (7.5, 1.2, 0.7)),
            ("start once pulled", (0.5, 0.45, 0.52)),
        )
        for variant, seconds in zip(("naive", "alpine", "distroless_pruned"), times, strict=True)
    ]
    columns = ["variant", "situation", "median s", "min s", "max s"]
    return plots.waits(pd.DataFrame(rows, columns=columns), CAPTION)


def bill():
    rows = [
        ("moved, as the article counts", 18205.0, 1638.45),
        ("moved, every node empty each time", 661.0, 59.5),
        ("moved, by this plan", 13.2, 1.19),
        ("kept in the registry", 0.05, 0.01),
    ]
    return plots.cost(pd.DataFrame(rows, columns=["what", "GB a month", "USD a month"]), CAPTION)


def fleet():
    ways = {"naive": 5.6, "alpine": 0.62, "distroless_pruned": 0.41, "distroless_pruned, peers": 0.02}
    growth = {"distroless_pruned, peers": 1}
    rows = {
        name: [value * growth.get(name, count) for count in (1, 10, 100, 1_000, 10_000)]
        for name, value in ways.items()
    }
    return plots.fleet(pd.DataFrame(rows, index=[10, 100, 1_000, 10_000, 100_000]), CAPTION)


def gains():
    rows = [("as it was", 1255.2), ("ignore-list", 1255.0), ("npm-ci", 1255.1), ("second-stage", 164.0)]
    return plots.gains(pd.DataFrame(rows, columns=["change", "image MB"]), CAPTION)


UNITS = {  # what stands at the axis; a board has none
    sizes: "MB",
    layers: "MB",
    composition: "MB",
    timeline: "seconds",
    scenarios: "seconds",
    spare: "MB",
    sent: "MB",
    board: "",
    lines: "MB",
    surface: "count",
    frontier: "MB",
    stages: "from left to right",
    day: "GB",
    waits: "seconds",
    bill: "GB",
    invalidation: "seconds",
    gains: "MB",
    fleet: "nodes",
    languages: "MB",
}
CHARTS = list(UNITS)
every_chart = pytest.mark.parametrize("make", CHARTS, ids=lambda make: make.__name__)


@functools.cache
def made(make):
    """Return a chart for tests that only look at it; to draw one takes longest."""
    return make()


def texts(chart):
    """Return the texts that are drawn: matplotlib also keeps labels of ticks beyond the axis."""
    figure = chart.figure
    found = [*figure.texts]
    for axes in filter(lambda axes: axes.get_visible(), figure.axes):
        found += [*axes.texts, axes.title, axes._left_title, *axes.get_yticklabels(), axes.xaxis.label]
        found += axes.get_legend().get_texts() if axes.get_legend() else []
    return [text for text in found if text.get_text() and text.get_visible() and text.figure]


def words(chart):
    return [text.get_text() for text in texts(chart)]


def whole_text(chart):
    return " ".join(" ".join(words(chart)).split())


@every_chart
def test_a_chart_names_its_unit_and_its_conditions_which_its_words_repeat(make):
    chart = made(make)
    assert UNITS[make] in " ".join(axes.get_xlabel() for axes in chart.figure.axes)
    assert CAPTION in whole_text(chart)
    assert CAPTION in chart.alt


@every_chart
def test_texts_fit_a_slide_and_cover_no_other(make):
    chart = made(make)
    chart.figure.draw_without_rendering()
    width, height = chart.figure.get_size_inches()
    assert width == style.WIDTH
    assert height <= style.HEIGHT
    renderer = chart.figure.canvas.get_renderer()
    whole = chart.figure.bbox
    assert all(
        whole.fully_containsx(x) for t in texts(chart) for x in t.get_window_extent(renderer).intervalx
    )
    assert all(
        whole.fully_containsy(y) for t in texts(chart) for y in t.get_window_extent(renderer).intervaly
    )
    for axes in chart.figure.axes:
        for labels in (axes.texts, [t for t in axes.get_yticklabels() if t.get_text()]):
            boxes = [t.get_window_extent(renderer) for t in labels]
            assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


@every_chart
def test_words_are_large_enough_for_the_last_row_and_stand_out_from_their_ground(make):
    for text in texts(made(make)):
        patch = text.get_bbox_patch()
        ground = mpl.colors.to_hex(patch.get_facecolor()) if patch else "#ffffff"
        assert text.get_fontsize() >= 12
        assert style.contrast(mpl.colors.to_hex(text.get_color()), ground) >= 4.5


def test_a_notebook_gets_the_picture_with_its_words():
    chart = made(sizes)
    data, metadata = chart._repr_mimebundle_()
    picture = base64.b64decode(data["image/png"])
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">I", picture[16:20])[0] == style.WIDTH * style.DPI
    assert data["text/plain"] == metadata["image/png"]["alt"] == chart.alt


def test_the_same_table_gives_the_same_picture_and_leaves_the_reader_s_style_and_pyplot_alone():
    before = dict(mpl.rcParams)
    assert stages().png() == made(stages).png()
    assert dict(mpl.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


@pytest.mark.parametrize(
    ("make", "finding"),
    [
        (sizes, "distroless-pruned is 9.6x smaller than naive: 129 MB instead of 1239 MB"),
        (layers, "One layer holds 1070 MB of the image's 1707 MB: FROM node:20"),
        (languages, "Smaller on disk: Node 8.6x, Go 120.2x, Python 7.2x"),
        (composition, "naive has 565 MB more toolchain than distroless"),
        (
            invalidation,
            "6 of 6 (cold), 0 of 6 (nothing changed), 3 of 6 (a source line changed)",
        ),
        (timeline, "21.7 s when cold, 0.0 s when warm"),
        (stages, "The target runner leaves out lint"),
        (
            lines,
            "On Node 26 and Debian 13, fixes last 20 months at 189 MB; Node 20 and Debian 12 have none",
        ),
        (sent, "Of 293 MB, minimal still sends 202 MB, recommended 0.1 MB"),
        (scenarios, "From 55.0 s (naive, cold) to 0.7 s (distroless-pruned, nothing changed)"),
        (
            fleet,
            "100,000 nodes: 56 TB a day from the registry (naive), or 20 MB (distroless_pruned, peers)",
        ),
        (gains, "1255 MB became 164 MB, 7.7x smaller"),
        (surface, "Commands: 798 in naive, 1 in distroless"),
        (frontier, "packed_lzma: 28 MB instead of 132 MB, and 1.3 s later"),
        (day, "naive: 60.7 GB a day as the article counts, 444 MB to a node that keeps its layers"),
        (
            waits,
            "pull on an empty node: 0.70\N{EN DASH}7.50 s; start once pulled: 0.45\N{EN DASH}0.52 s",
        ),
        (bill, "1.19 USD a month by this plan, 1,638.45 USD as the article counts"),
    ],
)
def test_the_title_says_the_finding_and_the_alternative_repeats_it(make, finding):
    chart = made(make)
    assert finding in whole_text(chart)
    assert finding in chart.alt


def test_the_article_s_figures_are_marked_beside_the_bars_and_in_words():
    chart = made(sizes)
    marks = [t for t in words(chart) if t.startswith("the article says")]
    assert marks == ["the article says 900\N{EN DASH}1300 MB", "the article says 120 MB"]
    assert "1239 MB uncompressed, 479 MB compressed; the article says 900\N{EN DASH}1300 MB" in chart.alt


def test_layers_of_the_base_are_hatched_and_summed_apart():
    chart = made(layers)
    hatches = [bar.get_hatch() for bar in chart.figure.axes[0].patches]
    assert hatches == ["//", *[""] * 11]
    assert "base image: 1070 MB" in words(chart)
    assert "the Dockerfile's own: 637 MB" in words(chart)


def test_a_long_instruction_keeps_its_beginning_and_its_end():
    names = [t.get_text() for t in made(layers).figure.axes[0].get_yticklabels()]
    assert "RUN --mount=type=cache…npm npm ci --omit=dev" in names
    assert names[3] == "RUN npm ci --omit=dev"


def test_a_secret_of_a_few_bytes_is_still_named():
    assert "secrets swept in (.env*) 87 B" in words(made(composition))


def test_a_line_without_support_is_told_from_the_others_by_word_and_hatch():
    chart = made(lines)
    said = {"Node 20: ended 7 months ago", "Debian 12: ended 5 months ago", "Node 24: 17 months left"}
    assert said <= set(words(chart))
    hatches = [bar.get_hatch() for bar in chart.figure.axes[0].patches]
    assert hatches == ["//", "//", "", "", "", ""]


def test_an_unknown_category_is_drawn_as_other():
    chart = plots.composition(pd.DataFrame({"mine": [30.0, 5.0]}, index=["Ruby runtime", "npm"]))
    assert any("Ruby" in text for text in words(chart))
    assert "The largest part of mine is Ruby runtime: 30 MB of 35 MB" in whole_text(chart)


def test_the_title_names_what_the_larger_image_has_more_of_and_not_its_largest_part():
    columns = {"alpine": [116.0, 42.0, 0.0], "distroless": [99.0, 33.0, 82.0]}
    frame = pd.DataFrame(columns, index=["Node runtime", "operating system", "devDependencies"])
    assert "distroless has 82 MB more devDependencies than alpine" in whole_text(
        plots.composition(frame)
    )


def test_a_timeline_marks_cached_steps_and_keeps_a_stage_together():
    chart = made(timeline)
    assert words(chart).count("cached") == 4
    names = [t.get_text() for t in chart.figure.axes[0].get_yticklabels()]
    assert names[:3] == ["RUN npm ci", "RUN npm run build", "RUN npm ci --omit=dev"]


def test_a_step_that_comes_twice_in_a_stage_has_two_rows():
    twice = steps("", cached=False)[:1] * 2
    chart = plots.timeline(pd.DataFrame(twice))
    assert len(chart.figure.axes[0].get_yticks()) == 2


def test_a_step_from_the_cache_differs_from_one_that_ran_in_word_and_hatch():
    chart = made(invalidation)
    assert words(chart).count("cached") == 6 + 3
    hatches = [patch.get_hatch() for patch in chart.figure.axes[0].patches]
    assert hatches.count("//") == 6 + 3


def test_scenarios_show_median_and_range():
    assert "55.0 s  (49.5\N{EN DASH}60.5)" in words(made(scenarios))


def test_a_count_that_is_not_known_is_said_to_be_so_and_gets_no_bar():
    chart = made(surface)
    packages = chart.figure.axes[1]
    assert [bar.get_width() > 0 for bar in packages.patches] == [True, False, True, True, True, False]
    assert words(chart).count("not comparable") == 2
    assert "OS packages: naive 414, alpine not comparable" in chart.alt


def test_a_measure_that_is_zero_everywhere_has_no_bars():
    chart = plots.surface(pd.DataFrame({"setuid files": [0.0, 0.0]}, index=["a", "b"]))
    assert [bar.get_width() for bar in chart.figure.axes[0].patches] == [0.0, 0.0]


def test_the_frontier_marks_the_goals_and_which_variants_no_other_beats():
    chart = made(frontier)
    assert {"30 MB", "50 MB", "distroless_pruned + 0.5 s"} <= set(words(chart))
    bold = {t.get_text() for t in chart.figure.axes[0].texts if t.get_fontweight() == "bold"}
    assert "packed_zstd, 36 MB" in bold
    assert "packed_upx, 41 MB" not in bold
    assert "packed_upx 41 MB, 0.8 s (0.8 s to 1.1 s)" in chart.alt


@pytest.mark.parametrize("loud", [1, 4, 20])
def test_labels_on_the_frontier_cover_no_dot_however_wide_the_ranges(loud):
    rows = [(f"variant_{n}", 90 + n, 0.5 + n / 50, 0.4, 0.5 + n / 50 * loud, n % 2) for n in range(8)]
    columns = ["variant", "on disk MB", "start s", "min s", "max s", "on the front"]
    figure = plots.frontier(pd.DataFrame(rows, columns=columns), (30,), 1.0).figure
    figure.draw_without_rendering()
    axes = figure.axes[0]
    dots = [axes.transData.transform((row[1], row[2])) for row in rows]
    for text in axes.texts:
        box = text.get_window_extent()
        assert not any(box.contains(*dot) for dot in dots)
        assert axes.get_window_extent().fully_containsy(box.y0)


def test_a_stage_that_is_skipped_says_so_and_has_a_broken_outline():
    boxes = {text.get_text(): text.get_bbox_patch() for text in made(stages).figure.axes[0].texts}
    assert boxes["lint\nskipped"].get_linestyle() in ("--", "dashed")
    assert boxes["builder"].get_linestyle() in ("-", "solid")
    assert "lint: stage, skipped" in made(stages).alt


def test_arrows_differ_by_what_takes_and_the_key_names_those_in_use():
    chart = made(stages)
    entries = [text.get_text() for text in chart.figure.axes[0].get_legend().get_texts()]
    assert entries == ["FROM", "COPY --from", "RUN --mount"]
    assert len({patch.get_linestyle() for patch in chart.figure.axes[0].patches}) == 3


def test_an_arrow_ends_at_its_boxes_and_does_not_run_into_them():
    chart = made(stages)
    chart.figure.draw_without_rendering()
    axes = chart.figure.axes[0]
    boxes = [text.get_bbox_patch().get_window_extent() for text in axes.texts]
    for arrow in axes.patches:
        (line,) = arrow._path_original.to_polygons(axes.transData, closed_only=False)
        shaft = Path(line).interpolated(20).vertices
        assert not any(box.padded(-2).count_contains(shaft) for box in boxes)
        assert sum(box.padded(1).count_contains(shaft[[0, -1]]) for box in boxes) == 2


def test_a_graph_that_needs_all_its_stages_says_so():
    nodes = pd.DataFrame([("a", True, True, True)], columns=["name", "stage", "needed", "target"])
    edges = pd.DataFrame([], columns=["source", "target", "how", "needed"])
    assert "The target a needs every stage of the file" in words(plots.stages(nodes, edges))


def test_a_table_of_one_row_compares_nothing():
    frame = pd.DataFrame({"variant": ["a"], "uncompressed MB": [12.0], "compressed MB": [5.0]})
    assert "a: 12 MB uncompressed, 5.0 MB compressed" in words(plots.sizes(frame))
    row = {"dockerfile": "a", "scenario": "cold", "median s": 3.0, "min s": 2.0, "max s": 4.0}
    assert "3.0 s (a, cold)" in words(plots.scenarios(pd.DataFrame([row])))


def test_a_title_of_one_s_own_replaces_the_finding():
    frame = pd.DataFrame({"variant": ["a"], "uncompressed MB": [1.0], "compressed MB": [1.0]})
    assert "Mine" in words(plots.sizes(frame, title="Mine"))


def test_a_chart_is_saved_as_it_is_shown(tmp_path):
    chart = made(composition)
    chart.save(tmp_path / "composition.png")
    assert (tmp_path / "composition.png").read_bytes() == chart.png()
