"""Why a site is in a plan, in a sentence."""

from collections.abc import Mapping, Sequence
from typing import Any

from allocate.tables import ENDS, NOT_GONE_TO
from allocate.words import Language, say_in


def reason(site: Mapping[str, Any], years: Sequence[int], language: Language) -> str:
    """Say why a site is in the plan, or what its closing means to the people within its circle."""
    if site["kind"] in NOT_GONE_TO:
        return say_in(language, f"sites.why_{site['kind']}")
    last = str(years[-1])
    people, alone = site["people"].get(last, 0), site["only_site_of"].get(last, 0)
    if site["action"] == "upgrade":
        return say_in(language, "sites.upgraded", year=site["year"])
    if site["action"] in ENDS:
        return say_in(language, "sites.closed_alone" if alone else "sites.closed", year=last, alone=alone)
    return say_in(language, "sites.why" if alone else "sites.why_shared", year=last, people=people, alone=alone)
