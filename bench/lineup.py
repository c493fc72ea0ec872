"""Who competes."""

import os

from bench.contender import Contender

CORES = os.cpu_count() or 1
NAIVE_WEB_PROCESSES = 4
"""A thread that blocks for its answer needs company: fewer web processes answer less."""
_LINEAR = ("linear",)

_ALL = (
    Contender(name="echo", application="echo", models=_LINEAR, predicts=False),
    Contender(name="echo-all", application="echo", web_processes=CORES, models=_LINEAR, predicts=False),
    Contender(name="lean-echo", application="lean_echo", models=_LINEAR, predicts=False),
    Contender(name="in-process", application="inprocess"),
    Contender(name="in-process-all", application="inprocess", web_processes=CORES),
    Contender(name="folded", application="folded", models=_LINEAR),
    Contender(name="folded-all", application="folded", web_processes=CORES, models=_LINEAR),
    Contender(name="micro-batching", application="microbatch", web_processes=CORES),
    Contender(
        name="micro-batching-thread",
        application="microbatch",
        web_processes=CORES,
        environment={"BENCH_MICROBATCH": "thread"},
    ),
    Contender(name="naive-queue", application="naive", web_processes=NAIVE_WEB_PROCESSES, queue=True),
    Contender(name="ours"),
)
CONTENDERS = {contender.name: contender for contender in _ALL}
"""By name, in the order of the tables; ``-all`` and micro-batching run a web process on each core."""
