"""``python -m apps.recorder.comparison <order>``: compares two versions once, for the recorder."""

import sys

from config import load_settings
from core.managers.artifact_store import open_store
from core.managers.comparison import Comparer
from core.schemas.comparison import Comparison, ComparisonOrder, ComparisonReply
from core.schemas.period import parse_period
from core.utilities.errors import TripcastError, UnknownVersionError


def main(content: str) -> None:
    """Print what becomes of an order, as JSON of ``ComparisonReply``."""
    order = ComparisonOrder.model_validate_json(content)
    try:
        reply = ComparisonReply(comparison=_compare(order))
    except UnknownVersionError as error:
        reply = ComparisonReply(unknown_version=str(error))
    except TripcastError as error:
        reply = ComparisonReply(refused=str(error))
    sys.stdout.write(reply.model_dump_json())


def _compare(order: ComparisonOrder) -> Comparison:
    settings, request = load_settings(), order.request
    comparer = Comparer(
        records_dir=settings.records_dir,
        models_dir=settings.models_dir,
        allowed_classes=settings.model_allowed_classes,
        store=open_store(settings.artifact_store, endpoint_url=settings.s3_endpoint_url),
    )
    over = request.last or 0 if request.on is None else parse_period(request.on)
    return comparer.compare(order.model, (request.first, request.second), over=over, bound=request.bound)


if __name__ == "__main__":
    main(sys.argv[1])
