"""The known data sets as published: counts, first and last rows, labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kgr.data.babelsememe import HAVE_SEMEME
from kgr.data.codex import LANGUAGES
from kgr.data.codex_view import SIZES, load_codex
from kgr.data.describe import entry
from kgr.data.known import build_known, manifest_of
from kgr.errors import FetchError, UnknownKey
from kgr.index.check import check_store
from kgr.index.kinds import ENTITY, SEMEME, SYNSET
from kgr.index.store import Store

COUNTS = {
    "codex-s": {
        "entities": 2034, "relations": 42, "types": 502, "train": 32888, "valid": 1827, "test": 1828,
        "valid_negatives": 1827, "test_negatives": 1828,
    },
    "codex-m": {
        "entities": 17050, "relations": 51, "types": 1505, "train": 185584, "valid": 10310, "test": 10311,
        "valid_negatives": 10310, "test_negatives": 10311,
    },
    "fb15k-237": {
        "entities": 14541, "relations": 237, "train": 272115, "valid": 17535, "test": 20466, "unseen_entities": 36,
    },
    "wn18rr": {
        "entities": 40943, "relations": 11, "train": 86835, "valid": 3034, "test": 3134, "unseen_entities": 384,
    },
    "kinship": {"entities": 104, "relations": 25, "train": 8544, "valid": 1068, "test": 1074},
    "nations": {"entities": 14, "relations": 55, "train": 1592, "valid": 199, "test": 201},
    "babelsememe-all": {
        "entities": 17566, "synsets": 15461, "sememes": 2105, "relations": 196,
        "train": 162699, "valid": 4146, "test": 4299, "left_out": 1,
    },
    "babelsememe-noun": {
        "entities": 10700, "synsets": 9725, "sememes": 975, "relations": 98,
        "train": 111737, "valid": 2661, "test": 2823,
    },
    "babelsememe-annotations": {
        "entities": 17717, "synsets": 15756, "sememes": 1961, "relations": 1, "train": 43154,
    },
    "umls": {"entities": 135, "relations": 46, "train": 5216, "valid": 652, "test": 661},
}  # fmt: skip

ROWS = {
    "codex-s": {
        "train": ("Q7604 P1412 Q188", "Q58062 P509 Q12202"),
        "valid": ("Q928 P530 Q41", "Q750 P530 Q241"),
        "test": ("Q206832 P27 Q142", "Q819 P530 Q928"),
        "valid_negatives": ("Q185724 P27 Q27", "Q83396 P551 Q64"),
        "test_negatives": ("Q104081 P27 Q35", "Q188482 P136 Q45981"),
    },
    "codex-m": {
        "train": ("Q108946 P161 Q39792", "Q403 P530 Q668"),
        "valid": ("Q60684 P106 Q4964182", "Q310819 P106 Q1930187"),
        "test": ("Q73437 P1412 Q1860", "Q1158704 P27 Q17"),
        "valid_negatives": ("Q354508 P509 Q476921", "Q234989 P27 Q145"),
        "test_negatives": ("Q268615 P27 Q851", "Q498 P27 Q142"),
    },
    "fb15k-237": {
        "train": (
            "/m/027rn /location/country/form_of_government /m/06cx9",
            "/m/020jqv /award/award_nominee/award_nominations./award/award_nomination/nominated_for /m/09d3b7",
        ),
        "valid": (
            "/m/07pd_j /film/film/genre /m/02l7c8",
            "/m/0gs6vr /film/actor/film./film/performance/film /m/0gj96ln",
        ),
        "test": (
            "/m/08966 /travel/travel_destination/climate./travel/travel_destination_monthly_climate/month /m/05lf_",
            "/m/050r1z /film/film/other_crew./film/film_crew_gig/film_crew_role /m/0ch6mp2",
        ),
    },
    "wn18rr": {
        "train": ("00260881 _hypernym 00260622", "00980394 _synset_domain_topic_of 00759694"),
        "valid": ("02174461 _hypernym 02176268", "08860123 _member_of_domain_region 03077616"),
        "test": ("06845599 _member_of_domain_usage 03754979", "01838038 _hypernym 01503061"),
    },
    "kinship": {
        "train": ("person100 term6 person80", "person64 term7 person73"),
        "valid": ("person39 term12 person28", "person81 term22 person75"),
        "test": ("person84 term21 person85", "person8 term20 person49"),
    },
    "nations": {
        "train": ("netherlands militaryalliance uk", "indonesia embassy egypt"),
        "valid": ("cuba timesinceally india", "egypt negativecomm israel"),
        "test": ("poland ngoorgs3 ussr", "jordan ngoorgs3 netherlands"),
    },
    "babelsememe-all": {
        "train": (
            "bn:00007079n synset:gloss_related_form_(disambiguated) bn:00098342a",
            "bn:00116072r synset:have_sememe TimeLong|长时间",
        ),
        "valid": ("bn:00100971a synset:have_sememe poisonous|有毒", "bn:00009495n synset:have_sememe human|人"),
        "test": ("bn:00109378a synset:have_sememe tribe|族群", "bn:00115832r synset:have_sememe StageEarly|早期"),
    },
    "babelsememe-noun": {
        "train": (
            "bn:00007079n synset:gloss_related_form_(disambiguated) bn:00079663n",
            "bn:00008296n synset:have_sememe medicine|药物",
        ),
        "valid": ("bn:00060276n synset:have_sememe community|团体", "bn:00006845n synset:have_sememe chemical|化学物"),
        "test": ("bn:00033556n synset:have_sememe fish|鱼", "bn:00040283n synset:have_sememe SufferFrom|罹患"),
    },
    "babelsememe-annotations": {
        "train": (
            "bn:00113968a synset:have_sememe yellow|黄",
            "bn:00116072r synset:have_sememe TimeLong|长时间",
        ),
    },
    "umls": {
        "train": (
            "acquired_abnormality location_of experimental_model_of_disease",
            "cell_or_molecular_dysfunction process_of plant",
        ),
        "valid": (
            "nucleic_acid_nucleoside_or_nucleotide affects mental_or_behavioral_dysfunction",
            "eicosanoid affects pathologic_function",
        ),
        "test": ("steroid interacts_with eicosanoid", "cell_or_molecular_dysfunction process_of bird"),
    },
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_and_rows(name: str, opened: Callable[[str], Store]) -> None:
    store = opened(name)
    assert {what: count for what, count in store.manifest["counts"].items() if count} == COUNTS[name]
    found = {}
    for split in store.splits:
        triples = store.triples(split)
        ends = [(store.entries.key(h), store.relations.key(r), store.entries.key(t)) for h, r, t in triples[[0, -1]]]
        found[split] = tuple(" ".join(row) for row in ends)
    assert found == ROWS[name]
    assert check_store(store.path) == []


ABSENT = [f"{of}.{language}" for of in ("entities", "entity_extracts") for language in LANGUAGES]
"""What of CoDEx no mirror has."""


def test_codex_s_in_words(opened: Callable[[str], Store]) -> None:
    store = opened("codex-s")
    euler = entry(store, "Q7604", "de")
    assert (euler.id, euler.label) == (0, "Leonhard Euler")
    assert euler.texts["description"]["en"] == ("Swiss mathematician",)
    assert euler.texts["extract"]["en"][0].startswith("Leonhard Euler ( OY-lər; German: [ˈɔʏlɐ]")
    assert [(type.key, type.label) for type in euler.types] == [("Q5", "Mensch")]
    assert ("^P737", "beeinflusst von", 2) in [(e.relation.key, e.relation.label, e.count) for e in euler.edges]
    occupation = entry(store, "P106")
    assert occupation.labels == {
        "ar": "المهنة", "de": "Tätigkeit", "en": "occupation", "es": "ocupación", "ru": "род занятий", "zh": "职业",
    }  # fmt: skip
    sizes = {field: len(store.texts("entries", field, "en") or ()) for field in ("label", "description", "extract")}
    assert sizes == {"label": 2034, "description": 2019, "extract": 1984}
    assert store.manifest["sources"]["absent"] == ABSENT
    assert "entity_text" in store.manifest["sources"]["files"]


def test_codex_m_says_what_it_lacks(opened: Callable[[str], Store]) -> None:
    store = opened("codex-m")
    assert len(store.texts("entries", "label", "en") or ()) == 5242
    assert store.manifest["sources"]["absent"] == ABSENT
    assert entry(store, "Q108946").label == "A Few Good Men"


def test_codex_files_are_the_published_ones(mirror: Path) -> None:
    """Every file of the repository that belongs to a size of CoDEx is named, with git's name for its bytes."""
    rows = [line.split("\t") for line in (mirror / "upstream.tsv").read_text().splitlines() if "tsafavi/codex" in line]
    published = {f"codex/{path}": sha1 for _, _, path, sha1, _ in rows if not path.endswith("raw.zip")}
    named: dict[str, str | None] = {}
    for size in SIZES:
        files = [known.file for known in manifest_of(f"codex-{size}").files.values() if known.file]
        named |= {file.path: file.git_sha1 for file in files if not file.path.startswith("codex/text/")}
    assert named == published


