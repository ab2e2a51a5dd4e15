"""The store: what is written is what is read; versions; refusals."""

import json
import subprocess
import sys

import numpy as np
import pytest

from kgr.errors import DataError, FormatError, UnknownKey
from kgr.index import manifest as manifests
from kgr.index.check import check_store
from kgr.index.keys import Keys
from kgr.index.kinds import DOCUMENT, ENTITY
from kgr.index.store import Section, Store, create_store, extend_store, preview_store, stale_sections
from kgr.index.texts import Texts

ENTITIES = ["Q39", "Q183", "Q142", "שלום"]


def entries(*documents):
    keys = Keys.build([*ENTITIES, *documents], what="entry")
    kinds = np.array([ENTITY] * len(ENTITIES) + [DOCUMENT] * len(documents), np.uint8)
    return Section({**keys.arrays(), "kinds": kinds})


def texts(*pairs):
    return Section(Texts.build([row for row, _ in pairs], [text for _, text in pairs]).arrays())


def sections():
    types = Keys.build(["country"], what="type").arrays()
    types_of = {"entry_offsets": np.array([0, 1, 2, 3]), "entry_types": np.zeros(3, np.int32)}
    return {
        "entries": entries(),
        "relations": Section(Keys.build(["borders"], what="relation").arrays()),
        "types": Section({**types, **types_of}, made_from=("entities",)),
        "triples/train": Section({"ids": np.array([[0, 0, 1], [1, 0, 2]], np.int32)}),
        "triples/test": Section({"ids": np.zeros((0, 3), np.int32)}),
        "graph": Section({"tail": np.array([1, 0, 2, 1], np.int32)}, made_from=("triples/train",)),
        "text/entries/de.label": texts((0, "Schweiz"), (1, "Deutschland")),
        "text/entries/en.label": texts((0, "Switzerland")),
        "text/entries/en.alias": texts((0, "CH"), (0, "🇨🇭")),
        "text/relations/fr.label": texts((0, "frontière")),
    }


@pytest.fixture
def store(tmp_path):
    return create_store(
        tmp_path / "store", sections(), name="small", entities=4, counts={"train": 2}, sources={"file": "x.tsv"}
    )


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.name != ".lock")


def rewrite_manifest(store, change):
    """Edit the manifest as another program would, checksum included."""
    path = store.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    (store.path / "CURRENT").write_text(manifests.current_line(store.version, path.read_text()))


def test_what_is_written_is_read(store):
    assert (store.version, store.name, store.entities) == (1, "small", 4)
    assert store.manifest["counts"] == {"train": 2} and store.manifest["sources"] == {"file": "x.tsv"}
    assert store.sections == tuple(sections())
    for name, section in sections().items():
        for array, expected in section.arrays.items():
            found = store.section(name)[array]
            assert found.dtype == expected.dtype and np.array_equal(found, expected)
            with pytest.raises(ValueError, match="read-only"):
                found[...] = 0
    assert store.entries.ids(["Q142", "שלום"]).tolist() == [2, 3]
    assert store.relations.key(0) == "borders" and store.kinds.tolist() == [ENTITY] * 4
    assert store.splits == ("train", "test") and store.triples("train").tolist() == [[0, 0, 1], [1, 0, 2]]
    assert store.types.keys.key(int(store.types.of(1)[0])) == "country" and store.types.of(3).tolist() == []
    assert store.cache == store.path / "cache" and not store.cache.exists()
    assert check_store(store.path) == []


def test_texts_languages_and_labels(store):
    assert store.languages("entries", "label") == ("de", "en") and store.languages("types", "label") == ()
    assert store.texts("entries", "alias", "en").all(0) == ["CH", "🇨🇭"]
    assert store.texts("entries", "alias", "EN").all(0) == ["CH", "🇨🇭"]  # tags differ by more than capital letters
    assert store.texts("entries", "alias", "de") is None
    assert store.label("entries", 0) == "Switzerland" and store.label("entries", 0, "de") == "Schweiz"
    assert store.label("entries", 0, "ru") == "Switzerland"  # English where the language lacks
    assert store.label("entries", 1, "ru") == "Deutschland"  # any where English lacks
    assert store.label("entries", 3) == "שלום"  # the key where all lack
    assert store.labelled("entries", "Deutschland") == [1] and store.labelled("entries", "Switzerland") == [0]
    assert store.labelled("relations", "frontière") == [0]
    assert store.labelled("entries", "Deutschlanx") == store.labelled("entries", "") == []
    assert store.label("relations", 0) == "frontière" and store.label("types", 0) == "country"


