"""The names that a pickle may mention: exact ones, each needed by a model that the tests load.

Every name here can be called with arguments that the pickle's author chose, so none may read a file, import a
module, evaluate text or look up an attribute by name. That is why ``builtins.getattr``, ``_codecs.encode`` and all
of joblib are absent.
"""

RENAMED_MODULES = {
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
}
"""Names that numpy 1 wrote; numpy 2 still answers to them, with a warning."""

BUILTINS = {"builtins": ("frozenset", "set", "slice"), "functools": ("partial",)}

NUMPY = {
    "numpy": ("bool", "bool_", "dtype", "float32", "float64", "int32", "int64", "ndarray"),
    "numpy._core.multiarray": ("_reconstruct", "scalar"),
    "numpy._core.numeric": ("_frombuffer",),
    "numpy.random._mt19937": ("MT19937",),
    "numpy.random._pcg64": ("PCG64",),
    "numpy.random._pickle": ("__bit_generator_ctor", "__generator_ctor", "__randomstate_ctor"),
    "numpy.random.bit_generator": ("SeedSequence", "__pyx_unpickle_SeedSequence"),
}

SCIPY = {"scipy.sparse._csr": ("csr_array", "csr_matrix")}

SCIKIT_LEARN = {
    "sklearn._loss._loss": (
        "CyAbsoluteError",
        "CyHalfGammaLoss",
        "CyHalfPoissonLoss",
        "CyHalfSquaredError",
        "CyPinballLoss",
    ),
    "sklearn._loss.link": ("IdentityLink", "Interval", "LogLink"),
    "sklearn._loss.loss": ("AbsoluteError", "HalfGammaLoss", "HalfPoissonLoss", "HalfSquaredError", "PinballLoss"),
    "sklearn.compose._column_transformer": ("ColumnTransformer",),
    "sklearn.compose._target": ("TransformedTargetRegressor",),
    "sklearn.dummy": ("DummyRegressor",),
    "sklearn.ensemble._forest": ("ExtraTreesRegressor", "RandomForestRegressor"),
    "sklearn.ensemble._gb": ("GradientBoostingRegressor",),
    "sklearn.ensemble._hist_gradient_boosting.binning": ("_BinMapper",),
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting": ("HistGradientBoostingRegressor",),
    "sklearn.ensemble._hist_gradient_boosting.predictor": ("TreePredictor",),
    "sklearn.feature_extraction._dict_vectorizer": ("DictVectorizer",),
    "sklearn.impute._base": ("SimpleImputer",),
    "sklearn.linear_model._base": ("LinearRegression",),
    "sklearn.linear_model._coordinate_descent": ("ElasticNet", "Lasso"),
    "sklearn.linear_model._ridge": ("Ridge",),
    "sklearn.pipeline": ("Pipeline",),
    "sklearn.preprocessing._data": ("StandardScaler",),
    "sklearn.preprocessing._encoders": ("OneHotEncoder", "OrdinalEncoder"),
    "sklearn.preprocessing._function_transformer": ("FunctionTransformer",),
    "sklearn.preprocessing._polynomial": ("PolynomialFeatures",),
    "sklearn.tree._classes": ("DecisionTreeRegressor", "ExtraTreeRegressor"),
    "sklearn.tree._tree": ("Tree",),
    "sklearn.utils.validation": ("check_array",),
}

FUNCTIONS = frozenset(
    {
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy.random._pickle", "__bit_generator_ctor"),
        ("numpy.random._pickle", "__generator_ctor"),
        ("numpy.random._pickle", "__randomstate_ctor"),
        ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
        ("sklearn.utils.validation", "check_array"),
    }
)
"""The only names that may be something other than a class."""

LIBRARY_NAMES = frozenset(
    (module, name)
    for group in (BUILTINS, NUMPY, SCIPY, SCIKIT_LEARN)
    for module, names in group.items()
    for name in names
)
"""All of the above as (module, name)."""
