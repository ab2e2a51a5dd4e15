"""A store as GraphML, line by line, as networkx and others read it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from kgr.errors import DataError
from kgr.index.statements import blocks, keyed
from kgr.index.store import Store

_REFUSED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""

_KEPT = {"\r": "&#13;"}
"""What readers of XML would take for another character: a line feed."""

_ATTRIBUTES = {"node": ("label",), "edge": ("relation", "label", "split")}


def graphml(store: Store, splits: Sequence[str], language: str, lost: Counter[str]) -> Iterator[str]:
    """Yield nodes, whose ids are keys, and edges, with the attributes of :meth:`kgr.Store.to_networkx`.

    Labels are in ``language``, else in English, else in any, else the key. What XML cannot hold of them, which is
    control characters but tabs and line ends, surrogates, U+FFFE and U+FFFF, becomes U+FFFD and is counted in ``lost``.

    Raises
    ------
    DataError
        A key that XML cannot hold.
    """
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
    for what, names in _ATTRIBUTES.items():
        for name in names:
            yield f'<key id="{what}-{name}" for="{what}" attr.name="{name}" attr.type="string"/>\n'
    yield '<graph edgedefault="directed">\n'
    for first, last in blocks(store.entities):
        keys = store.entries.keys_of(range(first, last))
        for key, label in zip(keys, store.labels("entries", first, last, language), strict=True):
            yield f"<node id={quoteattr(_key(key))}>{_data('node-label', _label(label, lost))}</node>\n"
    yield from _edges(store, splits, language, lost)
    yield "</graph>\n</graphml>\n"


def _edges(store: Store, splits: Sequence[str], language: str, lost: Counter[str]) -> Iterator[str]:
    relations = range(len(store.relations))
    names = zip(store.relations.keys_of(relations), store.labels("relations", 0, len(relations), language), strict=True)
    said = [_data("edge-relation", _key(key)) + _data("edge-label", _label(name, lost)) for key, name in names]
    for split in splits:
        own = _data("edge-split", split)
        for head, relation, tail in keyed(store, split, said):
            yield f"<edge source={quoteattr(head)} target={quoteattr(tail)}>{relation}{own}</edge>\n"


def _data(key: str, text: str) -> str:
    return f'<data key="{key}">{escape(text, _KEPT)}</data>'


def _key(key: str) -> str:
    if _REFUSED.search(key):
        raise DataError(f"key {key!r}: XML has no place for it; choose another format than graphml")
    return key


def _label(label: str, lost: Counter[str]) -> str:
    text, count = _REFUSED.subn("\ufffd", label)
    lost["labels with characters that XML cannot hold: written with U+FFFD"] += bool(count)
    return text
