"""Letters in figures: fonts of this machine for any script, and a way out where there is none."""

from __future__ import annotations

from functools import cache

_FONTS = (
    "DejaVu Sans", "Noto Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC",
    "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei",
    "Malgun Gothic", "Noto Naskh Arabic", "Noto Sans Arabic", "Noto Sans Devanagari", "Arial Unicode MS",
)  # fmt: skip


@cache
def families() -> tuple[str, ...]:
    """Return those of the fonts for many scripts that are here; the first comes with matplotlib."""
    from matplotlib.font_manager import fontManager

    here = {font.name for font in fontManager.ttflist}
    return tuple(name for name in _FONTS if name in here)


@cache
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    paths = (findfont(FontProperties(family=family)) for family in families())
    return frozenset(code for path in paths for code in get_font(path).get_charmap())


def drawable(text: str) -> bool:
    """Return whether some font has every character."""
    return all(ord(character) in _letters() for character in text)


def shown(label: str, key: str, most: int = 30) -> str:
    """Return a label, or the key where no font has its letters, cut to ``most`` characters; what is missing is �."""
    text = label if drawable(label) else key
    text = text if len(text) <= most else text[: most - 1] + "…"
    return "".join(character if drawable(character) else "\ufffd" for character in text)
