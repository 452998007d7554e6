"""Districts of a few villages along a road and models of them, made in memory: small enough to plan by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

from allocate.district import District, Institution, Place, Town
from allocate.model import Model, model_of
from allocate.names import CARD
from allocate.read import BOUNDARY
from allocate.tables import TABLES
from allocate.units import Basis

# One kilometre to the east at this latitude [°].
KILOMETRE = 1 / 85.76
LAT = 39.7
_NO_FILE = "0" * 64


def lon(kilometres: float) -> float:
    """Return the longitude of a point on the road."""
    return 117.0 + kilometres * KILOMETRE


def road(villages: Mapping[str, tuple[float, int]], clinics: Mapping[str, float] | None = None) -> District:
    """Return villages with their kilometre on the road and their people, and clinics that exist at a kilometre.

    A township hospital stands at kilometre 100 and a hospital at 120, beyond everybody's circle.
    """
    places = tuple(
        Place(
            name,
            name,
            "village",
            "T1",
            people=people,
            people_basis=Basis.SURVEYED,
            lon=lon(at),
            lat=LAT,
            position_basis=Basis.SURVEYED,
            short_name=name,
        )
        for name, (at, people) in villages.items()
    )
    spots = {"hub": (100.0, "township_hospital"), "hospital": (120.0, "hospital")}
    spots |= {name: (at, "clinic") for name, at in (clinics or {}).items()}
    institutions = tuple(
        Institution(name, name, kind, "T1", Basis.SURVEYED, lon(at), LAT, Basis.SURVEYED, "made up")
        for name, (at, kind) in spots.items()
    )
    ring = [[116.9, 39.6], [118.6, 39.6], [118.6, 39.8], [116.9, 39.8], [116.9, 39.6]]
    return District(
        id="road",
        name={"zh": "路边区", "en": "Road"},
        code="120199",
        datum="wgs84",
        epsg=4548,
        places=places,
        towns=(Town("T1", "一镇", "town", lon(0), LAT, Basis.SURVEYED),),
        institutions=institutions,
        facts={},
        boundary={"type": "Polygon", "coordinates": [ring]},
        inputs=dict.fromkeys((CARD, BOUNDARY, *(table.file for table in TABLES if table.needed)), _NO_FILE),
    )


def model(
    rules: Mapping[str, Mapping[str, Any]],
    *,
    years: Sequence[int] = (2025,),
    clinic: Mapping[str, Any] | None = None,
    metres: int = 1500,
    **more: Any,
) -> Model:
    """Return a model that sites clinics within so many metres of everybody: 100,000 yuan each, and 20,000 a year."""
    told = {"basis": "assumed", "source": "made up"}
    two = {"zh": "示例", "en": "example"}
    content = {
        "title": two,
        "district": "road",
        "as_of": "2024-12-26",
        "years": list(years),
        "circle": "near",
        "siting": {
            "clinic": {"stands_in": ["village"], "opening": 100_000, "yearly": 20_000, **told, **(clinic or {})}
        },
        "circles": {"near": {"name": two, "modes": ["walk"], "metres": metres, "kinds": ["clinic"], **told}},
        "modes": {"walk": {"name": two, "speed_kmh": 4.0, "detour": 1.0, **told}},
        "rules": {name: {**told, **numbers} for name, numbers in rules.items()},
        "goals": [{"goal": "cost"}],
        **more,
    }
    return model_of(content, "road", "road.toml", {"road.toml": _NO_FILE})
