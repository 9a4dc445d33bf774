"""The modules that the page on the hot path shows."""

import re

from tests.template import TEMPLATE

PAGE = TEMPLATE / "docs" / "hot-path.md"


def hot_paths() -> dict[str, str]:
    """Return the modules, by the style that their first line names."""
    blocks = re.findall(r"```python\n(# (sync|async)\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return {style: code for code, style in blocks}
