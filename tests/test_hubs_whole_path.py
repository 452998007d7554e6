"""Small models with consortia and functions, drawn at random, are planned, rechecked and written out."""

import random
import shutil
from pathlib import Path

import pytest
from conftest import DATA, Tiny, copy_tiny

from allocate.model import read_model
from allocate.outputs import export, write_plan
from allocate.planning import plan
from allocate.program import Options
from allocate.read import read_district
from allocate.verification import verify
from allocate.words import LANGUAGES, speaking


def drawn(where: Path, seed: int) -> Tiny:
    """Copy the small district with its hospitals, and a model that forms consortia and sets up functions somehow."""
    chance = random.Random(seed)
    tiny = copy_tiny(where)
    shutil.copy(DATA / "tiny-hubs" / "institutions.csv", tiny.folder)
    if chance.random() < 0.7:
        shutil.copy(DATA / "tiny-hubs" / "functions.csv", tiny.folder)
    leads = chance.choice(("", 'leads = ["hospital-1"]', 'may_lead = ["hospital-1", "hospital-2"]'))
    pick, yuan = chance.choice, lambda: chance.randrange(0, 100_000, 1_000)
    said = 'basis = "assumed"\nsource = "made up"\n'
    hubs, small = '["community_centre", "township_hospital"]', '["station", "clinic"]'
    clauses = {
        "members": f'rule = "membership"\nkinds = {hubs}\nshare = {pick((0.5, 1.0))}',
        "images": f'rule = "function"\nfunctions = ["imaging"]\nkinds = {hubs}\nshare = {pick((0.5, 0.85))}\n'
        f'scope = "{pick(("consortium", "district"))}"\nyears = [2027]',
        "units": f'rule = "function"\nfunctions = ["unit"]\nkinds = {hubs}\nat_least = {pick((1, 2, 3))}\n'
        "years = [2027]",
        "corners": f'rule = "function"\nfunctions = ["tcm_corner"]\nkinds = {small}\nshare = {pick((0.4, 1.0))}',
        "how_many": f'rule = "consortium_size"\nof = "consortia"\nat_least = {pick((1, 2, 3))}',
        "how_large": f'rule = "consortium_size"\nof = "people"\nat_most = {pick((15_000, 30_000))}',
    }
    kept = [name for name in clauses if chance.random() < 0.8]
    rules = "".join(
        f'[rules.{name}]\n{clauses[name]}\nstrength = "{pick(("must", "in_principle", "strive"))}"\n{said}'
        for name in kept
    )
    text = tiny.model.read_text(encoding="utf-8")
    goals = text.index("[[goals]]")
    text = (
        text[:goals].replace("draws = 3", "draws = 0")
        + f"""[[goals]]
goal = "cost"
[consortia]
{leads}
mode = "car"
{pick(("", "minutes = 60", "minutes = 20"))}
contiguous = {pick(("true", "false"))}
opening = {yuan()}
yearly = {yuan()}
{said}
[functions.imaging]
name = {{ zh = "影像", en = "imaging" }}
at = ["hospital"]
serves = {hubs}
within = "{pick(("consortium", "district"))}"
{pick(("", "members = 1", "members = 2"))}
opening = {yuan()}
yearly = {yuan()}
linking = {yuan()}
linked_yearly = {yuan()}
{said}
[functions.unit]
name = {{ zh = "单元", en = "unit" }}
at = {hubs}
needs = {{ imaging = {pick((0, 1, 2))} }}
opening = {yuan()}
{said}
[functions.tcm_hall]
name = {{ zh = "中医馆", en = "hall" }}
at = {hubs}
yearly = {yuan()}
{said}
[functions.tcm_corner]
name = {{ zh = "中医阁", en = "corner" }}
at = {small}
opening = {yuan()}
yearly = {yuan()}
{said}
{rules}"""
    )
    tiny.model.write_text(text, encoding="utf-8")
    return tiny


@pytest.mark.parametrize("seed", [1, 2])
def test_a_drawn_model_is_planned_rechecked_and_written_out(seed: int, tmp_path: Path) -> None:
    tiny = drawn(tmp_path, seed)
    options = Options(seconds=20, threads=1, quick=True)
    made = plan(read_district(tiny.folder), read_model(tiny.model), options, gap=0.05, processes=1)
    assert made.content["functions"]
    for chosen in LANGUAGES:
        with speaking(chosen):
            folder = write_plan(made, tmp_path / chosen)["plan.json"].parent
        verdict = verify(folder, tiny.folder)
        assert (verdict.findings, verdict.notes) == ((), ())
        for form in ("csv", "geojson"):
            assert any(export(made.content, form, tmp_path / f"{chosen} {form}", chosen).iterdir())
