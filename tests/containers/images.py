"""The images of the project, built by `make images` in both variants, under a tag of their own."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.containers.bases import Bases
from tests.containers.engine import Engine
from tests.containers.project import Project

BUILD_TIMEOUT_S = 1800.0
MEGABYTE = 1_000_000
VARIANTS = ("", "cpu")
"""Of `make images DEVICE=…`: the worker on CUDA and without it."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image that was built.

    Parameters
    ----------
    name : str
        With its tag's variant.
    mb : float
        Its size, in 1e6 bytes.
    added_mb : float
        What it adds to its base.
    """

    name: str
    mb: float
    added_mb: float


@dataclass(frozen=True, kw_only=True)
class Built:
    """All images, and how long `make images` took for each variant, in seconds."""

    images: tuple[Image, ...]
    seconds: dict[str, float]


@contextmanager
def built_images(
    engine: Engine, project: Project, bases: Bases, *, kinds: tuple[str, ...], variants: tuple[str, ...]
) -> Iterator[Built]:
    """Build the images; an engine that is not ours loses them again."""
    seconds = {}
    names = {
        f"{kind}{variant and '-' + variant}": f"tripcast-{kind}:{project.tag}{variant and '-' + variant}"
        for kind in kinds
        for variant in (variants if kind == "worker" else ("",))
    }
    try:
        for variant in variants:
            started = time.monotonic()
            project.make("images", *_arguments(bases, variant, kinds), timeout_s=BUILD_TIMEOUT_S)
            seconds[f"make images {f'DEVICE={variant}' if variant else ''}".strip()] = time.monotonic() - started
        base_of = {name: bases.cuda if name == "worker" else bases.python for name in names}
        yield Built(
            images=tuple(_measured(engine, name, full, base_of[name]) for name, full in names.items()), seconds=seconds
        )
    finally:
        if not engine.own:
            engine.try_("image", "rm", "--force", *names.values())


def _arguments(bases: Bases, variant: str, kinds: tuple[str, ...]) -> tuple[str, ...]:
    return (
        # What takes long, installing, keeps one core busy.
        f"--jobs={os.cpu_count()}",
        f"IMAGES={' '.join(kinds)}",
        f"DEVICE={variant}",
        f"PYTHON_IMAGE={bases.python}",
        f"CUDA_IMAGE={bases.cuda}",
    )


def _measured(engine: Engine, name: str, full: str, base: str) -> Image:
    size, base_size = (float(image["Size"]) / MEGABYTE for image in engine.inspect(full, base))
    return Image(name=name, mb=round(size, 1), added_mb=round(size - base_size, 1))
