"""Each fault of a list definition gives one sentence: file, field, what is wrong, what to do."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from qianmo.contact_policy import contact_policy
from qianmo.definitions import DEFINITIONS, GOLDEN_DATE, MarketingList, lists
from qianmo.errors import ConfigurationError
from qianmo.list_checks import expired, list_faults
from qianmo.materials import materials
from qianmo.response_model import response_model

SHIPPED = {definition.code: definition for definition in lists()}
MATERIALS = materials()
TAGS = {"credited_not_drawn", "credited"}


def faults(code: str = "credited_not_drawn", **changed: Any) -> list[str]:
    changed_list = SHIPPED[code].model_copy(update=changed)
    return list_faults(Path("lists"), [changed_list], TAGS, MATERIALS, response_model().never)


def test_the_shipped_lists_have_no_fault_and_have_not_expired() -> None:
    assert faults() == []
    assert expired([*SHIPPED.values()], MATERIALS, GOLDEN_DATE) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"eligible": "$credited_not_drwan"}, "eligible: there is no tag credited_not_drwan (near: credited_not_drawn"),
        ({"eligible": "is_creditd"}, "eligible: int_customer__features has no column is_creditd (near: is_credited"),
        ({"eligible": "credit_limit"}, "eligible: gives DECIMAL(18,2): write a comparison"),
        ({"response": "case when $drown then 0.2 else 0.1 end"}, "response: there is no tag drown: correct the name"),
        ({"response": "is_credited"}, "response: gives BOOLEAN: write a number from 0 to 1"),
        ({"response": "case gender when 'F' then 0.2 else 0.1 end"}, "response: gender must not rank customers ("),
        ({"value": "100 - age"}, "value: age must not rank customers (年龄不得"),
        ({"value": "online_lender_repayment_90d"}, "value: online_lender_repayment_90d must not rank customers"),
        ({"value": "card_status"}, "value: gives VARCHAR: write a number of yuan a year"),
        ({"reason": "credit_limit"}, "reason: gives DECIMAL(18,2): write a text"),
        ({"reason": "'额度' || ("}, "reason: Parser Error"),
        ({"material_id": "MAT-NEW"}, "material_id: MAT-NEW is not in materials.yml: have the material approved"),
        ({"channel": "sms"}, "material_id: MAT-FIRST-DRAW is approved for phone, visit, not for sms"),
        ({"product_code": "LN_POS"}, "material_id: MAT-FIRST-DRAW is approved for product LN_ONLINE, not for LN_POS"),
        ({"legal_basis": "业务需要"}, "legal_basis: '业务需要' names no ground for marketing: say on which 授权"),
    ],
)  # fmt: skip
def test_a_fault_names_file_field_and_what_to_do(changed: dict[str, Any], told: str) -> None:
    [fault] = faults(**changed)
    assert fault.startswith(f"lists/credited_not_drawn.yml: {told}")


def test_a_text_that_mentions_age_is_no_column() -> None:
    assert faults(response="case when market_code = 'age' then 0.2 else 0.1 end") == []


def test_definitions_and_material_end_on_their_day() -> None:
    definition, material = SHIPPED["credited_not_drawn"], MATERIALS["MAT-FIRST-DRAW"]
    ends = definition.model_copy(update={"expires_on": date(2026, 10, 1)})
    short = {"MAT-FIRST-DRAW": material.model_copy(update={"expires_on": date(2026, 10, 1)})}
    assert expired([ends], short, date(2026, 9, 30)) == []
    told = expired([ends], short, date(2026, 10, 1))
    assert [fault.split(": ")[1] for fault in told] == ["expires_on", "material_id"]
    [early] = expired([definition], MATERIALS, date(2026, 6, 14))
    assert "is approved from 2026-06-15 on only" in early


def edited(folder: Path, name: str, change: Any) -> Path:
    """The shipped definitions with one file changed by a function of its content."""
    shutil.copytree(DEFINITIONS, folder / "definitions")
    path = folder / "definitions" / name
    path.write_text(yaml.safe_dump(change(yaml.safe_load(path.read_text(encoding="utf-8")))), encoding="utf-8")
    return folder / "definitions"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"priority": 6}, "lists/pos_loan.yml: priority: "),
        ({"schedule": "hourly"}, "lists/pos_loan.yml: schedule: "),
        ({"rank_by": "1"}, "lists/pos_loan.yml: rank_by: Extra inputs are not permitted"),
        ({"purpose": " "}, "lists/pos_loan.yml: purpose: "),
    ],
)
def test_a_list_follows_its_schema(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    folder = edited(tmp_path, "lists/pos_loan.yml", lambda content: content | changed)
    with pytest.raises(ConfigurationError, match=told):
        lists(folder)


def test_material_is_there_once_and_expires_after_its_approval(tmp_path: Path) -> None:
    folder = edited(tmp_path / "twice", "materials.yml", lambda entries: [*entries, entries[0]])
    with pytest.raises(ConfigurationError, match=r"materials.yml: material_id: MAT-AC-QR: is there twice"):
        materials(folder / "materials.yml")
    folder = edited(
        tmp_path / "early", "materials.yml", lambda entries: [entries[0] | {"expires_on": date(2026, 1, 1)}]
    )
    with pytest.raises(ConfigurationError, match=r"materials.yml: 0: .*2026-01-01 is not after approved_on"):
        materials(folder / "materials.yml")


def test_the_contact_policy_speaks_of_every_channel(tmp_path: Path) -> None:
    folder = edited(tmp_path, "contact_policy.yml", lambda policy: policy | {"channels": {}, "rest_days": 0})
    with pytest.raises(ConfigurationError, match=r"contact_policy.yml: rest_days: "):
        contact_policy(folder / "contact_policy.yml")


def test_what_a_list_says_of_a_tag_is_the_rule_of_the_tag() -> None:
    assert isinstance(SHIPPED["pos_loan"], MarketingList)
    assert SHIPPED["pos_loan"].sql("eligible").startswith("(has_pos) and not (is_credited) and ")
