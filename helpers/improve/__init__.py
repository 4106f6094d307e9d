"""From findings to a proven patch: each change to a Dockerfile is built, run and compared."""

from helpers.improve.report import Figures, Improvement, Outcome, Step
from helpers.improve.trial import improve

__all__ = ["Figures", "Improvement", "Outcome", "Step", "improve"]
