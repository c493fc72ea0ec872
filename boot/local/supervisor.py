"""All children of the launcher: started one by one, kept alive, stopped in order."""

import asyncio
from itertools import groupby

from boot.local.child import Child, ChildSpec
from boot.local.console import Console

START_ATTEMPTS = 5
"""Deaths in a row after which a child that never came up is given up."""


class Supervisor:
    """Keep children alive.

    Until `settle` is called, a child that dies `START_ATTEMPTS` times in a row ends the whole: something is
    wrong with what was started. Afterwards none is ever given up: what once worked may work again, and
    the other children still serve.

    Parameters
    ----------
    console : Console
        Where lines go.
    """

    def __init__(self, *, console: Console) -> None:
        self._console = console
        self._children: dict[Child, asyncio.Task[None]] = {}
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self, spec: ChildSpec) -> Child:
        """Start a child and keep it alive from now on."""
        child = Child(spec, console=self._console)
        child.attempts = START_ATTEMPTS
        task = asyncio.create_task(child.keep_alive(), name=spec.name)
        task.add_done_callback(self._notice)
        self._children[child] = task
        return child

    def settle(self) -> None:
        """Take note that all is up: from now on no child is given up."""
        for child in self._children:
            child.attempts = None

    async def failure(self) -> None:
        """Wait until a child is given up.

        Raises
        ------
        LaunchError
            Then; the message names the child and its last line.
        """
        await asyncio.shield(self._failure)

    async def stop(self) -> None:
        """Stop all children, those of the lowest ``stop_order`` first; none is left when this returns."""
        ordered = sorted(self._children, key=lambda child: child.spec.stop_order)
        for _, tier in groupby(ordered, key=lambda child: child.spec.stop_order):
            children = list(tier)
            for child in children:
                child.stop()
            await asyncio.gather(*(self._children[child] for child in children), return_exceptions=True)

    def kill(self) -> None:
        """End all children without grace; `stop` then returns at once."""
        for child in self._children:
            child.kill()

    def _notice(self, task: asyncio.Task[None]) -> None:
        """Keep the first failure of a child for whoever waits in `failure`."""
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._failure.done():
            self._failure.set_exception(error)
            # Read it once, so that a failure nobody waits for is not reported as forgotten.
            self._failure.exception()
