"""Superset as code: configuration, datasets from the dbt manifest, dashboards from reviewed files, roles by script."""
