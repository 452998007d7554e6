"""The transcribed documents: all clauses there, every quotation proven, and every fault of a policy file named."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from conftest import Tiny

from allocate.bundle import bundled
from allocate.errors import ModelError
from allocate.model import read_model
from allocate.policies import SHINGLE, Clause, Policy, hashed, is_quoted, policy_files, policy_of, shingles, squeeze
from allocate.rows import DECISIONS, Strength
from allocate.units import Basis
from allocate.words import speaking

FOLDER = bundled() / "models" / "policies"
DOCUMENTS = ("baodi", "dongli", "jinnan", "nankai", "tianjin")
NAMES = (*DOCUMENTS, "standards")
# Rules with something that sites have: keys under which it is named.
NAMED = {
    "function": ("functions",),
    "reserve": ("of",),
    "ratio": ("resource", "to"),
    **dict.fromkeys(("rate", "total", "site_minimum"), ("resource",)),
}


def policy(name: str) -> Policy:
    file = FOLDER / f"{name}.toml"
    return policy_of(tomllib.loads(file.read_text(encoding="utf-8")), file.name)


def manifest() -> dict[str, list[str]]:
    """Return the ids that the manifest lists, by document."""
    found: dict[str, list[str]] = {}
    for line in (FOLDER / "manifest.txt").read_text(encoding="utf-8").splitlines()[1:]:
        if line.startswith("# "):
            found[line.removeprefix("# ")] = []
        elif line:
            found[list(found)[-1]].append(line)
    return found


def quoted() -> list[tuple[str, Clause]]:
    return [(name, clause) for name in DOCUMENTS for clause in policy(name).clauses.values()]


# What is there.


def test_the_manifest_lists_every_element_of_the_five_documents_and_every_standard() -> None:
    listed = manifest()
    assert tuple(listed) == NAMES
    assert sum(len(listed[name]) for name in DOCUMENTS) == 260
    assert len(listed["standards"]) == 48


@pytest.mark.parametrize("name", NAMES)
def test_no_clause_is_missing_and_none_is_left_over(name: str) -> None:
    assert sorted(policy(name).clauses) == manifest()[name]


def test_every_bundled_file_is_in_the_manifest() -> None:
    assert set(policy_files(Path("/nowhere"))) == set(NAMES)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_clause_of_a_document_says_where_it_stands_and_quotes_it(name: str) -> None:
    assert [clause.id for clause in policy(name).clauses.values() if not (clause.at and clause.quote)] == []


def test_every_standard_says_its_source() -> None:
    assert [clause.id for clause in policy("standards").clauses.values() if len(clause.source) < 8] == []


def test_a_standard_is_official_only_where_it_was_read_on_a_page_of_a_public_body() -> None:
    official = [clause for clause in policy("standards").clauses.values() if clause.basis is Basis.OFFICIAL]
    assert official
    assert [clause.id for clause in official if ".gov.cn" not in clause.source] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_rule_is_called_assumed_exactly_where_its_note_says_that_something_is(name: str) -> None:
    rules = [clause for clause in policy(name).clauses.values() if clause.role == "rule"]
    said = [clause.id for clause in rules if clause.note and "assum" in clause.note["en"]]
    assert said
    assert said == [clause.id for clause in rules if clause.basis is Basis.ASSUMED]


def test_each_bar_for_chinese_medicine_techniques_has_a_name_of_its_own() -> None:
    # 6 classes and 10 techniques; 4 and 6; 6 classes: a site that meets one need not meet another.
    bars = (("baodi", "BD-T20"), ("baodi", "BD-T21"), ("nankai", "NK-T20"))
    named = [(policy(name).clauses[code].rule or {})["functions"] for name, code in bars]
    assert named == [["tcm_techniques_6_10"], ["tcm_techniques_4_6"], ["tcm_techniques_6"]]


def test_jinnan_counts_specialties_and_not_the_hospitals_that_have_them() -> None:
    rules = [policy("jinnan").clauses[code].rule or {} for code in ("JN-T12", "JN-T13")]
    assert [(rule["rule"], rule["at_least"]) for rule in rules] == [("total", 5), ("total", 5)]
    assert rules[0]["resource"] != rules[1]["resource"]


def test_the_two_drafts_are_drafts() -> None:
    assert [name for name in NAMES if policy(name).document.status == "draft"] == ["nankai", "tianjin"]


def test_every_kind_of_decision_is_asked_for() -> None:
    asked = {clause.needs for name in NAMES for clause in policy(name).clauses.values() if clause.role == "decision"}
    # (The one document that speaks of contracts with care homes gives a share: a rule.)
    assert asked == set(DECISIONS) - {"contracts"}


@pytest.mark.parametrize(
    ("label", "strength"),
    [("指导性", Strength.STRIVE), ("预期性", Strength.STRIVE), ("约束性", Strength.MUST), ("强制性", Strength.MUST)],
)
def test_a_documents_own_label_decides_the_strength(label: str, strength: Strength) -> None:
    labelled = [clause for _, clause in quoted() if clause.label == label]
    assert {clause.strength for clause in labelled} == {strength}
    assert all(label in clause.quote for clause in labelled)


@pytest.mark.parametrize(
    ("word", "weakest"),
    [
        ("原则上", Strength.IN_PRINCIPLE),
        ("力争", Strength.STRIVE),
        ("适当", Strength.STRIVE),
        ("鼓励", Strength.ENCOURAGE),
    ],
)
def test_a_word_of_weakness_is_never_read_as_must(word: str, weakest: Strength) -> None:
    order = list(Strength)
    weak = [clause for _, clause in quoted() if word in clause.quote and clause.strength]
    assert weak
    assert [clause.id for clause in weak if order.index(clause.strength or Strength.MUST) < order.index(weakest)] == []


def test_every_name_of_a_function_or_resource_is_explained() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"`([a-z][a-z0-9_]+)`", text[text.index("## Names of functions") :]))
    used: set[str] = set()
    for name in NAMES:
        for clause in policy(name).clauses.values():
            numbers = clause.rule or {}
            for key in NAMED.get(numbers.get("rule", ""), ()):
                used |= {numbers[key]} if isinstance(numbers[key], str) else set(numbers[key])
    assert used == explained


def test_a_model_may_name_every_document_at_once(tiny: Tiny) -> None:
    names = ", ".join(f'"{name}"' for name in NAMES)
    tiny.edit("tiny.toml", "draws = 3", f"policies = [{names}]\ndraws = 3")
    model = read_model(tiny.model)
    assert set(model.clauses) == {code for codes in manifest().values() for code in codes}
    ruled = {code for code, clause in model.clauses.items() if clause.role == "rule"}
    assert ruled == (set(model.rules) | set(model.silent)) & set(model.clauses)


# Quotations.


def test_every_quotation_stands_in_its_document() -> None:
    found = {name: policy(name).document.id for name in DOCUMENTS}
    assert [clause.id for name, clause in quoted() if not is_quoted(clause.quote, found[name])] == []


def test_a_quotation_with_one_character_changed_is_found_out_wherever_it_is() -> None:
    for name, clause in quoted():
        plain, document = squeeze(clause.quote), policy(name).document.id
        for at in (0, len(plain) // 2, len(plain) - 1):
            assert not is_quoted(f"{plain[:at]}丠{plain[at + 1 :]}", document), (clause.id, at)


def test_a_file_with_a_changed_quotation_is_refused() -> None:
    text = (FOLDER / "baodi.toml").read_text(encoding="utf-8").replace("达到40%以上", "达到30%以上")
    with pytest.raises(ModelError, match=r"BD-T14\.quote"):
        policy_of(tomllib.loads(text), "baodi.toml")


def test_a_number_changed_in_a_quotation_is_found_out() -> None:
    quote = policy("jinnan").clauses["JN-T01"].quote
    assert is_quoted(quote, "JN")
    assert not is_quoted(quote.replace("4000", "5000"), "JN")


def test_words_of_one_document_are_no_quotation_of_another() -> None:
    assert not is_quoted(policy("jinnan").clauses["JN-T01"].quote, "BD")


def test_words_too_short_to_be_proven_are_no_quotation() -> None:
    plain = squeeze(policy("baodi").clauses["BD-T13"].quote)
    assert is_quoted(plain[:SHINGLE], "BD")
    assert not is_quoted(plain[: SHINGLE - 1], "BD")


def test_two_halves_of_a_document_put_together_are_no_quotation() -> None:
    one, two = (squeeze(policy("baodi").clauses[code].quote) for code in ("BD-T13", "BD-T16"))
    assert is_quoted(one, "BD")
    assert is_quoted(two, "BD")
    assert not is_quoted(one + two, "BD")


def test_blanks_and_ends_of_lines_are_no_words() -> None:
    quote = policy("baodi").clauses["BD-T13"].quote
    assert is_quoted("\n ".join(quote), "BD")


def test_a_document_of_which_nothing_is_kept_says_nothing_against_a_quotation() -> None:
    assert is_quoted("短", "ZZ")


def test_what_is_kept_of_a_document_is_the_hash_of_each_run_once() -> None:
    text = "一二三四五六七八九十甲乙 丙一二三四五六七八九十甲乙"
    # 25 characters without the blank make 14 runs, of which the first comes twice.
    assert len(list(shingles(text))) == 14
    assert len(hashed(text)) == 13 * 5
    assert hashed(text[:5]) == b""


# Faults.


def faults(tiny: Tiny, *clauses: str, head: str = "", rules: str = "", document: str = "") -> str:
    """Return the message about a policy file beside the small model."""
    folder = tiny.model.parent / "policies"
    folder.mkdir()
    text = f"""[document]
