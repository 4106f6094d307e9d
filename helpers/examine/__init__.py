"""A report on any project with a Dockerfile, for lesson 12 and for ``python -m helpers examine``."""

from helpers.examine.findings import Finding, Listing, Severity
from helpers.examine.gather import Project, find
from helpers.examine.report import Report
from helpers.examine.run import examine

__all__ = ["Finding", "Listing", "Project", "Report", "Severity", "examine", "find"]
