# mypy: disable-error-code="import-not-found,import-untyped,untyped-decorator"
# ruff: noqa: N802, ARG001 - names and signatures are those that Superset calls
"""Superset's configuration; runs in the Superset environment and imports nothing of the pipeline's.

serving/superset/load.py sets QIANMO_SUPERSET_STATE (folder of Superset's own files), QIANMO_POINTER (`current.json` of
the bank) and QIANMO_SUPERSET_SECRET_KEY; production also SQLALCHEMY_DATABASE_URI (PostgreSQL for Superset's own
tables) and QIANMO_SUPERSET_HTTPS=1 behind a TLS proxy.
"""

import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

import yaml
from flask import Flask, Response, jsonify, request
from flask_caching.backends.filesystemcache import FileSystemCache

HERE = Path(__file__).parent
STATE = Path(os.environ["QIANMO_SUPERSET_STATE"])
POINTER = Path(os.environ["QIANMO_POINTER"])

# --- secrets and sessions -----------------------------------------------------------------------------
SECRET_KEY = os.environ["QIANMO_SUPERSET_SECRET_KEY"]
GUEST_TOKEN_JWT_SECRET = hmac.new(SECRET_KEY.encode(), b"guest token", hashlib.sha256).hexdigest()
GLOBAL_ASYNC_QUERIES_JWT_SECRET = hmac.new(SECRET_KEY.encode(), b"async token", hashlib.sha256).hexdigest()
HTTPS = os.environ.get("QIANMO_SUPERSET_HTTPS") == "1"
ENABLE_PROXY_FIX = HTTPS
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
PERMANENT_SESSION_LIFETIME = 8 * 3600
WTF_CSRF_ENABLED = True
RATELIMIT_ENABLED = True
RATELIMIT_APPLICATION = "300 per second"  # a dashboard asks for its files and charts at once
AUTH_RATE_LIMITED = True
AUTH_RATE_LIMIT = "30 per minute"

# --- Superset's own tables ----------------------------------------------------------------------------
SQLALCHEMY_DATABASE_URI = os.environ.get("SQLALCHEMY_DATABASE_URI") or f"sqlite:///{STATE / 'superset.sqlite'}"

# --- what is switched off -----------------------------------------------------------------------------
FAB_API_SWAGGER_UI = False
FAB_ADD_SECURITY_API = False  # users and roles come from provision.py alone
AUTH_USER_REGISTRATION = False
PUBLIC_ROLE_LIKE = None
ENABLE_CORS = False
PREVENT_UNSAFE_DB_CONNECTIONS = True
SHOW_STACKTRACE = False
ENABLE_UI_THEME_ADMINISTRATION = False
UPLOAD_FOLDER = str(STATE / "uploads")
FEATURE_FLAGS = {
    "ENABLE_TEMPLATE_PROCESSING": True,  # the row filters name the current user
    "DASHBOARD_RBAC": True,  # a dashboard is listed for its roles only
    "CACHE_QUERY_BY_USER": True,  # no cached answer is ever shared between users
    "RLS_IN_SQLLAB": True,
    "ALLOW_ADHOC_SUBQUERY": False,
    "EMBEDDABLE_CHARTS": False,
    "DRILL_BY": False,
    "DRILL_TO_DETAIL": False,
    "ESCAPE_MARKDOWN_HTML": True,
}

# --- limits: whole lists leave through delivery/, not through a browser ---------------------------------
ROW_LIMIT = 5_000
SAMPLES_ROW_LIMIT = 200
NATIVE_FILTER_DEFAULT_ROW_LIMIT = 1_000
FILTER_SELECT_ROW_LIMIT = 2_000
SQL_MAX_ROW = 10_000
TABLE_VIZ_MAX_ROW_SERVER = 10_000
DISPLAY_MAX_ROW = 5_000
SUPERSET_WEBSERVER_TIMEOUT = 60
SQLLAB_TIMEOUT = 30

# --- no call leaves the bank's network ------------------------------------------------------------------
TALISMAN_ENABLED = True
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'", "data:"],
        "script-src": ["'self'", "'strict-dynamic'"],
        "frame-ancestors": ["'none'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,  # the proxy in front does it
    "session_cookie_secure": HTTPS,
}
THEME_FONT_URL_ALLOWED_DOMAINS: list[str] = []
MAPBOX_API_KEY = ""

