"""Which fitted model a snippet is given: one for as many columns as it then predicts from, or none."""

from __future__ import annotations

import time

import pytest

from rlaif.execution.hubs.sample_files import contents, files_for

LOAD = "model = joblib.load('model.joblib')\n"
KNOWN = {
    "data = pd.read_csv('data.csv')\nmodel.predict(data)": 4,
    "data = pd.read_csv('data.csv')\nnames = ['a', 'b', 'c']\ndata = data[names]\nmodel.predict(data)": 3,
    "config = json.load(open('config.json'))\nfeatures = config['features']\ndata = pd.read_csv('data.csv')\n"
    "data = data[features]\ndata.columns = ['feat_' + str(c) for c in data.columns]\nmodel.predict(data)": 4,
    "data = pd.read_csv('data.csv')\nX = data[['a', 'b', 'label']].drop('label', axis=1)\nmodel.predict_proba(X)": 2,
    "data = pd.read_csv('data.csv')\nX = data[['a', 'b']].fillna(0).values\nmodel.predict(X)": 2,
    "model.predict(pd.DataFrame({'a': [1], 'b': [2.5]}))": 2,
    "model.predict(np.array([[1, -2, 3]]))": 3,
    "model.predict([[1, 2], [3, 4]])": 2,
    "print(model)": 4,
}


@pytest.mark.parametrize("code", KNOWN, ids=lambda code: code[-30:])
def test_as_many_columns_as_are_predicted_from(code: str) -> None:
    kinds = {file.path: file.kind for file in files_for(LOAD + code)}
    assert kinds["model.joblib"] == f'model {{"columns": {KNOWN[code]}, "task": "classification"}}'


UNKNOWN = [
    "model.predict(prepare(pd.read_csv('data.csv')))",
    "model.predict(pd.DataFrame({'a': [1], 'gear': ['automatic']}))",
    "model.predict(pd.DataFrame({'a': [value]}))",
    "data = pd.read_csv('data.csv')\nmodel.predict(data[['text']])",
    "model.predict([[1, 2]])\nmodel.predict([[1, 2, 3]])",
    "x = x\nmodel.predict(x)",
    "model.predict([[" + "1, " * 65 + "]])",
    "model.predict()",
]


@pytest.mark.parametrize("code", UNKNOWN, ids=lambda code: code[:40])
def test_no_model_where_the_text_does_not_say(code: str) -> None:
    assert "model.joblib" not in {file.path for file in files_for(LOAD + code)}


@pytest.mark.parametrize("path", ["/srv/model.joblib", "../model.joblib", "weights.bin", "a/../../m.pkl"])
def test_no_model_out_of_the_directory_or_of_another_kind(path: str) -> None:
    assert files_for(f"model = joblib.load({path!r})\nmodel.predict([[1.0]])") == ()


def test_a_pickle_and_a_regressor() -> None:
    code = "m = pickle.load(open('model.pkl', 'rb'))\ny = m.predict([[1.0]])\nmean_squared_error(y, [1.0])"
    (file,) = files_for(code)
    assert (file.path, file.kind) == ("model.pkl", 'model {"columns": 1, "task": "regression"}')
    with pytest.raises(ValueError, match="no such kind"):
        contents(file.kind)  # only an environment's own scikit-learn can make it


def test_the_columns_of_a_list_in_a_variable_are_in_the_table() -> None:
    code = "wanted = ['speed', 'weight']\ndata = pd.read_csv('data.csv')\ndata = data[wanted]"
    (file,) = files_for(code)
    assert contents(file.kind).splitlines()[0] == b"speed,weight"


def test_following_tables_takes_little_time() -> None:
    tables = "\n".join(f"d{n} = d{n + 1}.drop(d{n + 1}, axis=1)" for n in range(1_500))
    code = LOAD + tables + "\nmodel.predict(d0)" * 500
    started = time.process_time()
    files_for(code)
    assert time.process_time() - started < 2.0
