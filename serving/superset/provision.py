# mypy: disable-error-code="import-not-found,import-untyped,no-any-return"
"""Brings a Superset installation to the state of the import files and `provision.json`; idempotent.

Runs in the Superset environment, in one process (starting Superset costs seconds each time):
metadata tables, permissions, assets, then what Superset cannot import: roles, grants, row filters, users.
The environment gives QIANMO_SUPERSET_PASSWORD, the password of users that are created.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

VIEWING = {
    ("can_read", "Dashboard"),
    ("can_read", "Chart"),
    ("can_read", "Dataset"),
    ("can_get", "Datasource"),
    ("can_read", "CurrentUserRestApi"),
    ("can_read", "Theme"),
    ("can_read", "CssTemplate"),
    ("can_read", "DashboardFilterStateRestApi"),
    ("can_write", "DashboardFilterStateRestApi"),
    ("can_read", "DashboardPermalinkRestApi"),
    ("can_write", "DashboardPermalinkRestApi"),
    ("can_dashboard", "Superset"),
    ("can_slice", "Superset"),
    ("can_log", "Superset"),
    ("can_language_pack", "Superset"),
    ("can_time_range", "Api"),
    ("can_query", "Api"),
    ("can_query_form_data", "Api"),
    ("can_recent_activity", "Log"),
    ("can_get_value", "KV"),
    ("can_userinfo", "UserDBModelView"),
    ("resetmypassword", "UserDBModelView"),
    ("can_this_form_get", "ResetMyPasswordView"),
    ("can_this_form_post", "ResetMyPasswordView"),
    ("can_this_form_get", "UserInfoEditView"),
    ("can_this_form_post", "UserInfoEditView"),
    ("menu_access", "Dashboards"),
    ("can_list", "AsyncEventsRestApi"),
    ("can_view_chart_as_table", "Dashboard"),
}
"""Open a dashboard and use its filters; nothing else: no SQL Lab, no export, no new chart."""
ANALYSING = VIEWING | {
    ("can_write", "Chart"),
    ("can_write", "Dashboard"),
    ("can_explore", "Superset"),
    ("can_explore_json", "Superset"),
    ("can_samples", "Datasource"),
    ("can_read", "ExploreFormDataRestApi"),
    ("can_write", "ExploreFormDataRestApi"),
    ("can_read", "ExplorePermalinkRestApi"),
    ("can_write", "ExplorePermalinkRestApi"),
    ("can_external_metadata", "Datasource"),
    ("can_read", "Explore"),
    ("can_get_drill_info", "Dataset"),
    ("can_drill", "Dashboard"),
    ("menu_access", "Charts"),
    ("can_store", "KV"),
}
"""Self-service of head office: also charts and dashboards of their own on the granted datasets."""


def step(text: str) -> None:
    """Progress for the caller: one line per step on standard output."""
    print(f"QIANMO {text}", flush=True)


def provision(folder: Path) -> None:
    """Bring the installation to the state that `folder` describes."""
    from superset.app import create_app

    step("准备 Superset 元数据库")
    app = create_app()
    with app.app_context():
        upgrade_tables()
        step("登记权限")
        synchronise_permissions(app)
        step("导入数据集、图表和看板")
        import_assets(folder / "assets")
        wanted = json.loads((folder / "provision.json").read_text(encoding="utf-8"))
        step("设置角色、行级过滤和用户")
        set_roles(wanted["roles"])
        set_row_filters(wanted["row_filters"])
        set_dashboard_roles(wanted["dashboards"])
        set_users(wanted["users"], os.environ["QIANMO_SUPERSET_PASSWORD"])
        from superset import db

        db.session.commit()


def upgrade_tables() -> None:
    """`superset db upgrade`"""
    import superset
    from flask_migrate import upgrade

    upgrade(directory=str(Path(superset.__path__[0]) / "migrations"))


def synchronise_permissions(app: Any) -> None:
    """`superset init`"""
    from superset import security_manager

    app.appbuilder.add_permissions(update_perms=True)
    security_manager.sync_role_definitions()


def import_assets(folder: Path) -> None:
    """`superset import-directory --overwrite --force`, as the administrator."""
    from superset.commands.importers.v1.assets import ImportAssetsCommand
    from superset.utils.core import override_user

    files = {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.yaml"))}
    with override_user(administrator(), force=True):
        ImportAssetsCommand(files).run()


def administrator() -> Any:
    """The user `admin`, created when missing with a password of its own."""
    from superset import security_manager

    return security_manager.find_user("admin") or security_manager.add_user(
        username="admin",
        first_name="系统",
        last_name="管理员",
        email="admin@localhost",
        role=security_manager.find_role("Admin"),
        password=os.environ["QIANMO_SUPERSET_ADMIN_PASSWORD"],
    )


def datasets(uuids: list[str]) -> list[Any]:
    """The datasets with these UUIDs; a missing one is an error."""
    from superset import db
    from superset.connectors.sqla.models import SqlaTable

    found = db.session.query(SqlaTable).filter(SqlaTable.uuid.in_(uuids)).all()
    if len(found) != len(set(uuids)):
        raise RuntimeError(f"of {len(set(uuids))} datasets {len(found)} were imported")
    return found


def set_roles(roles: list[dict[str, Any]]) -> None:
    """Each business role has its permissions and its datasets, and nothing besides."""
    from superset import security_manager

    for wanted in roles:
        role = security_manager.add_role(wanted["name"]) or security_manager.find_role(wanted["name"])
        names = ANALYSING if wanted["self_service"] else VIEWING
        permissions = [security_manager.find_permission_view_menu(*name) for name in sorted(names)]
        permissions += [
            security_manager.add_permission_view_menu("datasource_access", dataset.perm)
            for dataset in datasets(wanted["datasets"])
        ]
        role.permissions = [permission for permission in permissions if permission is not None]


def set_row_filters(filters: list[dict[str, Any]]) -> None:
    """A base filter holds for every role but the exempt ones, also for roles made by hand later."""
    from superset import db, security_manager
    from superset.connectors.sqla.models import RowLevelSecurityFilter
    from superset.utils.core import RowLevelSecurityFilterType

    for wanted in filters:
        row_filter = db.session.query(RowLevelSecurityFilter).filter_by(name=wanted["name"]).one_or_none()
        if row_filter is None:
            row_filter = RowLevelSecurityFilter(name=wanted["name"])
            db.session.add(row_filter)
        row_filter.filter_type = RowLevelSecurityFilterType.BASE
        row_filter.clause = wanted["clause"]
        row_filter.group_key = None
        row_filter.description = "由 serving/superset 生成，请勿手工修改"
        row_filter.tables = datasets(wanted["datasets"])
        row_filter.roles = [security_manager.find_role(name) for name in wanted["exempt_roles"]]


def set_dashboard_roles(dashboards: list[dict[str, Any]]) -> None:
    """Who sees which dashboard; a dashboard without roles would be open to all who read one of its datasets."""
    from superset import db, security_manager
    from superset.models.dashboard import Dashboard

    for wanted in dashboards:
        dashboard = db.session.query(Dashboard).filter(Dashboard.uuid == wanted["uuid"]).one()
        dashboard.roles = [security_manager.find_role(name) for name in wanted["roles"]]


def set_users(users: list[dict[str, str]], password: str) -> None:
    """Create missing users, set roles, switch off users of ours that left. Passwords of existing users stay."""
    from superset import db, security_manager
    from werkzeug.security import generate_password_hash

    hashed = generate_password_hash(password)
    ours = {"总行营销", "支行行长", "客户经理", "风险合规"}
    logins = {wanted["login"] for wanted in users}
    for wanted in users:
        role = security_manager.find_role(wanted["role"])
        user = security_manager.find_user(wanted["login"])
        if user is None:
            user = security_manager.add_user(
                username=wanted["login"],
                first_name=wanted["role"],
                last_name=wanted["login"],
                email=f"{wanted['login']}@localhost",
                role=role,
                hashed_password=hashed,
            )
        user.roles = [role]
        user.active = True
    for user in db.session.query(security_manager.user_model).all():
        if user.username not in logins and {role.name for role in user.roles} & ours:
            user.active = False


if __name__ == "__main__":
    provision(Path(sys.argv[1]))