def test_codex_types_in_six_languages(opened: Callable[[str], Store]) -> None:
    """Published: 3,443 types with labels; extracts ar 1,430, de 1,820, … count the archive's folder as well."""
    with pytest.raises(FetchError) as caught:
        opened("codex-l")
    for part in ("codex/data/triples/codex-l/train.txt cannot be fetched", "KGR_MIRROR", "partial=True", "--partial"):
        assert part in str(caught.value)
    codex = load_codex("l", partial=True)
    assert {split: len(rows) for split, rows in codex.splits.items()} == {"train": 0, "valid": 30622, "test": 30622}
    assert (len(codex.entities), len(codex.relations), len(codex.types)) == (77951, 66, 3443)
    assert codex.triples("valid")[0] == ("Q504617", "P106", "Q482980")
    assert codex.triples("test")[0] == ("Q1395950", "P1303", "Q17172850")
    assert codex.absent == ("train", *ABSENT)
    counts = codex.coverage()
    assert [counts["types"][f"{language}.label"] for language in LANGUAGES] == [2174, 2854, 3442, 2919, 2844, 2260]
    assert [counts["types"][f"{language}.extract"] for language in LANGUAGES] == [1423, 1813, 2106, 1671, 1635, 1479]
    assert counts["entries"] == {"en.label": 8160, "en.description": 8069}
    assert codex.label("Q5", "ru", of="types") == "человек"
    assert (codex.extract("Q5", "de", of="types") or "").startswith("Der Mensch (Homo sapiens")
    assert codex.text("Q5", "wikipedia", "en", of="types") == "https://en.wikipedia.org/wiki/Human"
    with pytest.raises(UnknownKey, match="hard negatives 'test'; it has none: they are published for"):
        codex.triples("test", negative=True)
    assert check_store(codex.store.path) == []
    assert load_codex("l", partial=True).store.version == codex.store.version  # kept


