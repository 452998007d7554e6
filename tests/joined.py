"""Two small districts and a model of both, which share the experts of a hospital of the city: for tests to change."""

from dataclasses import dataclass
from pathlib import Path

from answers_made import hostile_tiny, one_year_of
from conftest import Tiny

EXPERTS = """
[postings]
months = [6, 12]
handover = 1_000
basis = "assumed"
source = "made up"

[supporters.city]
name = { zh = "市里的医院", en = "a hospital of the city" }
sends_as = "tertiary_hospital"
basis = "assumed"
source = "made up"

[pools.city_medicine]
hospitals = ["city"]
specialty = "internal_medicine"
away = 9
basis = "assumed"
source = "made up"

[pools.city_nursing]
hospitals = ["city"]
specialty = "nursing"
away = 9
basis = "assumed"
source = "made up"

[rules.city_experts]
rule = "posting"
to = ["hospital", "township_hospital"]
sent_by = "tertiary_hospital"
at_least = 2
scope = "supporter"
strength = "must"
basis = "official"
source = "made up, page 9"
"""
BOTH = """
title = { zh = "两个区", en = "Both districts" }
as_of = 2025-01-01

[districts.one]
name = { zh = "甲区", en = "One" }

[districts.other]
name = { zh = "乙区", en = "Other" }
model = "second"

[districts.third]
name = { zh = "丙区", en = "Third" }

[shared.city_medicine]
away = 3
basis = "assumed"
source = "made up"

[shared.city_nursing]
away = 1
basis = "assumed"
source = "made up"
"""


@dataclass(frozen=True)
class Both:
    """The file of both districts, and what each was made of."""

    file: Path
    one: Tiny
    other: Tiny

    def edit(self, old: str, new: str) -> None:
        """Replace a text that the file of both is known to hold."""
        text = self.file.read_text(encoding="utf-8")
        assert old in text, f"it does not hold {old!r}"
        self.file.write_text(text.replace(old, new), encoding="utf-8")


def make_both(folder: Path) -> Both:
    """Write both districts and the model of both into a folder."""
    tinies = []
    for name, model in (("one", "one"), ("other", "second")):
        tiny = hostile_tiny(folder / name)
        one_year_of(tiny)
        # (A folder of data is found by its path; models lie side by side.)
        own = Tiny(tiny.folder, folder / f"{model}.toml")
        own.model.write_text(tiny.model.read_text(encoding="utf-8") + EXPERTS, encoding="utf-8")
        tinies.append(own)
    file = folder / "both.toml"
    file.write_text(BOTH, encoding="utf-8")
    return Both(file, *tinies)
