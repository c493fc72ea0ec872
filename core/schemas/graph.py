"""The pipeline as a graph: what each step reads."""

from pydantic import BaseModel, ConfigDict


class GraphStep(BaseModel):
    """A step, as a drawing or a reader needs it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    summary: str
    """What it does, in a sentence."""
    reads: tuple[str, ...]
    """Names of the steps whose outputs it takes; they come before it."""
    inputs: tuple[str, ...]
    """Parameters of the run and resources that it takes."""