ANNOTATIONS = {
    "babelsememe-all": {"train": (34270, 12369), "valid": (4146, 1545), "test": (4299, 1546)},
    "babelsememe-noun": {"train": (23172, 7780), "valid": (2661, 972), "test": (2823, 973)},
}
"""Triples of have_sememe, and the synsets that they annotate."""


@pytest.mark.parametrize("name", ANNOTATIONS)
def test_babelsememe(name: str, opened: Callable[[str], Store]) -> None:
    store, said = opened(name), []
    have_sememe = store.relations.id(HAVE_SEMEME)
    found = {}
    for split in store.splits:
        annotations = store.triples(split)[store.triples(split)[:, 1] == have_sememe]
        assert (store.kinds[annotations[:, 0]] == ENTITY | SYNSET).all()
        assert (store.kinds[annotations[:, 2]] == ENTITY | SEMEME).all()
        found[split] = (len(annotations), len(set(annotations[:, 0].tolist())))
    assert found == ANNOTATIONS[name]
    assert (store.entries.key(0)[:3], store.entries.key(store.manifest["counts"]["synsets"])[:3]) != ("bn:", "bn:")
    human = store.entries.id("human|人")
    assert (store.label("entries", human), store.label("entries", human, "zh")) == ("human", "人")
    build_known(name, message=said.append)
    assert "non-commercial and share-alike" in said[1]
    compared = [line for line in said if "valid.txt: valid2id.txt lacks 1 of its triples: left out" in line]
    assert [line.rpartition(": ")[2] for line in compared] == (
        ["bn:00051000n synset:have_sememe AlgaeFungi|低植"] if name == "babelsememe-all" else []
    )


def test_babelsememe_files_are_the_published_ones(mirror: Path) -> None:
    rows = [line.split("\t") for line in (mirror / "upstream.tsv").read_text().splitlines() if "thunlp" in line]
    published = {f"sememe/{path}": (sha1, f"/{commit}/{path}") for _, commit, path, sha1, _ in rows}
    for name in (*ANNOTATIONS, "babelsememe-annotations"):
        for known in manifest_of(name).files.values():
            assert known.file is not None
            sha1, end = published[known.file.path]
            assert known.file.git_sha1 == sha1
            assert [url.endswith(end) for url in known.file.urls] == [True]


def test_fb15k237_in_words(opened: Callable[[str], Store]) -> None:
    store = opened("fb15k-237")
    found = entry(store, "/m/027rn")
    assert found.label == "Dominican Republic"
    assert found.texts["description"]["en"] == ("country in the Caribbean",)
    assert "🇩🇴" in found.texts["alias"]["en"]
    assert store.label("relations", store.relations.id("/music/artist/origin")) == "music artist origin"
    assert len(store.texts("entries", "label", "en") or ()) == 14541
    assert len(store.texts("relations", "label", "en") or ()) == 237
    assert len(store.texts("entries", "description", "en") or ()) == 13666


def test_wn18rr_in_words(opened: Callable[[str], Store]) -> None:
    store = opened("wn18rr")
    found = entry(store, "00260881")
    assert found.label == "land reform"
    assert found.texts["gloss"]["en"] == ("a redistribution of agricultural land (especially by government action)",)
    assert len(store.texts("entries", "label", "en") or ()) == 40943
    assert store.label("relations", 0) == "hypernym"
