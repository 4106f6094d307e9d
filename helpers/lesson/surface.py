"""The verbs of lesson 08: count what an attacker finds, confine a process, let it hang, list, scan.

The facts about an image are kept by its id, so each image is read only once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import claims, plots
from helpers.buildx import BuildResult
from helpers.claims import Judgement
from helpers.host import paths, tables
from helpers.image import attack_surface, npm_packages, sbom, scanner
from helpers.image.filesystem import Files
from helpers.image.npm_packages import NpmPackage, Role
from helpers.image.os_packages import Inventory
from helpers.image.scanner import Findings, ScannerError
from helpers.lesson import verbs
from helpers.measure import exports, sample, surface
from helpers.measure.surface import FREE, LOCKED, LOCKED_WITH_TMPFS, YES, Confined
from helpers.plots import Chart

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import Markdown

REPORT = paths.ROOT / "notebooks" / "report" / "sbom"  # ignored by git
OS_PACKAGES, NPM, APP_NPM = "OS packages", "npm packages", "the app's npm packages"
COMMANDS, SHELLS, SETUID = "commands", "shells", "setuid files"
CHANGEABLE = "writable paths"
NO_SCANNER = (
    "Not measured here: no scanner is on the PATH. Install Trivy or Grype and run this cell again."
)


@dataclass(frozen=True)
class Survey:
    """The findings in one image, and what its process may do."""

    files: Files
    inventory: Inventory
    npm: tuple[NpmPackage, ...]
    confined: Confined

    def count(self, *roles: Role) -> int:
        """Return the number of npm packages with one of these roles; without roles, of all packages."""
        return sum(not roles or package.role in roles for package in self.npm)

    def measures(self) -> dict[str, int | None]:
        """Return the counts for charts; None for a count that would mislead."""
        return {
            COMMANDS: len(attack_surface.commands(self.files)),
            OS_PACKAGES: len(self.inventory.packages) if self.inventory.comparable else None,
            NPM: self.count(),
            SHELLS: len(attack_surface.shells(self.files)),
            SETUID: len(attack_surface.setuid(self.files)),
            CHANGEABLE: len(attack_surface.changeable(self.files, self.confined.uid, self.confined.gid)),
        }

    def judged(self) -> dict[str, int | None]:
        """Return the counts by which V3 is judged: those that depend on the article's own choices.

        Only the app's npm packages count, because npm's own come with the base. Claim V1 judges the
        shells. What the process may write does not count, because the article sets no user.
        """
        numbers = self.measures()
        app = {APP_NPM: self.count(Role.PRODUCTION, Role.DEVELOPMENT)}
        return {name: numbers[name] for name in (COMMANDS, OS_PACKAGES, SETUID)} | app


_surveys: dict[str, Survey] = {}


def survey(result: BuildResult) -> Survey:
    """Return the findings in an image and what its process may do; only the first call runs it."""
    if result.image_id not in _surveys:
        reference, engine = result.image_id, result.engine
        _surveys[reference] = Survey(
            files=result.image.files,
            inventory=result.image.packages,
            npm=tuple(npm_packages.read(result.image, sample.APP)),
            confined=surface.observe(reference, engine),
        )
    return _surveys[result.image_id]


def measure(*results: BuildResult) -> pd.DataFrame:
    """Return the counts of the attack surface: a row for each variant, a column for each measure."""
    rows = {verbs.label(result): survey(result).measures() for result in results}
    return tables.frame(rows).T.astype("Int64").rename_axis("variant")


def chart(*results: BuildResult) -> Chart:
    """Draw the counts, with one panel for each measure."""
    return plots.surface(measure(*results).astype(float), caption=verbs.conditions(*results))


def databases(*results: BuildResult) -> pd.DataFrame:
    """Return the package database, the distribution and the number of system packages of each image."""
    rows = []
    for result in results:
        found = survey(result).inventory
        where = " ".join(part for part in (found.distribution, found.release) if part)
        said = "yes" if found.comparable else "no: a stand-in counts otherwise"
        rows.append((verbs.label(result), where, found.database, len(found.packages), said))
    columns = ["variant", "os-release says", "database", OS_PACKAGES, "comparable"]
    return tables.frame(rows, columns=columns)


def os_list(result: BuildResult) -> pd.DataFrame:
    """Return the packages of an image's operating system."""
    return survey(result).inventory.to_frame()


def npm(*results: BuildResult) -> pd.DataFrame:
    """Return the number of npm packages in each image, by role."""
    rows = []
    for result in results:
        found = survey(result)
        rows.append((verbs.label(result), *(found.count(role) for role in Role), found.count()))
    return tables.frame(rows, columns=["variant", *map(str, Role), "together"])


def setuid(result: BuildResult) -> list[str]:
    """Return the setuid programs of an image: they run as their owner or group, whoever starts them."""
    return attack_surface.setuid(survey(result).files)


