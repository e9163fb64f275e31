"""Repositories of tables: a scikit-learn pipeline, the config that names its features, and some data."""

from __future__ import annotations

import csv
import json
import random
import re
from pathlib import Path

import joblib
import pandas
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .recipes import Recipe

_ROWS = 60
_WINE = (
    "fixed acidity,volatile acidity,citric acid,residual sugar,chlorides,free sulfur dioxide,total sulfur dioxide,"
    "density,pH,sulphates,alcohol"
)
_TABLES: dict[str, tuple[str, str]] = {  # name -> features, target
    "wine": (_WINE, "quality"),
    "iris": ("SepalLengthCm,SepalWidthCm,PetalLengthCm,PetalWidthCm", "Species"),
    "housing": ("bedrooms,bathrooms,sqft_living,sqft_lot,floors,condition,yr_built", "price"),
    "tips": ("total_bill,sex,smoker,day,time,size", "tip"),
    "titanic": ("Pclass,Age,SibSp,Parch,Fare", "Survived"),
    "census": ("age,fnlwgt,education_num,capital_gain,capital_loss,hours_per_week", "income"),
    "pokemon": ("attack,defense,sp_attack,sp_defense,speed,generation", "hp"),
    "fish": ("Length1,Length2,Length3,Height,Width", "Weight"),
    "digits": (",".join(f"pixel_{index}" for index in range(64)), "digit"),
    "plain": ("feature_1,feature_2,feature_3,feature_4", "target"),
}
_MODEL_FILES = ("model.joblib", "sklearn_model.joblib", "model.pkl", "example.pkl")
_DATA_FILES = {"wine": "winequality-red.csv"}


def table_of(name: str) -> str:
    """Which table a repository is about."""
    aliases = {"tatanic": "titanic", "tip-regression": "tips", "california": "housing"}
    for pattern, table in [*((table, table) for table in _TABLES), *aliases.items()]:
        if re.search(pattern, name.lower()):
            return table
    return "plain"


def build_table_model(recipe: Recipe, folder: Path) -> None:
    """Write a fitted pipeline under the names that such repositories use, with its config and data."""
    features, target = _TABLES[table_of(recipe.name)]
    columns = features.split(",")
    source = random.Random(0)
    rows = [[round(source.gauss(5, 2), 3) for _ in columns] for _ in range(_ROWS)]
    is_regression = "Regression" in recipe.content
    targets = [round(sum(row), 3) if is_regression else int(row[0] > 5) for row in rows]
    estimator = LinearRegression() if is_regression else _classifier(recipe.name)
    pipeline = make_pipeline(StandardScaler(), estimator).fit(pandas.DataFrame(rows, columns=columns), targets)
    for name in _MODEL_FILES:
        joblib.dump(pipeline, folder / name)
    _write_config(columns, target, is_regression, rows, folder)
    with (folder / _DATA_FILES.get(table_of(recipe.name), "data.csv")).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";" if target == "quality" else ",")
        writer.writerow([*columns, target])
        writer.writerows([*row, value] for row, value in zip(rows, targets, strict=True))


def _classifier(name: str) -> LogisticRegression | KNeighborsClassifier:
    return KNeighborsClassifier() if "knn" in name else LogisticRegression()


def _write_config(columns: list[str], target: str, is_regression: bool, rows: list[list[float]], folder: Path) -> None:
    example = {column: [row[index] for row in rows[:3]] for index, column in enumerate(columns)}
    task = "tabular-regression" if is_regression else "tabular-classification"
    config = {
        "features": columns,
        "target": target,
        "target_mapping": {target: 0},
        "sklearn": {"columns": columns, "example_input": example, "model": {"file": _MODEL_FILES[0]}, "task": task},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