id = "QQ"
title = {{ zh = "一份文件", en = "A paper" }}
issuer = {{ zh = "一个部门", en = "An office" }}
status = "issued"
as_of = 2024-01-01
regime = "city"
district = {{ zh = "某区", en = "Some district" }}
{document}
"""
    whole = [f'[[clauses]]\nsays = {{ zh = "一条", en = "a clause" }}\n{clause}' for clause in clauses]
    (folder / "qq.toml").write_text("\n\n".join([text, *whole]), encoding="utf-8")
    model = tiny.model.read_text(encoding="utf-8")
    tiny.model.write_text(f'policies = ["qq"]\n{head}\n{model}\n{rules}', encoding="utf-8")
    with speaking("en"):
        try:
            read_model(tiny.model)
        except ModelError as error:
            return str(error)
    return ""


SOUND = """id = "QQ-T1"
is = "rule"
strength = "must"
source = "a toy"
rule = { rule = "total", resource = "beds", at_least = 1 }"""

LOOSE = """id = "QQ-U1"
is = "decision"
strength = "must"
needs = "staff"
source = "a toy"
note = { zh = "存疑。", en = "In doubt." }"""


def test_a_sound_file_is_read(tiny: Tiny) -> None:
    assert faults(tiny, SOUND) == ""


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ('source = "a toy"', "", "QQ-T1", "needs its quote, a standard its source"),
        ('"total"', '"totals"', "QQ-T1.rule.rule", "is not one of the values"),
        ("resource", "resorce", "qq.toml · column QQ-T1.rule.resorce", "nearest: resource"),
        ('is = "rule"', 'is = "rule"\nwhen = 2025', "QQ-T1.when", "no such key"),
        ('rule = { rule = "total", resource = "beds", at_least = 1 }', "", "QQ-T1", 'says is = "rule"'),
        ('is = "rule"', 'is = "input"', "QQ-T1", 'says is = "rule"'),
        ('strength = "must"', "", "QQ-T1", "needs its strength"),
        ('strength = "must"', 'strength = "physics"', "QQ-T1", "must, in_principle"),
        ('id = "QQ-T1"', 'id = "BD-T1"', "BD-T1", "begins with that of its document"),
        ("at_least = 1", "at_least = 0", "QQ-T1.rule.at_least", "0"),
        ('rule = "total", resource = "beds", at_least = 1', 'rule = "reach", share = 1.1', "QQ-T1.rule.share", "1"),
        ('source = "a toy"', 'quote = "一二三四五六七八九十甲乙"', "QQ-T1", "where it stands in its document: at"),
        ('"total", resource = "beds"', '"count", kinds = ["palace"]', "QQ-T1.rule.kinds", "is not one of the values"),
    ],
    ids=lambda value: None if len(value) > 40 else value or "nothing",
)
def test_a_fault_of_a_clause_is_named_with_its_key(old: str, new: str, where: str, what: str, tiny: Tiny) -> None:
    assert old in SOUND
    message = faults(tiny, SOUND.replace(old, new))
    assert where in message
    assert what in message


@pytest.mark.parametrize(
    ("clause", "what"),
    [
        ('is = "decision"\nstrength = "must"', "says needs"),
        ('is = "input"\nneeds = "siting"', "says needs"),
        ('is = "indicator"', "needs its reason"),
        ('is = "out_of_scope"', "needs its reason"),
        ('is = "wish"', "QQ-U1.is"),
        ('is = "decision"\nstrength = "must"\nneeds = "luck"', "QQ-U1.needs"),
        ('is = "input"\nkinds = ["palace"]', "QQ-U1.kinds"),
        ('is = "input"\nnote = { zh = "只有中文" }', "QQ-U1.note"),
    ],
    ids=lambda value: value.splitlines()[-1],
)
def test_what_each_role_needs_is_asked_for(clause: str, what: str, tiny: Tiny) -> None:
    message = faults(tiny, f'id = "QQ-U1"\nsource = "a toy"\n{clause}')
    assert "QQ-U1" in message
    assert what in message


def test_two_clauses_with_one_id_are_refused(tiny: Tiny) -> None:
    message = faults(tiny, SOUND, SOUND)
    assert "qq.toml" in message
    assert "QQ-T1: Two clauses have this id" in message.replace("column ", "")


def test_all_faults_of_a_file_and_of_the_model_come_at_once(tiny: Tiny) -> None:
    message = faults(
        tiny,
        SOUND.replace('source = "a toy"', ""),
        'id = "QQ-U1"\nsource = "a toy"\nis = "indicator"',
        rules='[clauses.BD-T13]\nshare = 0.8\n[rules.more]\nrule = "reach"\nshare = 1.5\nstrength = "must"',
    )
    for part in ("QQ-T1", "QQ-U1", "clauses.BD-T13", "rules.more.share", "rules.more.source"):
        assert part in message, message


@pytest.mark.parametrize(
    ("head", "rules", "where"),
    [
        ('adopt = ["ST-999"]', "", "adopt[0]"),
        ("", "[clauses.QQ-T9]\non = false", "clauses.QQ-T9"),
        ('regime = "village"', "", "regime"),
        ("", "[clauses.QQ-T1]\nyears = [2026]", "QQ-T1.years"),
        ("", "[clauses.QQ-T1]\nshares = 0.5", "tiny.toml · column clauses.QQ-T1.shares"),
        ("", "[clauses.QQ-T1]\nat_least = 0", "tiny.toml · column clauses.QQ-T1.at_least"),
        ("", '[clauses.QQ-T1]\non = "no"', "clauses.QQ-T1.on · “no”: This value cannot be used: must be true or false"),
        ("", "[clauses.QQ-T1]\non = 0", "clauses.QQ-T1.on"),
        ("", '[clauses.QQ-T1]\nquote = "mine"', "clauses.QQ-T1.quote: This is what the document says"),
        ("", "[clauses.QQ-U1]\nshare = 0.5", "clauses.QQ-U1.share: This clause has no rule"),
        ("", '[clauses.QQ-U1]\nstrength = "physics"', "clauses.QQ-U1.strength"),
        ("", "[clauses.QQ-U1]\nweight = 0", "clauses.QQ-U1.weight"),
        ("", "[clauses.QQ-U1]\non = 1", "clauses.QQ-U1.on"),
    ],
)
def test_a_fault_of_the_model_about_clauses_is_named(head: str, rules: str, where: str, tiny: Tiny) -> None:
    assert where in faults(tiny, SOUND, LOOSE, head=head, rules=rules)


@pytest.mark.parametrize("change", ["at_least = 2", "on = false", 'strength = "strive"'])
def test_a_clause_that_a_rule_of_the_model_cites_is_changed_in_that_rule(change: str, tiny: Tiny) -> None:
    mine = '[rules.mine]\nrule = "total"\nresource = "beds"\nat_least = 1\nclause = "QQ-T1"'
    message = faults(tiny, SOUND, rules=f"{mine}\n[clauses.QQ-T1]\n{change}")
    assert "1 problem(s)" in message
    assert "tiny.toml · column clauses.QQ-T1: rule mine cites this clause: change the rule" in message


def test_a_clause_without_a_rule_can_be_switched_off(tiny: Tiny) -> None:
    assert faults(tiny, SOUND, LOOSE, rules="[clauses.QQ-U1]\non = false") == ""
    assert read_model(tiny.model).silent == {"QQ-U1": "clause.off"}


def test_a_clause_without_a_rule_takes_another_strength_and_says_which_it_had(tiny: Tiny) -> None:
    rules = '[clauses.QQ-U1]\nstrength = "strive"\nyears = [2027]\nweight = 2'
    assert faults(tiny, SOUND, LOOSE, rules=rules) == ""
    found = read_model(tiny.model).clauses["QQ-U1"]
    assert (found.strength, found.years) == (Strength.STRIVE, (2027,))
    assert (found.note or {})["en"] == "In doubt. The model changed the strength; the document's is “must”."
    assert (found.note or {})["zh"].startswith("存疑。 力度由模型改动")


def test_a_number_that_the_model_changes_is_assumed_and_says_so(tiny: Tiny) -> None:
    assert faults(tiny, SOUND, rules="[clauses.QQ-T1]\nat_least = 2") == ""
    rule = read_model(tiny.model).rules["QQ-T1"]
    assert rule.basis == "assumed"
    assert "模型改了 at_least；原出处：a toy" in rule.source
    assert "at_least changed by the model; the document: a toy" in rule.source


@pytest.mark.parametrize("change", ['strength = "strive"', "weight = 2", "years = [2027]", "at_least = 1", "on = true"])
def test_a_clause_whose_numbers_stay_keeps_its_source(change: str, tiny: Tiny) -> None:
    assert faults(tiny, SOUND, rules=f"[clauses.QQ-T1]\n{change}") == ""
    rule = read_model(tiny.model).rules["QQ-T1"]
    assert (rule.basis, rule.source) == ("official", "a toy")


def test_a_changed_number_may_have_a_source_of_its_own(tiny: Tiny) -> None:
    rules = '[clauses.QQ-T1]\nat_least = 2\nbasis = "surveyed"\nsource = "our survey"'
    assert faults(tiny, SOUND, rules=rules) == ""
    rule = read_model(tiny.model).rules["QQ-T1"]
    assert (rule.basis, rule.source) == ("surveyed", "our survey")


def test_no_fault_of_a_policy_file_hides_another(tiny: Tiny) -> None:
    message = faults(
        tiny,
        SOUND.replace('"total"', '"totals"'),
        SOUND.replace("at_least = 1", "at_least = 0"),
        LOOSE.replace("QQ-U1", "ZZ-U1"),
        LOOSE.replace('needs = "staff"', ""),
    )
    for part in ("QQ-T1.rule.rule", "QQ-T1.rule.at_least", "QQ-T1: Two clauses", "ZZ-U1: A clause's id", "says needs"):
        assert part in message, message
    assert "5 problem(s)" in message


@pytest.mark.parametrize("broken", [SOUND.replace("must", "mist"), "this is no TOML"])
def test_a_broken_policy_file_brings_no_message_about_what_stands_in_it(broken: str, tiny: Tiny) -> None:
    mine = '[rules.mine]\nrule = "total"\nresource = "beds"\nat_least = 1\nclause = "QQ-T1"'
    message = faults(tiny, broken, head='adopt = ["QQ-T2"]', rules=f"{mine}\n[clauses.QQ-T3]\non = false")
    assert "1 problem(s)" in message
    assert "qq.toml" in message


@pytest.mark.parametrize(
    ("deadline", "years", "held"),
    [
        (2020, "[2025, 2027]", [2020]),
        (2025, "[2025, 2027]", [2025]),
        (2026, "[2025, 2027]", [2025]),
        (2028, "[2025, 2027, 2030]", [2027]),
        (2025, "[2026, 2027]", [2026]),
        (2030, "[2025, 2027]", None),
    ],
)
def test_a_deadline_holds_in_the_plan_year_that_stands_when_it_comes(
    deadline: int, years: str, held: list[int] | None, tiny: Tiny
) -> None:
    assert faults(tiny, f"{SOUND}\nyears = [{deadline}]") == ""
    rules = read_model(tiny.model, {"years": years, "rules.most_people.years": years}).rules
    assert (list(rules["QQ-T1"].years) if "QQ-T1" in rules else None) == held


def test_a_document_that_does_not_exist_is_refused_with_those_that_do(tiny: Tiny) -> None:
    tiny.edit("tiny.toml", "draws = 3", 'policies = ["atlantis"]\ndraws = 3')
    with speaking("en"), pytest.raises(ModelError, match=r"atlantis.*baodi, dongli"):
        read_model(tiny.model)


def test_a_quotation_that_the_model_makes_up_is_refused(tiny: Tiny) -> None:
    numbers: dict[str, Any] = {
        "rule": "reach",
        "share": 0.7,
        "clause": "BD-T13",
        "quote": "到2025年底所有村都有医院和飞机场",
    }
    rules = "\n".join(f"{key} = {value!r}" for key, value in numbers.items())
    message = faults(tiny, SOUND, rules=f"[rules.made_up]\n{rules}")
    assert "rules.made_up.quote" in message


def test_a_document_may_say_what_is_doubtful_about_it(tiny: Tiny) -> None:
    assert faults(tiny, SOUND, document='note = { zh = "没有日期", en = "It bears no date." }') == ""
    assert (read_model(tiny.model).documents["QQ"].note or {})["en"] == "It bears no date."
