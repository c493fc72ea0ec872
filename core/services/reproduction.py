"""The command that trains a version again."""

import shlex

from core.schemas.run import RunParameters


def reproduction(parameters: RunParameters) -> str:
    """Return the command line of a run with the same months, design and days of validation.

    Examples
    --------
    >>> reproduction(RunParameters(train_months=("2021-01",), test_months=("2021-02",), design="linear"))
    'python -m apps.cli pipeline run --model trip_duration --design linear --taxi green --train-month 2021-01 ...'
    """
    options = {
        "--model": (parameters.model,),
        "--design": () if parameters.design is None else (parameters.design,),
        "--taxi": parameters.taxis,
        "--train-month": parameters.train_months,
        "--test-month": parameters.test_months,
        "--validation-days": (str(parameters.validation_days),),
    }
    words = [word for option, values in options.items() for value in values for word in (option, value)]
    return shlex.join(["python", "-m", "apps.cli", "pipeline", "run", *words])
