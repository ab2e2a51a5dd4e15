"""Tags of languages as stores write them: those of BCP 47 that differ in capital letters alone are one language."""

from __future__ import annotations

import re
from functools import lru_cache

LANGUAGE = r"[a-z]{2,3}(?:-[A-Za-z0-9]+)*"
"""Tags that stores have, such as en, zh or pt-BR."""

LONGEST = 80
"""Letters of a tag, which names a folder; of longer ones the first are taken."""


@lru_cache(1 << 10)
def language_name(tag: str) -> str:
    """Return a tag as stores write it, en, pt-BR or zh-Hans; one that none can be stands after ``und-x-``.

    It is the same for all tags that differ in capital letters alone, and for the name itself.
    """
    tag = tag.lower()[:LONGEST].rstrip("-")
    first, *rest = tag.split("-")
    name = tag if "x" in rest else "-".join([first, *map(_subtag, rest)])
    return name if re.fullmatch(LANGUAGE, name) else ("und-x-" + tag.removeprefix("x-"))[:LONGEST].rstrip("-")


def _subtag(part: str) -> str:
    """Return a script as Hans, a region as BR, all else in small letters."""
    if len(part) == 2:
        return part.upper()
    return part.title() if len(part) == 4 and part.isalpha() else part
