"""Adding up what waits: rows that web processes hold or have sent, and the messages of others.

A row counts until its answer is there, also while a worker computes it: so the sum over the pace of a worker is the
number of workers that are needed (Little's law), and it does not fall to nothing while the last worker is at work.
Web processes know their own rows to the last one. A message of somebody else, such as a Celery client, is seen as an
entry of the queue only, beside those of web processes: the larger of the two numbers is never more than what waits,
but for messages that have expired and that no worker has thrown away yet.
"""

from collections.abc import Mapping, Sequence

from core.schemas.backlog import Backlog, BacklogReport, ModelBacklog, RowCount

_NONE = RowCount(held=0, sent=0)


def sum_up(
    reports: Sequence[BacklogReport], *, queues: Mapping[str, str], messages: Mapping[str, int | None]
) -> Backlog:
    """Return what waits in all.

    Parameters
    ----------
    reports : sequence of BacklogReport
        One of each web process.
    queues : mapping of str to str
        Model -> its queue.
    messages : mapping of str to int or None
        Model -> messages in its queues, None where that cannot be told.
    """
    models = {
        model: _of_model(model, reports, queue=queue, messages=messages[model]) for model, queue in queues.items()
    }
    return Backlog(
        rows_waiting=sum(model.rows_waiting for model in models.values()), web_processes=len(reports), models=models
    )


def _of_model(model: str, reports: Sequence[BacklogReport], *, queue: str, messages: int | None) -> ModelBacklog:
    counts = [report.rows.get(model, _NONE) for report in reports]
    held, sent = sum(count.held for count in counts), sum(count.sent for count in counts)
    return ModelBacklog(
        queue=queue,
        rows_waiting=held + max(sent, messages or 0),
        rows_held=held,
        rows_sent=sent,
        messages_queued=messages,
    )
