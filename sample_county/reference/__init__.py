"""Small public tables: the county's divisions and the codes that the sample uses."""

from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parent


def table(name: str) -> pd.DataFrame:
    """A reference table, every column text, empty cells as ''."""
    return pd.read_csv(FOLDER / f"{name}.csv", dtype=str, keep_default_na=False)
