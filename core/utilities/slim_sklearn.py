"""scikit-learn without pandas.

Where pandas is installed, scikit-learn 1.9 imports it and makes no use of it: 29 MiB in every worker. Whoever imports this
module first keeps it out. scikit-learn 1.10 no longer does that (https://github.com/scikit-learn/scikit-learn/pull/34265),
and then this module can go.
"""

from core.utilities.hiding import hidden

with hidden("pandas"):
    from sklearn.exceptions import InconsistentVersionWarning

__all__ = ["InconsistentVersionWarning"]