def test_the_bytes_on_disk_are_plain(store):
    assert np.load(store.folder / "entries" / "bytes.npy").tobytes().decode() == "".join(ENTITIES)
    assert np.load(store.folder / "triples" / "train" / "ids.npy").tolist() == [[0, 0, 1], [1, 0, 2]]
    assert (store.path / "CURRENT").read_text().startswith("v00000001 ")
    assert store.manifest["format"] == "kgr-store" and store.manifest["version"] == 1


def test_the_same_content_has_the_same_files(store, tmp_path):
    again = create_store(
        tmp_path / "again", sections(), name="small", entities=4, counts={"train": 2}, sources={"file": "x.tsv"}
    )
    assert listing(again.path) == listing(store.path)
    for path in store.path.rglob("*"):
        if path.is_file():
            assert (again.path / path.relative_to(store.path)).read_bytes() == path.read_bytes()


def test_unknown_names_are_refused(store):
    with pytest.raises(FormatError, match="no section 'graphs'; there are entries, relations"):
        store.section("graphs")
    with pytest.raises(FormatError, match="vectors"):
        store.fingerprints(["vectors"])
    with pytest.raises(UnknownKey, match="split 'trian'; nearest: train"):
        store.triples("trian")
    assert store.has("graph") and not store.has("graphs")


def test_extension_shares_what_stays_and_old_handles_work(store):
    new = extend_store(store, {"vectors/a": Section({"rows": np.ones((4, 2), np.float32)})}, counts={"vectors": 1})
    assert new.version == 2 and new.sections == (*store.sections, "vectors/a")
    assert new.manifest["counts"] == {"train": 2, "vectors": 1}
    for path in store.folder.rglob("*.npy"):
        assert path.samefile(new.folder / path.relative_to(store.folder))
    assert not store.has("vectors/a") and store.version == 1
    assert store.entries.id("Q183") == 1  # mapped only now, from the older version
    assert new.fingerprints(store.sections) == store.fingerprints(store.sections)
    assert Store(store.path).version == 2 and check_store(store.path) == []


def test_documents_leave_the_entities_fingerprint(store):
    new = extend_store(store, {"entries": entries("doc:1", "doc:2")})
    before, after = (s.fingerprints(["entities", "entries", "graph", "types"]) for s in (store, new))
    assert before["entries"] != after["entries"]
    assert [before[name] == after[name] for name in ("entities", "graph", "types")] == [True] * 3
    assert new.entities == 4 and len(new.entries) == 6 and new.entries.id("doc:2") == 5
    assert len(store.entries) == 4 and check_store(store.path) == []


def test_fingerprints_tell_content_apart(store, tmp_path):
    def of(**changed):
        given = {**sections(), **changed}
        made = create_store(tmp_path / str(len(list(tmp_path.iterdir()))), given, entities=4, counts={}, sources={})
        return made.fingerprints(["entities", "entries", "triples/train", "graph"])

    plain = of()
    assert plain == store.fingerprints(plain)  # name, counts and place do not matter
    other = of(**{"triples/train": Section({"ids": np.array([[0, 0, 1], [1, 0, 3]], np.int32)})})
    assert {name for name in plain if plain[name] != other[name]} == {
        "triples/train",
        "graph",
    }  # what it is made from counts
    ids = np.array([[0, 0, 1], [1, 0, 2]])
    assert of(**{"triples/train": Section({"ids": ids})})["triples/train"] != plain["triples/train"]  # int64


