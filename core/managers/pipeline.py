"""The pipeline: the steps as a Hamilton graph, each behind a checkpoint.

Hamilton finds the order from the names: a step's parameters are the steps that it reads, parameters of the run, and
resources. The adapter here stands before each step: it looks for the step's checkpoint, and computes only what has none.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version as version_of
from time import perf_counter
from typing import Any, Protocol

from hamilton import driver, lifecycle

from core.handlers.base import BaseHandler
from core.handlers.evaluation import Champion
from core.handlers.steps import check, combine, evaluate, prepare, split, train
from core.managers.artifacts import load_handler, load_version
from core.managers.checkpoints import Checkpoints, key_of
from core.managers.codecs import Codec, JsonCodec, ModelCodec, TablesCodec
from core.managers.raw_files import RawFiles
from core.managers.raw_store import RawStore
from core.managers.registry import Registry
from core.managers.steps import extract, ingest, register
from core.managers.team_designs import find_team_design
from core.managers.versions import code_revision
from core.managers.workplace import Workplace
from core.schemas.catalog import CatalogEntry, entry_of
from core.schemas.evaluation import Evaluation
from core.schemas.quality import FileQuality
from core.schemas.run import RunParameters
from core.schemas.snapshot import Snapshot
from core.services.reproduction import reproduction

MODULES = (ingest, extract, check, prepare, combine, split, train, evaluate, register)
COMBINE = "combine"
"""The last step of a family that only transforms."""
LIBRARIES = ("duckdb", "polars", "numpy", "scipy", "scikit-learn")


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step: its name, the node of the graph that computes it, and how its output is kept."""

    name: str
    node: str
    codec: Codec | None
    """None: a model's, whose allow-list follows from the family."""
    own: bool = False
    """Its output belongs to one run: it depends on what lies outside (files, versions), so no other run may take it."""


STEPS = (
    Step(name="ingest", node="snapshots", codec=JsonCodec(list[Snapshot]), own=True),
    Step(name="extract", node="extracted", codec=TablesCodec()),
    Step(name="check", node="quality", codec=JsonCodec(dict[str, FileQuality])),
    Step(name="prepare", node="prepared", codec=TablesCodec()),
    Step(name=COMBINE, node="combined", codec=TablesCodec()),
    Step(name="split", node="parts", codec=TablesCodec()),
    Step(name="train", node="trained", codec=None),
    Step(name="evaluate", node="evaluation", codec=JsonCodec(Evaluation)),
    Step(name="register", node="registered", codec=JsonCodec(str), own=True),
)


class Observer(Protocol):
    """Told of each step as it begins and ends; what it raises ends the run."""

    def started(self, step: str, input_sha256: str) -> None:
        """Hear that a step begins."""
        ...

    def finished(self, step: str, output_sha256: str, *, reused: bool, seconds: float) -> None:
        """Hear that a step ended, or that its checkpoint was there."""
        ...


class CheckpointedSteps(lifecycle.NodeExecutionMethod):  # type: ignore[misc] # Hamilton's classes are untyped
    """Runs each step unless its checkpoint is there.

    Parameters
    ----------
    checkpoints : Checkpoints
        Outputs of earlier steps.
    run : str
        Id of the run.
    parameters : mapping
        Parameters of the run, as JSON values: those that a step takes are part of its key.
    models : ModelCodec
        Keeps trained models.
    observer : Observer
        Told of each step.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        *,
        run: str,
        parameters: Mapping[str, Any],
        models: ModelCodec,
        observer: Observer,
    ) -> None:
        self._checkpoints = checkpoints
        self._run = run
        self._parameters = parameters
        self._models = models
        self._observer = observer
        self._steps = {step.node: step for step in STEPS}
        self._outputs: dict[str, str] = {}
        self._code = {
            "code": code_revision(),
            "gate": code_revision(("services",)),
            **{name: version_of(name) for name in LIBRARIES},
        }

    def run_to_execute_node(
        self,
        *,
        node_name: str,
        node_callable: Callable[..., Any],
        node_kwargs: dict[str, Any],
        **_: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401 (Hamilton's signature)
        """Return the step's output, from its checkpoint or computed now."""
        step, began = self._steps[node_name], perf_counter()
        codec = step.codec or self._models
        key = self._key(step, node_kwargs)
        self._observer.started(step.name, key)
        kept = self._checkpoints.load(step.name, key, codec)
        checkpoint = kept or self._checkpoints.save(step.name, key, node_callable(**node_kwargs), codec)
        self._outputs[node_name] = checkpoint.sha256
        self._observer.finished(step.name, checkpoint.sha256, reused=kept is not None, seconds=perf_counter() - began)
        return checkpoint.value

    def _key(self, step: Step, inputs: Mapping[str, Any]) -> str:
        """Hash what decides the output: code, libraries, the steps that it reads, the parameters that it takes."""
        return key_of(
            {
                "step": step.name,
                "model": self._parameters["model"],
                "code": self._code,
                "read": {name: self._outputs[name] for name in inputs if name in self._outputs},
                "parameters": {name: self._parameters[name] for name in inputs if name in self._parameters},
                "run": self._run if step.own else None,
            }
        )


