"""Promised times, measured on machines that do other things too."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Test = TypeVar("Test", bound=Callable[..., Any])
TRIES = 3


class LateError(AssertionError):
    """Raised when something took longer than was promised, or did not come about in time."""


def check_time(seconds: float, limit_s: float, *, what: str = "it") -> None:
    """Fail with `LateError` unless ``seconds`` stay below the limit."""
    if seconds >= limit_s:
        raise LateError(f"{what} took {seconds:.3f} s, promised: less than {limit_s:.3f} s")


def tried_thrice(test: Test) -> Test:
    """Repeat a test that found something late, up to three times; any other failure counts at once.

    A machine stalls now and then, a product that is too slow is so each time. The test must be one that can be
    run again with the same fixtures.
    """

    @functools.wraps(test)
    def again(*args: Any, **options: Any) -> Any:
        for _ in range(TRIES - 1):
            try:
                return test(*args, **options)
            except (LateError, TimeoutError):
                continue
        return test(*args, **options)

    @functools.wraps(test)
    async def again_async(*args: Any, **options: Any) -> Any:
        for _ in range(TRIES - 1):
            try:
                return await test(*args, **options)
            except (LateError, TimeoutError):
                continue
        return await test(*args, **options)

    return again_async if inspect.iscoroutinefunction(test) else again  # type: ignore[return-value]
