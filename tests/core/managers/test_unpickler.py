import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.feature_extraction import DictVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from core.managers.allow_list import FUNCTIONS, LIBRARY_NAMES
from core.managers.unpickler import unpickle
from core.utilities.errors import ArtifactError, ForbiddenClassError
from tests.core.managers.old_pickle import INTERCEPT, PAIRS, old_pickle
from tests.core.managers.team_models import NAMES, PaceModel

RANDOM = np.random.default_rng(0)
X = RANDOM.integers(0, 4, (120, 3)).astype(float)
Y = X @ [1.0, 2.0, 3.0] + 1.0
ESTIMATORS = [
    LinearRegression(),
    Ridge(),
    Lasso(),
    ElasticNet(),
    HistGradientBoostingRegressor(max_iter=3),
    HistGradientBoostingRegressor(max_iter=3, random_state=1, categorical_features=[0]),
    HistGradientBoostingRegressor(max_iter=3, loss="poisson", early_stopping=True),
    HistGradientBoostingRegressor(max_iter=3, loss="absolute_error"),
    HistGradientBoostingRegressor(max_iter=3, loss="gamma"),
    HistGradientBoostingRegressor(max_iter=3, loss="quantile", quantile=0.5),
    RandomForestRegressor(3),
    ExtraTreesRegressor(3),
    GradientBoostingRegressor(n_estimators=3, random_state=np.random.RandomState(1)),
    DecisionTreeRegressor(),
    TransformedTargetRegressor(Ridge(), transformer=StandardScaler()),
    make_pipeline(SimpleImputer(), PolynomialFeatures(2), StandardScaler(), Ridge()),
    make_pipeline(OrdinalEncoder(), Ridge()),
    make_pipeline(ColumnTransformer([("a", OneHotEncoder(), [0]), ("b", "passthrough", slice(1, 3))]), Ridge()),
]


def stack_global(module: str, name: str) -> bytes:
    """Write a protocol-4 pickle that names ``module`` + ``name``."""
    text = b"".join(b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, name))
    return b"\x80\x04" + text + b"\x93."


def old_global(module: str, name: str) -> bytes:
    """Write a protocol-0 pickle that names ``module`` + ``name``."""
    return f"c{module}\n{name}\n.".encode()


@pytest.mark.parametrize("protocol", [4, 5])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_the_usual_estimators_load_and_predict_alike(estimator: Any, protocol: int) -> None:
    fitted = estimator.fit(X, Y)
    loaded: Any = unpickle(pickle.dumps(fitted, protocol))
    assert loaded.predict(X).tolist() == fitted.predict(X).tolist()


@pytest.mark.parametrize(
    "value",
    [np.float64(3), np.float32(3), np.int32(3), np.arange(3), np.array(["a"]), np.array([1, "a"], dtype=object),
     sp.csr_matrix(X), sp.csr_array(X), {1, 2}, frozenset([1]), slice(1, 2), np.bool_(True), X[::2], np.float64],
    ids=repr,
)  # fmt: skip
def test_plain_values_load(value: Any) -> None:
    loaded = unpickle(pickle.dumps(value))
    assert type(loaded) is type(value)


def test_a_pickle_of_scikit_learn_1_0_2_loads_without_a_warning() -> None:
    content = old_pickle()
    assert b"numpy.core.multiarray" in content
    assert b"numpy._core" not in content
    loaded: Any = unpickle(content)
    vectorizer, regression = loaded
    assert isinstance(vectorizer, DictVectorizer)
    answer = regression.predict(vectorizer.transform([{"PU_DO": "130_205", "trip_distance": 3.0}]))
    assert answer[0] == pytest.approx(INTERCEPT + PAIRS["130_205"] + 1.5, abs=1e-12)


