"""What the tests of the TM Forum APIs share."""

from collections.abc import Awaitable, Callable

from tests.support.console import Client

Start = Callable[..., Awaitable[Client]]
ALARM = "/tmf-api/alarmManagement/v4/alarm"
PROBLEM = "/tmf-api/serviceProblemManagement/v4/serviceProblem"
OBJECTIVE = "/tmf-api/serviceQualityManagement/v4/serviceLevelObjective"
VIOLATION = "/tmf-api/slaManagement/v4/slaViolation"
EVERY = (ALARM, PROBLEM, OBJECTIVE, VIOLATION)
