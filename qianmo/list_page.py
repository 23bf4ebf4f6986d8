"""A list definition as a page in Chinese (Markdown), for who reviews it: `qianmo list show`, docs/lists/."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import duckdb
import yaml

from qianmo.contact_policy import ContactPolicy, contact_policy
from qianmo.definitions import (
    DEFINITIONS,
    FEATURES,
    PLACEHOLDER,
    MarketingList,
    Tag,
    marketing_list,
    model_columns,
    tags,
    value_labels,
)
from qianmo.lift import required_rows
from qianmo.materials import Material, materials

_LEAST_RATE = 0.005
"""Share of controls that is reckoned with at least: nobody can say that nobody does it unasked."""

_OPERATORS = (
    (r"\bbetween (\S+) and (\S+)", r"在\1至\2之间"),
    (r"\bis not null\b", "有值"),
    (r"\bis null\b", "无值"),
    (r"\band\b", "且"),
    (r"\bor\b", "或"),
    (r"\bnot\b", "非"),
    (r"\bin\b", "属于"),
    (r"\bbusiness_date\b", "数据日期"),
    (r"<>", "≠"),
    (r">=", "≥"),
    (r"<=", "≤"),
    (r"\bcoalesce\((\w+), [^()]*\)", r"\1"),
)


@dataclass(frozen=True)
class ReviewedFiles:
    """What a page is written from, beside the list itself."""

    tags: Mapping[str, Tag]
    materials: Mapping[str, Material]
    policy: ContactPolicy
    labels: Mapping[str, Mapping[str, str]]
    """Chinese text of codes, by column."""
    columns: Mapping[str, str]
    """Chinese names of the columns of int_customer__features."""

    @classmethod
    def read(cls) -> "ReviewedFiles":
        [model] = yaml.safe_load(FEATURES.read_text(encoding="utf-8"))["models"]
        columns = {column["name"]: column["config"]["meta"]["label"] for column in model["columns"]}
        by_code = {tag.code: tag for tag in tags()}
        return cls(by_code, materials(), contact_policy(), value_labels(), columns)


def list_page(code: str) -> str:
    """The page of one list.

    Raises:
        ConfigurationError: there is no such list.
    """
    return page(marketing_list(code), ReviewedFiles.read())


def list_pages(folder: Path, found: list[MarketingList]) -> dict[Path, str]:
    """The pages of the lists found and their contents page, by the path below a folder."""
    files = ReviewedFiles.read()
    pages = {folder / f"{definition.code}.md": page(definition, files) for definition in found}
    return pages | {folder / "README.md": _contents(found, files)}


def page(definition: MarketingList, files: ReviewedFiles) -> str:
    """The page of a list: what it is for, who is on it, how it is ranked, dispatched, measured and talked about."""
    source = DEFINITIONS / "lists" / f"{definition.code}.yml"
    sections = (
        ("", _head(definition, files, sha256(source.read_bytes()).hexdigest())),
        ("谁入选", _who(definition, files)),
        ("谁不入选", _who_not(definition, files)),
        ("先找谁", _ranking(definition)),
        ("派给谁", _dispatch(definition, files)),
        ("怎样证明有效", _proof(definition, files)),
        ("说什么、用什么材料", _talk(definition, files.materials[definition.material_id])),
    )
    body = "\n\n".join(f"## {title}\n\n{text}" if title else text for title, text in sections)
    return f"# {definition.name}\n\n{body}\n"


def in_words(expression: str, files: ReviewedFiles) -> str:
    """SQL of a list with Chinese names for tags, columns and codes, so that it cannot differ from what is run."""
    columns = [name for name in re.findall(r"\w+", expression) if name in files.columns]
    codes = {code: text for name in columns for code, text in files.labels.get(name, {}).items()}
    text = " ".join(expression.split())
    text = PLACEHOLDER.sub(lambda found: f"「{files.tags[found[1]].name}」", text)
    for pattern, words in _OPERATORS:
        text = re.sub(pattern, words, text)
    text = re.sub(r"'([^']*)'", lambda found: codes.get(found[1], found[1]), text)
    text = re.sub(r"\w+", lambda found: files.columns.get(found[0], found[0]), text)
    return text.replace("( ", "(").replace(" )", ")").replace("非 「", "非「")


def base_rate(definition: MarketingList) -> float:
    """Share of controls expected to reach the outcome: the rule's response of a customer of whom nothing else is
    known, less the lift that the list is meant to bring.
    """
    nothing = ", ".join(
        f"{'false' if kind == 'boolean' else '0' if kind.startswith(('decimal', 'integer', 'bigint')) else 'null'}"
        f"::{kind} as {name}"
        for name, kind in model_columns(FEATURES.stem).items()
    )
    row = duckdb.sql(f"select {definition.sql('response')} from (select {nothing})").fetchone()
    assert row is not None  # noqa: S101 (a select without a condition)
    return max(float(row[0]) - definition.expected_lift, _LEAST_RATE)


def _contents(found: list[MarketingList], files: ReviewedFiles) -> str:
    rows = [
        (f"[{one.name}]({one.code}.md)", one.segment, files.labels["channel"][one.channel], one.priority,
         files.labels["schedule"][one.schedule], files.labels["outcome_code"][one.outcome], one.owner)
        for one in found
    ]  # fmt: skip
    table = _table(("名单", "客群", "渠道", "优先级", "取数", "目标结果", "责任部门"), rows)
    return f"# 精准营销名单\n\n由 `make generate` 从 `dbt_project/definitions/lists/` 生成,请勿手改。\n\n{table}\n"


def _head(definition: MarketingList, files: ReviewedFiles, digest: str) -> str:
    return _table(
        ("项目", "内容"),
        [
            ("名单代码", f"`{definition.code}`"),
            ("营销目的", definition.purpose),
            ("合法依据", definition.legal_basis),
            ("推介产品", f"`{definition.product_code}`"),
            ("客群", definition.segment),
            ("触达渠道", files.labels["channel"][definition.channel]),
            ("责任部门", definition.owner),
            ("审批人", definition.approver),
            ("须在此日前复核", definition.expires_on),
            ("定义文件", f"`dbt_project/definitions/lists/{definition.code}.yml`"),
            ("定义摘要(SHA-256)", f"`{digest}`"),
        ],
    )


def _who(definition: MarketingList, files: ReviewedFiles) -> str:
    named = dict.fromkeys(PLACEHOLDER.findall(definition.eligible))
    meaning = [f"- 「{files.tags[code].name}」:{files.tags[code].variable()['definition']}" for code in named]
    stays = "" if definition.ends_with_eligibility else "\n\n入选后不因次日条件变化而移出。"
    explained = "\n\n" + "\n".join(meaning) if meaning else ""
    return (
        f"{in_words(definition.eligible, files)}{explained}{stays}\n\n"
        f"```sql\n{definition.eligible.strip()}\n```\n\n入选原因逐户写明:\n\n```sql\n{definition.reason.strip()}\n```"
    )


def _who_not(definition: MarketingList, files: ReviewedFiles) -> str:
    policy = files.policy
    told = {
        "contacted_recently": f"(任一名单触达后{policy.rest_days}天内)",
        "frequency_cap": f"({policy.listing_window_days}天内至多入选{policy.most_listings}次,对照组同样计数)",
        "not_in_force": f"(定义{definition.expires_on}到期)",
    }
    steps = [(code, name) for code, name in files.labels["step_code"].items() if code not in ("start", "delivered")]
    lines = [f"{number}. {name}{told.get(code, '')}" for number, (code, name) in enumerate(steps, start=1)]
    return (
        "依次剔除,逐步计数,各步合计等于符合条件的客户:\n\n" + "\n".join(lines) + "\n\n"
        "已在名单上的客户每日复核:拒绝营销、授权到期、身故、逾期等次日即移出,并通知接收人。"
    )


def _ranking(definition: MarketingList) -> str:
    response = definition.response.strip().replace(" * case", "\n  * case")
    return (
        "期望价值 = 响应概率 × 年价值,高者在先。规则如下;模型只有在回测中胜过规则时才接替响应概率。\n\n"
        f"```sql\n-- 响应概率\n{response}\n\n-- 年价值(元)\n{definition.value.strip()}\n```"
    )


def _dispatch(definition: MarketingList, files: ReviewedFiles) -> str:
    channel = files.policy.channels[definition.channel]
    recipients = "、".join({"branch": "支行", "manager": "客户经理"}[one] for one in definition.recipients)
    return _table(
        ("项目", "内容"),
        [
            ("取数频率", f"{files.labels['schedule'][definition.schedule]},期内首个数据日期"),
            ("优先级", f"{definition.priority}(1最先,5最后)"),
            ("每名客户经理在跟", f"至多{definition.capacity_per_manager}户"),
            ("渠道承接能力", f"每名客户经理每个工作日{channel.contacts_per_day}户"),
            ("有效期", f"{definition.validity_days}天"),
            ("接收人", recipients),
        ],
    )


def _proof(definition: MarketingList, files: ReviewedFiles) -> str:
    if not definition.holdout_share:
        return f"目标结果:{files.labels['outcome_code'][definition.outcome]}。不设对照组,只记结果,不作增量结论。"
    rate = base_rate(definition)
    required = float(required_rows(rate, definition.expected_lift, definition.holdout_share))
    grid = "(按网格抽取,须再乘设计效应)" if definition.holdout_unit == "grid" else ""
    return _table(
        ("项目", "内容"),
        [
            ("目标结果", files.labels["outcome_code"][definition.outcome]),
            ("观察天数", definition.outcome_window_days),
            ("对照组", f"{definition.holdout_share:.0%},按{files.labels['holdout_unit'][definition.holdout_unit]}抽取"),
            ("对照组预期结果率", f"{rate:.1%}"),
            ("期望增量", f"{definition.expected_lift:.1%}"),
            ("所需样本(名单与对照组合计)", f"{required:,.0f}户{grid}"),
        ],
    )


def _talk(definition: MarketingList, material: Material) -> str:
    points = "\n".join(f"- {point}" for point in definition.talking_points)
    return (
        f"材料 `{material.material_id}`《{material.title}》,{material.approved_by}于{material.approved_on}审定,"
        f"用至{material.expires_on}前一日。\n\n打法:{definition.playbook.strip()}\n\n{points}"
    )


def _table(headings: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
