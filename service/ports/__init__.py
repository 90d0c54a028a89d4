"""The outside world: what Mergeport needs of it, as small Protocols, one a file.

Adapters implement these, `bootstrap` joins them, the pipeline calls them. Every method may raise
RetryableError (the same call may work later) or PermanentError (a person must change something) and
nothing else of its library. Every call is bounded in time and may be repeated.
"""

from service.ports.budgets import CallBudget, CallBudgets
from service.ports.builder import (
    BuildControl,
    Builder,
    BuildRequest,
    BuildStanding,
    Checkout,
    ElsewhereBuilder,
    HereBuilder,
    LogPiece,
    Progress,
    StartRequest,
)
from service.ports.charts import Chart, Charts
from service.ports.checks import Checks
from service.ports.clock import Clock
from service.ports.commits import Between, Commits, ForgeCommit
from service.ports.credentials import Credentials
from service.ports.deployer import Deployer, Observation, Pods
from service.ports.events import BuildEvent, Event, EventQueue, ImageEvent, Received
from service.ports.forge import Forge
from service.ports.gate_addresses import GateAddresses, GateQuestion, GateReply
from service.ports.manifests import (
    Commit,
    FileChange,
    ManifestHistories,
    ManifestHistory,
    ManifestRepositories,
    Manifests,
)
from service.ports.models import Artifact, ModelRegistry, ModelVersion, RegisteredModel
from service.ports.notifier import Notice, Notifier
from service.ports.pipelines import PipelineQuestion, Pipelines, PipelineStanding
from service.ports.pull_request_landing import PullRequestLanding
from service.ports.pull_requests import (
    ClosedPullRequests,
    MergeState,
    PullRequest,
    PullRequestDraft,
    PullRequests,
    Refused,
)
from service.ports.registry import Copied, ListedTag, PullSource, PushTarget, Registry
from service.ports.reviews import PullRequestReviews
from service.ports.secret_detector import SecretDetector
from service.ports.source import DeliveryHead, Source, StoredRequest
from service.ports.source_trees import SourceTrees
from service.ports.statuses import CommitState, CommitStatus, Statuses
from service.ports.templates import Templates

__all__ = [
    "Artifact",
    "Between",
    "BuildControl",
    "BuildEvent",
    "BuildRequest",
    "BuildStanding",
    "Builder",
    "CallBudget",
    "CallBudgets",
    "Chart",
    "Charts",
    "Checkout",
    "Checks",
    "Clock",
    "ClosedPullRequests",
    "Commit",
    "CommitState",
    "CommitStatus",
    "Commits",
    "Copied",
    "Credentials",
    "DeliveryHead",
    "Deployer",
    "ElsewhereBuilder",
    "Event",
    "EventQueue",
    "FileChange",
    "Forge",
    "ForgeCommit",
    "GateAddresses",
    "GateQuestion",
    "GateReply",
    "HereBuilder",
    "ImageEvent",
    "ListedTag",
    "LogPiece",
    "ManifestHistories",
    "ManifestHistory",
    "ManifestRepositories",
    "Manifests",
    "MergeState",
    "ModelRegistry",
    "ModelVersion",
    "Notice",
    "Notifier",
    "Observation",
    "PipelineQuestion",
    "PipelineStanding",
    "Pipelines",
    "Pods",
    "Progress",
    "PullRequest",
    "PullRequestDraft",
    "PullRequestLanding",
    "PullRequestReviews",
    "PullRequests",
    "PullSource",
    "PushTarget",
    "Received",
    "Refused",
    "RegisteredModel",
    "Registry",
    "SecretDetector",
    "Source",
    "SourceTrees",
    "StartRequest",
    "Statuses",
    "StoredRequest",
    "Templates",
]
