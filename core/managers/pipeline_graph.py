"""The graph of the pipeline, as Hamilton sees it: nothing here knows the order of the steps."""

from collections.abc import Sequence
from graphlib import TopologicalSorter
from types import ModuleType

from hamilton import driver

from core.managers.pipeline import MODULES, STEPS
from core.schemas.graph import GraphStep


def graph_steps(modules: Sequence[ModuleType] = MODULES) -> tuple[GraphStep, ...]:
    """Return the steps, each after those that it reads.

    Parameters
    ----------
    modules : sequence of module
        Whose functions are the steps.
    """
    names = {step.node: step.name for step in STEPS}
    nodes = {node.name: node for node in driver.Builder().with_modules(*modules).build().graph.get_nodes()}
    computed = {
        name: [read.name for read in node.dependencies] for name, node in nodes.items() if not node.user_defined
    }
    order = TopologicalSorter({name: [read for read in reads if read in computed] for name, reads in computed.items()})
    return tuple(
        GraphStep(
            name=names.get(name, name),
            summary=(nodes[name].documentation or "").strip().partition("\n")[0],
            reads=tuple(names.get(read, read) for read in computed[name] if read in computed),
            inputs=tuple(read for read in computed[name] if read not in computed),
        )
        for name in order.static_order()
    )
