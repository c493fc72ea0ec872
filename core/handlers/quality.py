"""Quality gates: a file that breaks its promises stops here, with a report of what, where and how much.

Three gates, in this order: the raw file's columns and their types; nulls and ranges of what was extracted; the share
of rows that each filter drops. All measures are shares, so a file streams by once and memory stays small.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import pandera.polars as pa
import polars as pl
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaError, SchemaErrors

from core.handlers.extraction import Extraction, is_of_kind
from core.handlers.source import Source
from core.schemas.quality import Breach, FileQuality, QualityLimits
from core.utilities.errors import DataQualityError


def check_raw(file: str, extraction: Extraction) -> None:
    """Check that a raw file has the columns that its SQL reads, with values of the right kind.

    Raises
    ------
    DataQualityError
        If one is missing or of another type.
    DataError
        If the file cannot be read.
    """
    found = extraction.column_types()
    required = extraction.source.raw_columns
    missing = [Breach(file=file, what=f"column {name}", found="missing", allowed=required[name])
               for name in required if name not in found]  # fmt: skip
    wrong = [Breach(file=file, what=f"type of {name}", found=found[name], allowed=kind)
             for name, kind in required.items() if name in found and not is_of_kind(found[name], kind)]  # fmt: skip
    _stop_at(missing + wrong)


def check_extracted(file: str, trips: pl.LazyFrame, source: Source, *, month: date, limits: QualityLimits) -> None:
    """Check rows, types, nulls and ranges of what was extracted from a file.

    Raises
    ------
    DataQualityError
        If a share is above its limit.
    """
    rows = int(trips.select(pl.len()).collect().item())
    if rows < limits.rows_min:
        _stop_at([Breach(file=file, what="number of rows", found=f"{rows:,}", allowed=f"{limits.rows_min:,} or more")])
    inside = source.ranges_of(month)
    schema = pa.DataFrameSchema(
        {
            name: pa.Column(kind, nullable=True, checks=_checks(inside.get(name), limits))
            for name, kind in source.types.items()
        }
    )
    try:
        with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA):
            schema.validate(trips, lazy=True)
    except SchemaErrors as error:
        breaches = [_breach(file, failure, trips, source.types, inside) for failure in error.schema_errors]
        raise _quality_error(breaches) from error


def check_dropped(file: str, trips: pl.LazyFrame, source: Source, *, limits: QualityLimits) -> FileQuality:
    """Measure what each filter drops from a file, and check that it is not too much.

    Raises
    ------
    DataQualityError
        If a filter drops a larger share than its limit.
    """
    filters = source.preparation.filters
    measures = source.preparation.imputed(trips).select(
        rows=pl.len(),
        kept=pl.all_horizontal(*filters.values()).sum(),
        **{f"dropped {name}": (~keep).mean() for name, keep in filters.items()},
    )
    nulls = trips.select(pl.col(name).is_null().mean() for name in source.types)
    figures, null_share = measures.collect().row(0, named=True), nulls.collect().row(0, named=True)
    dropped = {name: float(figures[f"dropped {name}"]) for name in filters}
    allowed = {name: limits.dropped_by(name) for name in filters}
    _stop_at(
        [
            Breach(file=file, what=f"share dropped by the {name} filter", found=f"{share:.2%}",
                   allowed=f"{allowed[name]:.2%}")
            for name, share in dropped.items() if share > allowed[name]
        ]
    )  # fmt: skip
    return FileQuality(rows=figures["rows"], kept=figures["kept"], null_share=null_share, dropped_share=dropped)


def _checks(inside: pl.Expr | None, limits: QualityLimits) -> list[pa.Check]:
    nulls = pa.Check(
        lambda data: data.lazyframe.select(_null_share(data.key) <= limits.null_share),
        name="share of nulls",
        error=f"{limits.null_share:.2%}",
    )
    if inside is None:
        return [nulls]
    outside = pa.Check(
        lambda data: data.lazyframe.select(_outside_share(inside) <= limits.outside_share),
        name="share out of range",
        error=f"{limits.outside_share:.2%}",
    )
    return [nulls, outside]


def _null_share(name: str) -> pl.Expr:
    return pl.col(name).is_null().mean()


def _outside_share(inside: pl.Expr) -> pl.Expr:
    """Share of all rows whose value is there, and out of range; a NaN is in no range."""
    return (~inside).fill_null(value=False).mean()


def _breach(
    file: str,
    failure: SchemaError,
    trips: pl.LazyFrame,
    types: Mapping[str, pl.DataType],
    inside: Mapping[str, pl.Expr],
) -> Breach:
    """Say what pandera found, with the share measured."""
    name = str(getattr(failure.schema, "name", None) or "")
    if not isinstance(failure.check, pa.Check):
        return Breach(file=file, what=f"type of {name}", found=str(trips.collect_schema().get(name, "missing")),
                      allowed=str(types.get(name, "another")))  # fmt: skip
    measure = _null_share(name) if failure.check.name == "share of nulls" else _outside_share(inside[name])
    found = float(trips.select(measure).collect().item())
    return Breach(
        file=file, what=f"{name}: {failure.check.name}", found=f"{found:.2%}", allowed=str(failure.check.error)
    )


def _stop_at(breaches: Sequence[Breach]) -> None:
    if breaches:
        raise _quality_error(breaches)


def _quality_error(breaches: Sequence[Breach]) -> DataQualityError:
    return DataQualityError("; ".join(map(str, breaches)))
