"""The example of a CI workflow: a linter's schema accepted it; what it says must go on fitting together."""

import re

import yaml

from helpers.host import paths

FILE = paths.ROOT / "docs" / "ci" / "image.yml"
TEXT = FILE.read_text(encoding="utf-8")
WORKFLOW = yaml.safe_load(TEXT)
STEPS = WORKFLOW["jobs"]["image"]["steps"]


def test_each_step_runs_a_command_or_an_action_of_a_named_version():
    for step in STEPS:
        assert ("run" in step) != ("uses" in step)
        assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "a/b@v1"))


def test_each_output_that_is_read_is_of_an_earlier_step():
    ids = [step.get("id") for step in STEPS]
    for at, step in enumerate(STEPS):
        asked = re.findall(r"steps\.(\w+)\.outputs", str(step))
        assert set(asked) <= set(ids[:at])


def test_it_caches_all_stages_attests_scans_and_hands_on_the_digest():
    build = next(step for step in STEPS if step.get("id") == "build")["with"]
    assert build["cache-to"].endswith("mode=max")
    assert build["cache-from"].split(",")[1] in build["cache-to"]
    assert build["provenance"] == "mode=max"
    assert build["sbom"] is True
    scanned = next(step for step in STEPS if "scan" in step.get("uses", ""))["with"]["image"]
    assert scanned.endswith("@${{ steps.build.outputs.digest }}")
    assert "digest" in WORKFLOW["jobs"]["image"]["outputs"]
