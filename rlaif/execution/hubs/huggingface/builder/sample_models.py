"""Fitted scikit-learn models for snippets that load one from their own directory.

A model belongs to the scikit-learn that wrote it, so they come with the hub, which the
environment's own libraries build. They are fitted without names for their columns: which
names a snippet's table has is not known here, only how many.
"""

from __future__ import annotations

import pickle
import random
from pathlib import Path

from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MAX_COLUMNS = 64
_ROWS = 60


def write_sample_models(folder: Path) -> None:
    """A classifier and a regressor for each number of columns, as plain pickles: joblib reads those too."""
    folder.mkdir(parents=True)
    for columns in range(1, MAX_COLUMNS + 1):
        source = random.Random(columns)
        rows = [[source.gauss(5, 2) for _ in range(columns)] for _ in range(_ROWS)]
        _write(LogisticRegression(), rows, [int(row[0] > 5) for row in rows], folder / f"classification-{columns}")
        _write(LinearRegression(), rows, [sum(row) for row in rows], folder / f"regression-{columns}")


def _write(estimator: BaseEstimator, rows: list[list[float]], targets: list[float], path: Path) -> None:
    path.write_bytes(pickle.dumps(make_pipeline(StandardScaler(), estimator).fit(rows, targets)))