class Exploit:
    """Calls ``function`` with ``arguments`` when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    ("function", "argument"),
    [(os.system, "touch {}"), (eval, "open('{}', 'w')"), (exec, "open('{}', 'w')"), (subprocess.check_output, ["touch", "{}"]), (np.load, "{}"), (np.save, "{}"), (np.fromfile, "{}"), (open, "{}"), (__import__, "antigravity"), (getattr, "x"), (os.mkdir, "{}")],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_a_pickle_that_calls_anything_else_is_refused_before_it_runs(
    function: Callable[..., Any], argument: Any, protocol: int, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    filled = [part.format(trace) for part in argument] if isinstance(argument, list) else argument.format(trace)
    with pytest.raises(ForbiddenClassError, match="allow-list"):
        unpickle(pickle.dumps(Exploit(function, filled), protocol))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [stack_global, old_global])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("sklearn", "utils.os.system"),
        ("sklearn.linear_model._base", "LinearRegression.fit"),
        ("sklearn.linear_model._base", "LinearRegression.__init__.__globals__"),
        ("sklearn.linear_model", "_base.LinearRegression"),
        ("sklearn", "linear_model._base.LinearRegression"),
        ("numpy", "load"),
        ("numpy", "ndarray.tofile"),
        ("numpy", "f2py.os.system"),
        ("numpy.f2py", "os"),
        ("numpy.f2py.crackfortran", "myeval"),
        ("numpy.testing._private.utils", "runstring"),
        ("numpy.core.multiarray", "fromfile"),
        ("numpy._core.multiarray", "_reconstruct.__globals__"),
        ("numpy.ctypeslib", "load_library"),
        ("scipy.sparse._csr", "csr_matrix.todense"),
        ("sklearn.utils._testing", "check_call"),
        ("sklearn.utils.validation", "check_array.__globals__"),
        ("sklearn.datasets", "fetch_openml"),
        ("joblib.numpy_pickle", "NumpyArrayWrapper"),
        ("joblib", "load"),
        ("joblib.memory", "MemorizedFunc"),
        ("functools", "reduce"),
        ("functools", "partial.func"),
        ("builtins", "getattr"),
        ("builtins", "object.__subclasses__"),
        ("builtins", "type"),
        ("__builtin__", "eval"),
        ("operator", "attrgetter"),
        ("operator", "methodcaller"),
        ("types", "FunctionType"),
        ("types", "CodeType"),
        ("_codecs", "encode"),
        ("codecs", "open"),
        ("copyreg", "_reconstructor"),
        ("pickle", "loads"),
        ("importlib", "import_module"),
        ("pathlib", "Path"),
        ("core.managers.unpickler", "unpickle"),
        ("core.managers.artifacts", "load_bare"),
        ("core.models.trip_duration.linear", "PairRegression"),
        ("tests.core.managers.team_models", "PaceModel"),
    ],
)
def test_names_outside_the_list_are_refused(module: str, name: str, write: Callable[[str, str], bytes]) -> None:
    with pytest.raises(ForbiddenClassError):
        unpickle(write(module, name), allowed_classes=["my_pkg.Other"])


def test_a_refused_module_is_not_even_imported() -> None:
    sys.modules.pop("antigravity", None)
    with pytest.raises(ForbiddenClassError):
        unpickle(stack_global("antigravity", "fly"))
    assert "antigravity" not in sys.modules


def test_a_partial_of_anything_else_is_refused() -> None:
    with pytest.raises(ForbiddenClassError, match=r"posix\.system"):
        unpickle(pickle.dumps(partial(os.system, "true")))


@pytest.mark.parametrize("kind", [b"P1\n.", b"\x80\x02K\x01Q.", b"\x80\x02\x82\x01."])
def test_persistent_ids_and_extension_codes_are_refused(kind: bytes) -> None:
    with pytest.raises(ArtifactError):
        unpickle(kind)


def test_a_class_that_the_operator_allows_loads_and_its_neighbours_do_not() -> None:
    content = pickle.dumps(PaceModel(4.0))
    allowed = f"{PaceModel.__module__}.PaceModel"
    assert isinstance(unpickle(content, allowed_classes=[allowed]), PaceModel)
    with pytest.raises(ForbiddenClassError, match="PaceModel"):
        unpickle(content, allowed_classes=[name for name in NAMES if name != allowed])


def test_an_allowed_name_that_is_no_class_is_refused() -> None:
    name = f"{PaceModel.__module__}.not_a_class"
    with pytest.raises(ForbiddenClassError, match="not a class"):
        unpickle(stack_global(*name.rsplit(".", 1)), allowed_classes=[name])


@pytest.mark.parametrize("name", ["PaceModel", "", "a b.C", "a..b", ".C", "os system"])
def test_an_allowed_class_that_is_not_written_as_one_is_refused(name: str) -> None:
    with pytest.raises(ArtifactError, match=r"module\.Class"):
        unpickle(pickle.dumps(1), allowed_classes=[name])


@pytest.mark.parametrize("name", ["not_installed_here.Model", "tests.core.managers.team_models.Gone"])
def test_an_allowed_class_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ArtifactError, match="not installed here"):
        unpickle(stack_global(*name.rsplit(".", 1)), allowed_classes=[name])


def test_a_refusal_is_one_short_line_whatever_the_name_holds() -> None:
    with pytest.raises(ForbiddenClassError) as caught:
        unpickle(stack_global("evil\n\x1b[31m", "x" * 200))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


# "r" (LONG_BINPUT) is left out: with a huge index CPython itself reserves gigabytes for its memo.
@given(st.binary(max_size=60).filter(lambda content: b"r" not in content))
@example(b"")
@example(b"\x80\x05")
@example(b"\x80\x04\x95" + struct.pack("<Q", 1 << 60))
def test_garbled_bytes_raise_nothing_but_an_artifact_error(content: bytes) -> None:
    with suppress(ArtifactError):  # some garbage is a plain value
        unpickle(content)


@given(st.integers(0, len(old_pickle()) - 1))
def test_a_truncated_pickle_is_an_artifact_error(length: int) -> None:
    with pytest.raises(ArtifactError):
        unpickle(old_pickle()[:length])


def test_every_listed_name_exists_here_and_none_has_a_dot() -> None:
    for module, name in LIBRARY_NAMES:
        assert "." not in name
        assert hasattr(__import__(module, fromlist=[name]), name), (module, name)
    assert FUNCTIONS <= LIBRARY_NAMES