def test_entries_can_only_be_appended_to(store):
    moved = Keys.build(["Q183", "Q39", "Q142", "שלום", "new"], what="entry").arrays()
    fewer = Keys.build(ENTITIES[:3], what="entry").arrays()
    for arrays in (moved, fewer):
        kinds = np.ones(len(arrays["offsets"]) - 1, np.uint8)
        with pytest.raises(DataError, match=r"do not begin with the 4|4 entities among 3"):
            extend_store(store, {"entries": Section({**arrays, "kinds": kinds})})
    assert Store(store.path).version == 1


def test_a_source_does_not_change_under_what_was_made_from_it(store):
    train = Section({"ids": np.zeros((0, 3), np.int32)})
    with pytest.raises(DataError, match="'graph' was made from 'triples/train', which changes"):
        extend_store(store, {"triples/train": train})
    graph = Section({"tail": np.zeros(0, np.int32)}, made_from=("triples/train",))
    new = extend_store(store, {"triples/train": train, "graph": graph})
    assert len(new.triples("train")) == 0 and len(store.triples("train")) == 2 and check_store(store.path) == []


def test_two_who_extend_do_not_overwrite_each_other(store):
    other = Store(store.path)
    extend_store(store, {"vectors/a": Section({"rows": np.ones(1)})})
    with pytest.raises(FormatError, match="now at version 2, opened at 1"):
        extend_store(other, {"vectors/b": Section({"rows": np.ones(1)})})
    assert Store(store.path).has("vectors/a") and check_store(store.path) == []


def test_creating_again_needs_to_be_asked_for(store):
    plain = {"entries": entries()}
    with pytest.raises(FormatError, match="a store is there already"):
        create_store(store.path, plain, entities=4, counts={}, sources={})
    new = create_store(store.path, plain, entities=4, counts={}, sources={}, replace=True)
    assert new.version == 2 and new.sections == ("entries",) and store.label("entries", 0) == "Switzerland"
    (store.path / "CURRENT").write_text("damaged")
    with pytest.raises(FormatError, match="damaged"):
        Store(store.path)
    assert create_store(store.path, plain, entities=4, counts={}, sources={}, replace=True).version == 3
    assert check_store(store.path) == []


def test_a_folder_of_other_things_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    for replace in (False, True):
        with pytest.raises(FormatError, match="exists and is no store"):
            create_store(tmp_path / "mine", sections(), entities=4, counts={}, sources={}, replace=replace)
    assert listing(tmp_path) == ["mine", "mine/thesis.tex"]


@pytest.mark.parametrize(
    ("name", "section", "message"),
    [
        ("../up", Section({"a": np.zeros(1)}), r"section '\.\./up'"),
        ("a//b", Section({"a": np.zeros(1)}), "section 'a//b'"),
        ("entities", Section({"a": np.zeros(1)}), "section 'entities'"),
        ("a", Section({"b/c": np.zeros(1)}), "array 'b/c'"),
        ("a", Section({"b": np.array(["text"])}), "expected numbers"),
        ("a", Section({"b": np.array([{}])}), "expected numbers"),
        (
            "a",
            Section({"b": np.zeros(1)}, made_from=("nowhere",)),
            "'a' is made from 'nowhere', which is not in the store",
        ),
        ("a", Section({"b": np.zeros(1)}, made_from=("a",)), "which is made from it in turn"),
    ],
)
def test_sections_that_do_not_fit_are_refused(store, tmp_path, name, section, message):
    before = listing(store.path)
    with pytest.raises(DataError, match=message):
        extend_store(store, {name: section})
    assert listing(store.path) == before
    with pytest.raises(DataError, match=message):
        create_store(tmp_path / "new", {**sections(), name: section}, entities=4, counts={}, sources={})
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("entries_section", "entities", "message"),
    [
        (None, 0, "'entries' is missing"),
        (Section(Keys.build(ENTITIES, what="entry").arrays()), 4, "array 'kinds' is missing"),
        (
            Section({**entries().arrays, "kinds": np.ones(3, np.uint8)}),
            4,
            r"kinds are uint8\(3,\), expected uint8\(4,\)",
        ),
        (entries(), 5, "5 entities among 4"),
    ],
)
def test_entries_that_do_not_fit_are_refused(tmp_path, entries_section, entities, message):
    given = {"entries": entries_section} if entries_section else {}
    with pytest.raises(DataError, match=message):
        create_store(tmp_path / "new", given, entities=entities, counts={}, sources={})


