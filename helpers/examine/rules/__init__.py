"""The workbook's own findings: rules on a Dockerfile's text, its build context and its image.

Each module has a ``check`` that takes gathered facts and returns findings. A rule reads no file and asks
no engine.
"""

from helpers.examine.rules import cache as cache
from helpers.examine.rules import context as context
from helpers.examine.rules import image as image
from helpers.examine.rules import shipped as shipped
from helpers.examine.rules import size as size
from helpers.examine.rules import start as start