# --- what users see -------------------------------------------------------------------------------------
APP_NAME = "阡陌 · 精准营销"
LANGUAGES = {"zh": {"flag": "cn", "name": "简体中文"}}
BABEL_DEFAULT_LOCALE = "zh"
LOGO_TOOLTIP = ""
LOGO_TARGET_PATH = "/dashboard/list/"
LOGO_SVG = (
    "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg' width='150' height='32'>"
    "<g fill='none' stroke='%230b6b53' stroke-width='3'><path d='M2 4h28v24H2zM2 16h28M12 4v12M20 16v12'/></g>"
    "<text x='40' y='23' font-size='20' font-weight='600' fill='%230b6b53' font-family='sans-serif'>阡陌</text></svg>"
)
FONTS = "'Noto Sans CJK SC', 'Microsoft YaHei', 'PingFang SC', 'Source Han Sans SC', sans-serif"
THEME_DEFAULT = {
    "token": {
        "brandAppName": APP_NAME,
        "brandLogoAlt": "阡陌",
        "brandLogoUrl": LOGO_SVG,
        "brandLogoMargin": "12px 0",
        "brandLogoHref": "/dashboard/list/",
        "brandLogoHeight": "28px",
        "colorPrimary": "#0b6b53",
        "colorLink": "#0b6b53",
        "colorError": "#c8382e",
        "colorWarning": "#d98e04",
        "colorSuccess": "#2f9e6e",
        "colorInfo": "#2f7fb5",
        "fontUrls": [],
        "fontFamily": FONTS,
    },
    "algorithm": "default",
}
THEME_DARK = None
EXTRA_CATEGORICAL_COLOR_SCHEMES = [
    {
        "id": "qianmo",
        "label": "阡陌",
        "isDefault": True,
        "colors": yaml.safe_load((HERE / "palette.yml").read_text(encoding="utf-8")),
    }
]
D3_FORMAT = {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["¥", ""]}
D3_TIME_FORMAT = {
    "dateTime": "%Y年%m月%d日 %H:%M:%S",
    "date": "%Y-%m-%d",
    "time": "%H:%M:%S",
    "periods": ["上午", "下午"],
    "days": ["星期日", "星期一", "星期二", "星期三", "星期四", "星期五", "星期六"],
    "shortDays": ["周日", "周一", "周二", "周三", "周四", "周五", "周六"],
    "months": ["一月", "二月", "三月", "四月", "五月", "六月", "七月", "八月", "九月", "十月", "十一月", "十二月"],
    "shortMonths": ["1月", "2月", "3月", "4月", "5月", "6月", "7月", "8月", "9月", "10月", "11月", "12月"],
}
CURRENCIES = ["CNY"]


def language_pack() -> dict[str, Any]:
    """The shipped Chinese pack with our corrections: it holds guesses, and gaps that show as English."""
    import superset.translations

    folder = Path(superset.translations.__file__).parent if superset.translations.__file__ else None
    shipped = (folder or Path(next(iter(superset.translations.__path__)))) / "zh" / "LC_MESSAGES" / "messages.json"
    pack: dict[str, Any] = json.loads(shipped.read_text(encoding="utf-8"))
    corrections = yaml.safe_load((HERE / "zh_corrections.yml").read_text(encoding="utf-8"))
    pack["locale_data"]["superset"].update({text: [chinese] for text, chinese in corrections.items()})
    return pack


def FLASK_APP_MUTATOR(app: Flask) -> None:
    """Serve the corrected language pack in place of the shipped one."""
    pack = language_pack()

    @app.before_request
    def corrected_language_pack() -> Response | None:
        return jsonify(pack) if request.path.endswith("/language_pack/zh/") else None


# --- the published marts ----------------------------------------------------------------------------------
def DB_CONNECTION_MUTATOR(
    uri: Any, params: dict[str, Any], username: str, security_manager: Any, source: Any
) -> tuple[Any, dict[str, Any]]:
    """Open the version that the pointer names now; the URI in Superset's own tables is the pointer's path.

    Every query makes a new engine, so a publication or a roll-back is seen by the next query. The connection
    is read-only and closed to files whatever the stored settings say.
    """
    if uri.drivername.startswith("duckdb"):
        uri = uri.set(database=str(POINTER.with_name(json.loads(POINTER.read_text())["file"])))
        connect_args = params.setdefault("connect_args", {})
        connect_args["read_only"] = True
        connect_args["config"] = {"enable_external_access": False, "lock_configuration": True}
    return uri, params


class PublishedVersionCache(FileSystemCache):  # type: ignore[misc]
    """A file cache whose keys hold the published version: new content is never answered from old."""

    def _get_filename(self, key: str) -> str:
        if key != self._fs_count_file:
            key += json.loads(POINTER.read_text())["version"]
        return str(super()._get_filename(key))


DATA_CACHE_CONFIG = {
    "CACHE_TYPE": "superset_config.PublishedVersionCache",
    "CACHE_DIR": str(STATE / "cache"),
    "CACHE_DEFAULT_TIMEOUT": 3600,
    "CACHE_THRESHOLD": 2000,
}
