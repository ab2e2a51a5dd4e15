"""Texts of a store as vectors, kept in it, and the encoder that makes queries comparable with them."""

from __future__ import annotations

import dataclasses
import secrets
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr._config import make
from kgr._io import Pieces
from kgr.data.known import open_store
from kgr.errors import ConfigError, FormatError
from kgr.index.passages import Passages, passages_of
from kgr.index.store import Store, extend_store
from kgr.index.vectors import Vectors, check_name, kept_vectors, section_name, section_of, source_of
from kgr.models.text_config import EncoderConfig
from kgr.models.text_encoder import EncodeTexts, TextEncoder
from kgr.retrieval.partial import BATCHES, Partial, chunks, partial_rows
from kgr.retrieval.passage_texts import PassageTexts

Message = Callable[[str], None]
Progress = Callable[[int, int], None]
"""Called with the documents that are done, and how many there are."""


def encode(
    store: Store | str | Path,
    model: str | Path | EncodeTexts,
    *,
    name: str | None = None,
    language: str | None = None,
    fields: Sequence[str] | None = None,
    words: int | None = None,
    stride: int | None = None,
    replace: bool = False,
    message: Message | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Store:
    """Encode the texts of a store's entries, and keep the vectors as its next version.

    An entry's text is that of an index: its fields joined by line feeds. An entry whose text is empty has no vector.
    An interrupted call goes on where it was, unless the model is a callable.

    Parameters
    ----------
    store : Store, folder or known name
    model : str, path or callable
        A Hugging Face name or folder, or what takes a list of texts and returns a row of numbers for each.
    name : str, optional
        By which the store keeps them; by default the last part of the model's name.
    language : str, optional
        Of the texts; by default the only one, else en.
    fields : names, optional
        By default all that an index joins, see :data:`kgr.index.text_index.FIELDS`.
    words, stride : int, optional
        Encode passages of so many words, one every ``stride`` words, by default half of them: an entry has a row for
        each. By default each text is encoded whole, its beginning where it is longer than the model reads.
    replace : bool
        Put them in place of those that the store keeps by that name.
    message, progress : callable, optional
        Called with lines for the user; with the documents done and their number.
    **settings
        Fields of :class:`kgr.models.text_config.EncoderConfig`.

    Returns
    -------
    Store
        With section ``vectors/<name>``, and in its sources all that queries must share.

    Raises
    ------
    ConfigError
        A name that is none, or taken; no such texts; settings or a model that do not fit, see :class:`TextEncoder`.
    FormatError
        The texts were changed meanwhile, or another process is encoding by this name.
    """
    opened = open_store(store, message=message)
    opened = Store(opened.path)  # a commit since it was opened would be refused
    name = vectors_name(model, name)
    check_name(opened, name, replace)
    texts = PassageTexts.of(opened, language, fields, _passages(words, stride))
    own = str(Path(model).resolve()) if isinstance(model, str | Path) and Path(model).exists() else model
    encoder = TextEncoder(own, make(EncoderConfig, settings))
    say = message or (lambda line: None)
    opened.cache.mkdir(exist_ok=True)
    # what a callable does cannot be told, so nothing is the same as what was begun
    digest = encoder.settings["weights"] or secrets.token_hex(16)
    asked = [encoder.settings, encoder.config.batch, encoder.config.precision, texts.described, digest]
    with partial_rows(opened.cache / f"encode-{name}.partial", encoder.width, asked) as partial:
        if len(partial):
            say(f"going on after {len(partial):,} vectors")
        rows = _Rows(texts, encoder)
        rows.make(partial, progress)
        if not len(rows.ids):
            raise ConfigError(f"{opened.path}: no entry has a text in {', '.join(texts.fields)} ({texts.language})")
        say(rows.told())
        return _kept(opened, name, replace, rows)


def query_encoder(
    store: Store,
    name: str,
    *,
    model: str | Path | EncodeTexts | None = None,
    message: Message | None = None,
    **settings: Any,
) -> TextEncoder:
    """Return the encoder by which a store's vectors were made, for queries: ``encode(texts, query=True)``.

    Parameters
    ----------
    name : str
        Of vectors that :func:`encode` made.
    model : str, path or callable, optional
        Where the model is now; a callable must be given. By default where it was.
    message : callable, optional
        Told where the store's texts were changed since they were encoded.
    **settings
        Fields of :class:`EncoderConfig`: ``batch``, ``precision`` and ``device`` as wished.

    Raises
    ------
    ConfigError
        The vectors are not of texts; a callable made them and none is given; another setting than theirs.
    FormatError
        The model's weights are not those that made the vectors.
    UnknownKey
        The store keeps no vectors of that name.
    """
    kept_vectors(store, name)
    where = f"{store.path}: vectors {name!r}"
    source = source_of(store, name)
    if "encoder" not in source:
        raise ConfigError(f"{where} were not made from texts: give vectors of queries, or encode texts by another name")
    made = dict(source["encoder"])
    digest, was = made.pop("weights"), made.pop("model")
    for setting, value in settings.items():
        if setting in made and value not in (None, made[setting]):
            raise ConfigError(f"{setting} is {value!r}, but {where} were made with {made[setting]!r}: leave it out")
    if digest is None and (model is None or isinstance(model, str | Path)):
        raise ConfigError(f"{where} were made by a callable: give it as model")
    if digest is not None and not (model is None or isinstance(model, str | Path)):
        raise ConfigError(f"{where} were made by {was}, expected a folder or name of that model, found a callable")
    known = {setting: value for setting, value in made.items() if value is not None}
    encoder = TextEncoder(was if model is None else model, make(EncoderConfig, {**settings, **known}))
    if encoder.settings["weights"] != digest:
        raise FormatError(
            f"{where} were made by {was} with weights {digest}, but those of {encoder.settings['model']} are "
            f"{encoder.settings['weights']}: give that model, or encode anew"
        )
    now = store.fingerprints(name for name in source["texts"]["sections"] if store.has(name))
    if message and now != source["texts"]["sections"]:
        message(f"{where}: texts were changed since they were encoded, and those of new entries are not: encode anew")
    return encoder


def _passages(words: int | None, stride: int | None) -> Passages | None:
    if words is None and stride is not None:
        raise ConfigError(f"stride is {stride}, but no words of a passage are given")
    return None if words is None else passages_of(words, stride)


class _Rows:
    """The vectors of texts, in a file, and which entry and span each is of."""

    ids: NDArray[np.int32]
    bounds: NDArray[np.int32]
    pieces: Pieces

    def __init__(self, texts: PassageTexts, encoder: TextEncoder) -> None:
        self.texts, self.encoder, self._documents = texts, encoder, len(texts)

    def make(self, partial: Partial, progress: Progress | None) -> None:
        """Encode the texts, those aside that are there."""
        ids, bounds = array("i"), array("i")
        done = 0
        each = ((passages, (id, spans)) for id, spans, passages in self.texts)
        for chunk in chunks(each, BATCHES * self.encoder.config.batch):
            waiting = [passage for passages, _ in chunk for passage in passages]
            partial.add(len(ids), len(waiting), lambda waiting=waiting: self.encoder.encode(waiting))  # type: ignore[misc]
            for passages, (id, spans) in chunk:
                ids.extend([id] * len(passages))
                bounds.extend(spans.ravel().tolist())
            done += len(chunk)
            if progress:
                progress(done, self._documents)
        self.ids, self.bounds = np.frombuffer(ids, np.int32), np.frombuffer(bounds, np.int32).reshape(-1, 2)
        self.pieces = partial.pieces()

    @property
    def counts(self) -> dict[str, int]:
        """Entries, those without text, and vectors."""
        entries = len(np.unique(self.ids))
        return {"entries": entries, "empty": self._documents - entries, "vectors": len(self.ids)}

    def told(self) -> str:
        """Say what was encoded."""
        own = self.counts
        parts = [f"{own['vectors']:,} vectors of {self.pieces.shape[1]} numbers, of {own['entries']:,} entries"]
        if own["empty"]:
            parts.append(f"{own['empty']:,} without text have none")
        if self.encoder.truncated:
            most = self.encoder.settings["max_length"]
            parts.append(f"{self.encoder.truncated:,} texts are longer than {most} tokens: their beginning counts")
        return "; ".join(parts)


def _kept(opened: Store, name: str, replace: bool, rows: _Rows) -> Store:
    """Write the next version of the store as it is now, if its texts are those that were encoded."""
    texts, now = rows.texts.described, Store(opened.path)
    if dataclasses.replace(rows.texts, store=now).described != texts:
        raise FormatError(f"{opened.path}: texts were changed while they were encoded; encode anew")
    check_name(now, name, replace)
    section = section_of(Vectors(rows.ids, rows.pieces), None)
    arrays = {**section.arrays, "starts": rows.bounds[:, 0], "ends": rows.bounds[:, 1]}
    precision = rows.encoder.config.precision
    source = {"encoder": rows.encoder.settings, "precision": precision, "texts": texts, "counts": rows.counts}
    sections = {section_name(name): dataclasses.replace(section, arrays=arrays)}
    return extend_store(now, sections, sources={section_name(name): source})


def vectors_name(model: str | Path | EncodeTexts, name: str | None) -> str:
    """Return the name by which a store keeps the vectors that a model makes: as given, or the model's last part.

    Raises
    ------
    ConfigError
        The model is a callable, and none is given.
    """
    if name is not None:
        return name
    if not isinstance(model, str | Path):
        raise ConfigError("name is needed where the model is a callable: by which the store keeps the vectors")
    return Path(model).resolve().name if Path(model).exists() else Path(model).name