def commands(result: BuildResult) -> list[str]:
    """Return the commands that can be started by name in an image."""
    return attack_surface.commands(survey(result).files)


def writable(result: BuildResult) -> list[str]:
    """Return the paths of an image that its own user may write to."""
    found = survey(result)
    return attack_surface.changeable(found.files, found.confined.uid, found.confined.gid)


def confine(*results: BuildResult) -> pd.DataFrame:
    """Return what each image's process may write: unchanged, with a read-only root, with a tmpfs too.

    The containers have no capabilities. When an image does not start with a read-only root, its row says
    why.
    """
    rows = []
    for result in results:
        found = survey(result).confined
        free, locked, tmpfs = (found.writes[s] for s in (FREE, LOCKED, LOCKED_WITH_TMPFS))
        user = f"{found.uid} (root)" if found.uid == 0 else str(found.uid)
        locked_row = (locked.error or YES, locked.folder, locked.tmp, tmpfs.tmp)
        rows.append((verbs.label(result), user, free.code, free.folder, *locked_row))
    columns = ["variant", "runs as", "writes its code", "adds files beside it"]
    columns += ["answers on a read-only root", "adds files there", "writes /tmp there"]
    columns += ["writes /tmp with a tmpfs"]
    return tables.frame(rows, columns=columns)


def hang(*results: BuildResult) -> pd.DataFrame:
    """Start each image, pause its process and let it go on; return the health that is reported."""
    rows = [(verbs.label(r), *surface.health_story(r.image_id, r.engine)) for r in results]
    return tables.frame(rows, columns=["variant", *surface.STEPS])


def write_sboms(*results: BuildResult) -> pd.DataFrame:
    """Write each image's bill of materials (CycloneDX, checked); return its path and its contents."""
    rows = []
    for result in results:
        file = write_sbom(result)
        kinds = sbom.kinds(file.read_text(encoding="utf-8"))
        system = kinds.get("deb", 0) + kinds.get("apk", 0)
        where = str(file.relative_to(paths.ROOT))
        rows.append((verbs.label(result), where, system, kinds["generic"], kinds.get("npm", 0)))
    return tables.frame(rows, columns=["variant", "file", OS_PACKAGES, "Node", NPM])


def write_sbom(result: BuildResult) -> Path:
    """Write an image's bill of materials and return its file; an invalid one raises `WorkbookError`."""
    found = survey(result)
    name = verbs.label(result)
    text = sbom.make(name, result.image_id, found.confined.node, found.inventory, found.npm)
    return sbom.write(text, REPORT / f"{name}.cdx.json")


def provenance(name: str) -> pd.DataFrame | Markdown:
    """Build a Dockerfile into an archive and return the images that its provenance names, by digest.

    The archive is read and thrown away. Where none can be built, return the sentence that says why.
    """
    if not exports.available():
        from IPython.display import Markdown

        return Markdown(exports.UNAVAILABLE)
    file = sample.dockerfile(name)
    with exports.exporter(file) as engine:
        made = exports.export(file, verbs.app().path, engine, "--provenance=mode=min")
    return tables.frame(list(made.base_images.items()), columns=["the build used", "digest"])


def scan(*results: BuildResult) -> pd.DataFrame | Markdown:
    """Return a vulnerability scanner's counts for each image, or a sentence that says why not."""
    from IPython.display import Markdown

    rows = []
    for result in results:
        found = _findings(result)
        if isinstance(found, str):
            return Markdown(found)
        source = " ".join(part for part in (found.scanner, found.database) if part)
        rows.append((verbs.label(result), found.total, found.severe, source))
    return tables.frame(rows, columns=["variant", "CVEs", "critical or high", "scanner, database"])


_scans: dict[str, Findings | str] = {}


def _findings(result: BuildResult) -> Findings | str:
    """Return a scanner's findings, or a sentence that says why there are none."""
    if result.image_id not in _scans:
        here = scanner.find()
        try:
            found = scanner.scan(here, result.tag, result.engine) if here else NO_SCANNER
        except ScannerError as error:
            found = f"Not measured here: {error}"
        _scans[result.image_id] = found
    return _scans[result.image_id]


def judge(
    naive: BuildResult, alpine: BuildResult, distroless: BuildResult, pruned: BuildResult
) -> Judgement:
    """Judge V3 by the counts for the article's three images and the pruned one."""
    results = (naive, alpine, distroless, pruned)
    by_name = dict(zip((*claims.SURFACE_ORDER, claims.SURFACE_PRUNED), results, strict=True))
    counted = {name: survey(result).judged() for name, result in by_name.items()}
    measures = {
        measure: {name: numbers[measure] for name, numbers in counted.items()}
        for measure in counted[claims.SURFACE_ORDER[0]]
    }
    cves = {name: f.total for name, r in by_name.items() if isinstance(f := _findings(r), Findings)}
    complete = cves if len(cves) == len(by_name) else None
    return verbs.verdict(claims.attack_surface(measures, complete), *results)
