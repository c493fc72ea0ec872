"""What answers under a changing route are judged by: who may have given them, and whether they name him truly."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from scipy.stats import binomtest

from bench.figures import CONFIDENCE, Spread
from bench.route_load import OK, Answer

GRACE_S = 1.0
"""A version may still answer so long after the route has left it."""


@dataclass(frozen=True)
class Reign:
    """Versions that a route gave answers by, from the call that named them to the end of the one that did no more."""

    versions: frozenset[str]
    since: float
    until: float = math.inf


@dataclass
class Journal:
    """The reigns in their order."""

    reigns: list[Reign] = field(default_factory=list)

    def note(self, versions: Collection[str], *, called_at: float, done_at: float) -> None:
        """Note a change that was called and done at these times."""
        if self.reigns:
            last = self.reigns[-1]
            self.reigns[-1] = Reign(last.versions, last.since, done_at)
        self.reigns.append(Reign(frozenset(versions), called_at))

    def allowed(self, version: str, at: float, *, grace_s: float = GRACE_S) -> bool:
        """Tell whether a version was routed at a time, or within the grace before it."""
        return any(version in reign.versions and reign.since <= at <= reign.until + grace_s for reign in self.reigns)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How many answers there were, and how many of them must not have been."""

    answers: int
    failed: int
    """Without a prediction."""
    stale: int
    """From a version that had left the route for longer than the grace."""
    untrue: int
    """Of a value that the version which they name does not give."""
    versions: int
    """Different ones that answered."""


def judge(
    answers: Sequence[Answer], journal: Journal, values: Mapping[str, Sequence[float]], *, slack_s: float = 0.0
) -> Verdict:
    """Judge answers by the routes of a journal and by what each version predicts, (n_trips,) each.

    ``slack_s`` is added to the grace, where the client itself may be late.
    """
    good = [answer for answer in answers if answer.status == OK]
    return Verdict(
        answers=len(answers),
        failed=len(answers) - len(good),
        stale=sum(not journal.allowed(answer.version, answer.given_at, grace_s=GRACE_S + slack_s) for answer in good),
        untrue=sum(
            answer.version not in values or answer.minutes != values[answer.version][answer.trip] for answer in good
        ),
        versions=len({answer.version for answer in good}),
    )


def unsteady(pairs: Sequence[tuple[str, str]]) -> int:
    """Return how many request ids were answered by more than one version, of pairs of id and version."""
    first: dict[str, str] = {}
    return len({request_id for request_id, version in pairs if first.setdefault(request_id, version) != version})


def share_of(hits: int, total: int) -> Spread:
    """Return a share and its exact binomial interval."""
    if not total:
        return Spread(math.nan, 0.0, 1.0)
    interval = binomtest(hits, total).proportion_ci(CONFIDENCE)
    return Spread(hits / total, float(interval.low), float(interval.high))
