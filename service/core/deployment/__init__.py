"""What a deployer's observation means for one release: wait on, live, failed, or overtaken.

`judging` reads one moment, `patience` what lasts; `pipeline/deploy` calls both. Nothing here looks anything up.
"""

from service.core.deployment.family import judge_with_children
from service.core.deployment.judging import judge
from service.core.deployment.observation import Applied, Observation, Override, Pods
from service.core.deployment.patience import NOTHING_SEEN, Past, decide, past_from, past_text
from service.core.deployment.verdicts import Doubt, Expected, Patience, Progress, Standing, Verdict, VerdictKind

__all__ = [
    "NOTHING_SEEN",
    "Applied",
    "Doubt",
    "Expected",
    "Observation",
    "Override",
    "Past",
    "Patience",
    "Pods",
    "Progress",
    "Standing",
    "Verdict",
    "VerdictKind",
    "decide",
    "judge",
    "judge_with_children",
    "past_from",
    "past_text",
]
