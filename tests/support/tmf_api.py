"""What the tests of the TM Forum APIs share."""

from collections.abc import Awaitable, Callable

from pipeline.config.secret import Secret
from pipeline.config.settings import ApiRole, ApiTokenSettings
from tests.support.console import Client

OPERATOR = "an-operators-token-of-thirty-two"
VIEWER = "a-viewers-token-of-thirty-two-ch"
TOKENS = (
    ApiTokenSettings("noc", ApiRole.OPERATOR, Secret(OPERATOR)),
    ApiTokenSettings("wallboard", ApiRole.VIEWER, Secret(VIEWER)),
)
BEARER = {"Authorization": f"Bearer {OPERATOR}"}
Start = Callable[..., Awaitable[Client]]
ALARM = "/tmf-api/alarmManagement/v4/alarm"
PROBLEM = "/tmf-api/serviceProblemManagement/v4/serviceProblem"
OBJECTIVE = "/tmf-api/serviceQualityManagement/v4/serviceLevelObjective"
VIOLATION = "/tmf-api/slaManagement/v4/slaViolation"
EVERY = (ALARM, PROBLEM, OBJECTIVE, VIOLATION)