def execute(
    run: str,
    parameters: RunParameters,
    workplace: Workplace,
    observer: Observer,
    *,
    entry: CatalogEntry | None = None,
    registry: Registry | None = None,
) -> str | None:
    """Run the steps that have no checkpoint yet, and return the id of the version that was registered.

    None where the run was asked to end before, or the model is one that only transforms.

    Parameters
    ----------
    run : str
        Id of the run; called again with the same one, it continues where it broke off.
    parameters : RunParameters
        The same at every call with that id.
    workplace : Workplace
        The folders.
    observer : Observer
        Told of each step.
    entry : CatalogEntry, optional
        The model, by default the catalog's of the name in the parameters.
    registry : Registry, optional
        Where the version is entered as a candidate; without one it is only stored.

    Raises
    ------
    TripcastError
        Whatever stops a step: data that breaks a gate, a version that is not good enough.
    """
    entry = entry or entry_of(parameters.model)
    store, handler = RawStore(workplace.raw_dir), load_handler(entry)
    source = _add_team_design(handler, parameters, workplace)
    adapter = CheckpointedSteps(
        Checkpoints(workplace.steps_dir),
        run=run,
        parameters={**_decisive(parameters), "design": f"{parameters.design}{source}"},
        models=ModelCodec([*handler.artifact_classes, *workplace.allowed_classes]),
        observer=observer,
    )
    inputs = {
        # Hamilton checks the types of inputs, and knows lists but not tuples of any length.
        "entry": entry,
        "handler": handler,
        "design": parameters.design or "",
        "taxis": list(parameters.taxis),
        "train_months": list(parameters.train_months),
        "test_months": list(parameters.test_months),
        "validation_days": parameters.validation_days,
        "limits": parameters.limits,
        "gate": parameters.gate,
        "label": parameters.label,
        "version": parameters.version or "",
        "command": reproduction(parameters),
        "champion": _champion(parameters, workplace, entry),
        "raw_files": RawFiles(store, data=parameters.data, url=workplace.url, progress=workplace.progress),
        "raw_store": store,
        "models_dir": workplace.models_dir,
        "allowed_classes": list(workplace.allowed_classes),
        "registry": registry,
        "run": run,
    }
    logging.getLogger("hamilton").setLevel(logging.CRITICAL)  # it would print a banner beside every error
    graph = driver.Builder().with_modules(*MODULES).with_adapters(adapter).build()
    last = _last_step(handler, parameters)
    output = graph.execute([last.node], inputs=inputs)[last.node]
    return str(output) if last is STEPS[-1] else None


def _last_step(handler: BaseHandler, parameters: RunParameters) -> Step:
    name = parameters.until or (STEPS[-1].name if handler.trains else COMBINE)
    return next(step for step in STEPS if step.name == name)


def _add_team_design(handler: BaseHandler, parameters: RunParameters, workplace: Workplace) -> str:
    """Let the handler offer the team's class that a run names; return what tells its code from other code."""
    if parameters.design is None or not parameters.has_team_design:
        return ""
    design = find_team_design(parameters.design, handler, allowed=workplace.allowed_classes)
    handler.add_design(parameters.design, design)
    return f"@{design.parameters['source_sha256']}"


def _decisive(parameters: RunParameters) -> dict[str, Any]:
    return {**parameters.model_dump(mode="json"), "label": parameters.label}


def _champion(parameters: RunParameters, workplace: Workplace, entry: CatalogEntry) -> Champion | None:
    if parameters.champion is None:
        return None
    model = load_version(
        workplace.models_dir / parameters.model / parameters.champion,
        entry=entry,
        allowed_classes=workplace.allowed_classes,
    )
    data = frozenset(model.manifest.training_data.values() if model.manifest else ())
    return Champion(version=model.version, predictor=model.predictor, training_sha256=data)
