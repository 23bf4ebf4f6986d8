"""Data Docs of the gates as static HTML that needs nothing from outside.

Great Expectations' own pages load their styles, scripts and pictures from a dozen hosts, and its index shows nothing
without them. On a closed network the pages must stand alone, so the references are taken out, and the index of a run
is a page of ours: every check with its result, in Chinese.
"""

import re
import shutil
from collections.abc import Sequence
from datetime import date
from html import escape
from pathlib import Path

from great_expectations.data_context.data_context.abstract_data_context import AbstractDataContext

from expectations.check import CheckResult
from qianmo.home import BankHome

_OUTSIDE = re.compile(
    r"<script\b[^>]*\bsrc=[^>]*>\s*</script>|<link\b[^>]*>|<img\b[^>]*>|<footer\b.*?</footer>"
    r"|background: url\([^)]*\)[^;]*;",
    re.DOTALL,
)
_STYLE = """<style>
body { font-family: "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { border: 1px solid #ccc; padding: 4px 8px; text-align: left; vertical-align: top; }
th { background: #ddebf7; }
td.short { white-space: nowrap; }
.critical { background: #f8d7da; } .warning { background: #fff3cd; }
.fa-check-circle::before { content: "✔"; color: #080; } .fa-times::before { content: "✘"; color: #c00; }
.fa-exclamation-triangle::before { content: "⚠"; }
</style>"""


def write_data_docs(
    home: BankHome, context: AbstractDataContext, business_date: date, run: str, checks: Sequence[CheckResult]
) -> Path:
    """Write `data_docs/<date>/<run>`, replacing an earlier one, and the overview of all runs; return the run's index.

    One site per run keeps the cost of a run independent of how many went before.
    """
    building = home.data_docs / f".{business_date}-{run}"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    try:
        context.add_data_docs_site(
            run,
            {
                "class_name": "SiteBuilder",
                "show_how_to_buttons": False,
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
                "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(building)},
                "site_section_builders": {"expectations": "None", "profiling": "None"},  # type: ignore[typeddict-unknown-key]
            },
        )
        context.build_data_docs(site_names=[run])
        shutil.rmtree(building / "static")
        pages = {path.stem.removeprefix(f"{run}-"): path for path in building.glob("validations/**/*.html")}
        for path in pages.values():
            page = _OUTSIDE.sub("", path.read_text(encoding="utf-8"))
            path.write_text(page.replace("</head>", f"{_STYLE}</head>"), encoding="utf-8")
        links = {subject: path.relative_to(building) for subject, path in pages.items()}
        (building / "index.html").write_text(_index(business_date, run, checks, links), encoding="utf-8")
        place = home.data_docs / business_date.isoformat() / run
        place.parent.mkdir(exist_ok=True)
        shutil.rmtree(place, ignore_errors=True)
        building.rename(place)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    _write_overview(home, run)
    return place / "index.html"


def _index(business_date: date, run: str, checks: Sequence[CheckResult], links: dict[str, Path]) -> str:
    """Failed checks first, the critical ones before the warnings."""
    failed = [check for check in checks if not check.success]
    listed = [*sorted(failed, key=lambda check: check.severity), *(check for check in checks if check.success)]
    rows = "\n".join(
        f'<tr class="{"" if check.success else check.severity}">'
        f'<td><a href="{escape(str(links[check.subject]))}">{escape(check.subject)}</a></td>'
        f"<td>{escape(check.code)}</td><td>{escape(check.description)}</td>"
        f"<td class=short>{'严重' if check.severity == 'critical' else '警告'}</td>"
        f"<td class=short>{'检查出错' if check.broken else '通过' if check.success else '未通过'}</td>"
        f"<td>{escape(check.observed)}</td><td>{escape(str(check.failed_rows or ''))}</td></tr>"
        for check in listed
    )
    title = f"数据质量检查 {business_date} {run}"
    return _page(
        title,
        f'<p><a href="../../index.html">全部检查</a> · {len(checks)} 项检查,{len(failed)} 项未通过</p>\n'
        "<table><tr><th>数据表</th><th>检查</th><th>期望</th><th>级别</th><th>结果</th><th>观测值</th>"
        f"<th>问题行所在</th></tr>\n{rows}\n</table>",
    )


def _write_overview(home: BankHome, run: str) -> None:
    """The runs of all dates; sources are checked at the same time, so each writes a file of its own and renames it."""
    runs = sorted((path.parts[-3:] for path in home.data_docs.glob("????-??-??/*/index.html")), reverse=True)
    items = "\n".join(f'<li><a href="{escape("/".join(run))}">{escape(" ".join(run[:2]))}</a></li>' for run in runs)
    written = home.data_docs / f".{run}.html"
    written.write_text(_page("数据质量检查", f"<ul>\n{items}\n</ul>"), encoding="utf-8")
    written.replace(home.data_docs / "index.html")


def _page(title: str, body: str) -> str:
    heading = escape(title)
    return (
        f'<!doctype html>\n<html lang="zh"><head><meta charset="utf-8"><title>{heading}</title>\n{_STYLE}\n</head>'
        f"<body>\n<h1>{heading}</h1>\n{body}\n</body></html>\n"
    )