def test_a_store_of_nothing(tmp_path):
    arrays = {**Keys.build([], what="entry").arrays(), "kinds": np.zeros(0, np.uint8)}
    store = create_store(tmp_path / "s", {"entries": Section(arrays)}, entities=0, counts={}, sources={})
    assert len(store.entries) == 0 and store.types is None and store.splits == () and check_store(store.path) == []
    assert len(store.fingerprints(["entities"])["entities"]) == 64


def test_no_store_and_no_manifest(store, tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(FormatError, match="no store here"):
            Store(path)
    (store.folder / "manifest.json").unlink()
    with pytest.raises(FormatError, match=r"manifest\.json: missing"):
        Store(store.path)


@pytest.mark.parametrize(("field", "value"), [("version", 2), ("format", "kgr-run")])
def test_another_version_is_refused(store, field, value):
    rewrite_manifest(store, lambda manifest: manifest.update({field: value}))
    with pytest.raises(FormatError, match=f"{value!r}.* this kgr reads 'kgr-store' version 1"):
        Store(store.path)


def test_names_that_leave_the_folder_are_refused(store):
    rewrite_manifest(store, lambda manifest: manifest["sections"].update({"../../x": manifest["sections"]["graph"]}))
    with pytest.raises(FormatError, match=r"'\.\./\.\./x'"):
        Store(store.path)


@pytest.mark.parametrize("change", ["cut", "longer", "missing"])
def test_a_file_of_another_size_is_refused_at_opening(store, change):
    path = store.folder / "triples" / "train" / "ids.npy"
    data = path.read_bytes()
    path.unlink()
    if change != "missing":
        path.write_bytes(data[:-4] if change == "cut" else data + b"\0")
    with pytest.raises(FormatError, match=r"train.ids\.npy: (missing|\d+ bytes, the manifest says \d+)"):
        Store(store.path)
    assert any("section 'triples/train', array 'ids'" in finding for finding in check_store(store.path))


def test_a_header_that_is_not_the_manifests_is_refused(store):
    rewrite_manifest(store, lambda m: m["sections"]["graph"]["arrays"]["tail"].update(dtype="<u4"))
    with pytest.raises(FormatError, match=r"tail\.npy: found dtype and shape \('<i4', \[4\]\)"):
        Store(store.path).section("graph")
    assert any("section 'graph'" in finding and "fingerprint" in finding for finding in check_store(store.path))


def test_opening_loads_nothing_heavy(store):
    code = (
        "import sys; from kgr.index.store import Store; s = Store(sys.argv[1]); s.label('entries', 0); s.types.of(0)\n"
        "assert not {'numba', 'torch'} & set(sys.modules)\n"
        "s.entries.id('Q39')"
    )
    subprocess.run([sys.executable, "-c", code, str(store.path)], check=True)


def test_a_preview_lacks_what_becomes_stale(store, tmp_path):
    more = {"a": Section({"x": np.arange(2)}, ("graph",)), "b": Section({"x": np.arange(3)}, ("a", "triples/test"))}
    store = extend_store(store, more)
    assert stale_sections(store, ["triples/train"]) == ["graph", "a", "b"]
    assert stale_sections(store, ["triples/test", "b"]) == []
    changed = {"triples/train": Section({"ids": np.zeros((1, 3), np.int32)})}
    preview = preview_store(store, changed, tmp_path / "preview")
    assert set(preview.sections) == set(store.sections) - {"graph", "a", "b"}
    assert preview.triples("train").tolist() == [[0, 0, 0]]
    assert preview.texts("entries", "label", "de").first(1) == "Deutschland"
    assert check_store(preview.path) == []
    assert Store(store.path).version == 2
