"""ECR alone: its options, its repositories, and what AWS's refusals become."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber
from pydantic import ValidationError

from service.adapters.ecr_options import Create
from service.adapters.registries.ecr import EcrRegistry, Options
from service.core.images import ImageReference
from service.errors import DoubtfulError, MergeportError, PermanentError, RetryableError
from tests.contract.registries import ECR_HOST, LABELS, Ministack, TestClock, make_image, push
from tests.fixtures.aws import aws_session
from tests.fixtures.processes import free_port

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

REFERENCE = ImageReference(ECR_HOST, "app", "1")


def stubbed() -> tuple[ECRClient, Stubber]:
    client = aws_session().client("ecr")
    stub = Stubber(client)
    stub.activate()
    return client, stub


def registry(client: Callable[[], ECRClient], **options: Any) -> EcrRegistry:
    return EcrRegistry(Options(host=ECR_HOST, **options), clock=TestClock(), client=client)


def on(ministack: Ministack, **options: Any) -> EcrRegistry:
    clock = TestClock()
    return EcrRegistry(
        Options(host=ECR_HOST, **options), clock=clock, endpoint=ministack.url, reached_at=ministack.host
    )


def new_name() -> str:
    return f"team/{uuid4().hex[:10]}"


# --- options -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "region"),
    [
        (ECR_HOST, "ap-northeast-2"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1"),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
    ],
)
def test_region_and_account_are_read_from_the_host(host: str, region: str) -> None:
    options = Options(host=host)
    assert (options.aws_region, options.account) == (region, "123456789012")


@pytest.mark.parametrize(
    "host", ["registry.acme.test", "12345.dkr.ecr.us-east-1.amazonaws.com", f"{ECR_HOST}.evil.test"]
)
def test_other_hosts_are_no_ecr(host: str) -> None:
    with pytest.raises(ValidationError, match="kind: oci"):
        Options(host=host)


def test_unknown_option_is_refused() -> None:
    with pytest.raises(ValidationError, match="scan_on_pull"):
        Options.model_validate({"host": ECR_HOST, "create": {"scan_on_pull": True}})


def test_options_load_neither_aws_nor_http() -> None:
    code = (
        "import sys, service.adapters.registries.ecr, service.adapters.registries.oci; "
        "print(sorted({'boto3', 'botocore', 'requests'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"


# --- repositories ------------------------------------------------------------------------------------


def test_missing_repository_is_made_with_tags_that_stay(ministack: Ministack) -> None:
    name = new_name()
    on(ministack).ensure_repository(name)
    made = ministack.client().describe_repositories(repositoryNames=[name])["repositories"][0]
    assert made["imageTagMutability"] == "IMMUTABLE"


def test_repository_is_made_as_configured(ministack: Ministack) -> None:
    name = new_name()
    create = Create(immutable_tags=False, scan_on_push=True, expire_untagged_days=14)
    on(ministack, create=create).ensure_repository(name)
    client = ministack.client()
    made = client.describe_repositories(repositoryNames=[name])["repositories"][0]
    assert (made["imageTagMutability"], made["imageScanningConfiguration"]) == ("MUTABLE", {"scanOnPush": True})
    assert '"countNumber": 14' in client.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]


def test_existing_repository_is_left_as_it_is(ministack: Ministack) -> None:
    name = new_name()
    ministack.client().create_repository(repositoryName=name, imageTagMutability="MUTABLE")
    on(ministack).ensure_repository(name)
    there = ministack.client().describe_repositories(repositoryNames=[name])["repositories"][0]
    assert there["imageTagMutability"] == "MUTABLE"


def test_repository_is_not_made_where_that_is_not_wanted(ministack: Ministack) -> None:
    with pytest.raises(DoubtfulError) as caught:
        on(ministack, create=False).ensure_repository(new_name())
    assert caught.value.code == "registry-repository-missing"


def test_repository_that_another_made_meanwhile_is_as_good() -> None:
    client, stub = stubbed()
    stub.add_client_error("describe_repositories", "RepositoryNotFoundException")
    stub.add_client_error("create_repository", "RepositoryAlreadyExistsException")
    registry(lambda: client).ensure_repository("app")
    stub.assert_no_pending_responses()


def test_kms_key_and_resource_tags_are_sent() -> None:
    client, stub = stubbed()
    stub.add_client_error("describe_repositories", "RepositoryNotFoundException")
    sent = {
        "registryId": "123456789012",
        "repositoryName": "app",
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "alias/images"},
        "tags": [{"Key": "team", "Value": "shop"}],
    }
    stub.add_response("create_repository", {"repository": {}}, sent)
    create = Create(kms_key="alias/images", resource_tags={"team": "shop"})
    registry(lambda: client, create=create).ensure_repository("app")
    stub.assert_no_pending_responses()


def test_push_target_tells_that_tags_stay(ministack: Ministack) -> None:
    name = new_name()
    on(ministack).ensure_repository(name)
    assert on(ministack).push_target(ImageReference(ECR_HOST, name, "1")).immutable_tags


def test_moving_a_tag_that_must_stay_is_refused_by_name(ministack: Ministack) -> None:
    name = new_name()
    on(ministack).ensure_repository(name)
    pusher = ministack.pusher()
    push(pusher, name, "1", make_image(LABELS))
    with pytest.raises(PermanentError) as caught:
        push(pusher, name, "1", make_image())
    assert caught.value.code == "tag-immutable"


def test_push_to_a_repository_that_is_not_there_is_refused_by_name(ministack: Ministack) -> None:
    with pytest.raises(DoubtfulError) as caught:
        ministack.pusher().check_push(new_name())
    assert caught.value.code == "registry-repository-missing"


# --- repositories that have drifted ---------------------------------------------------------------------


def make_by_hand(ministack: Ministack, name: str, **settings: Any) -> None:
    ministack.client().create_repository(repositoryName=name, **settings)


def described(ministack: Ministack, name: str) -> tuple[str, bool]:
    there = ministack.client().describe_repositories(repositoryNames=[name])["repositories"][0]
    return there["imageTagMutability"], there["imageScanningConfiguration"]["scanOnPush"]


def tags_of(ministack: Ministack, name: str) -> dict[str, str]:
    arn = ministack.client().describe_repositories(repositoryNames=[name])["repositories"][0]["repositoryArn"]
    return {tag["Key"]: tag["Value"] for tag in ministack.client().list_tags_for_resource(resourceArn=arn)["tags"]}


@pytest.mark.parametrize(("immutable", "after"), [(True, "IMMUTABLE"), (False, "MUTABLE")])
def test_repository_that_drifted_is_brought_to_what_is_named(
    ministack: Ministack,
    immutable: bool,
    after: str,
) -> None:
    name = new_name()
    make_by_hand(ministack, name, imageTagMutability="MUTABLE" if immutable else "IMMUTABLE")
    notes = on(ministack, create=Create(immutable_tags=immutable, scan_on_push=True)).ensure_repository(name)
    assert described(ministack, name) == (after, True)
    assert len(notes) == 2
    assert all(f"repository {name} was brought to its configuration" in note for note in notes)


def test_what_is_not_named_is_left_as_it_is(ministack: Ministack) -> None:
    name = new_name()
    make_by_hand(ministack, name, imageTagMutability="MUTABLE")
    assert len(on(ministack, create=Create(scan_on_push=True)).ensure_repository(name)) == 1
    assert described(ministack, name) == ("MUTABLE", True)


def test_resource_tags_are_set_and_those_of_others_stay(ministack: Ministack) -> None:
    name = new_name()
    make_by_hand(ministack, name, tags=[{"Key": "team", "Value": "old"}, {"Key": "cost", "Value": "7"}])
    (note,) = on(ministack, create=Create(resource_tags={"team": "shop", "cost": "7"})).ensure_repository(name)
    assert tags_of(ministack, name) == {"team": "shop", "cost": "7"}
    assert "its resource tags team are as configured" in note


def test_repository_that_is_as_configured_is_left_without_a_word(ministack: Ministack) -> None:
    name, create = new_name(), Create(scan_on_push=True, resource_tags={"team": "shop"})
    on(ministack, create=create).ensure_repository(name)
    assert on(ministack, create=create).ensure_repository(name) == ()


def test_drift_is_looked_for_once_in_a_quarter_of_an_hour(ministack: Ministack) -> None:
    name, clock = new_name(), TestClock()
    options = Options(host=ECR_HOST, create=Create(immutable_tags=True, resource_tags={"team": "shop"}))
    one = EcrRegistry(options, clock=clock, endpoint=ministack.url, reached_at=ministack.host)
    make_by_hand(ministack, name)
    one.ensure_repository(name)
    ministack.client().put_image_tag_mutability(repositoryName=name, imageTagMutability="MUTABLE")
    ministack.ecr.faults.log.clear()
    for _ in range(5):
        clock.advance(minutes=2)
        assert one.ensure_repository(name) == ()
    assert described(ministack, name)[0] == "MUTABLE"
    clock.advance(minutes=6)
    assert len(one.ensure_repository(name)) == 1
    assert described(ministack, name)[0] == "IMMUTABLE"


def test_change_that_aws_refuses_is_told_and_stops_nothing() -> None:
    client, stub = stubbed()
    stub.add_response("describe_repositories", {"repositories": [{"imageTagMutability": "MUTABLE"}]})
    stub.add_client_error("put_image_tag_mutability", "AccessDeniedException")
    (note,) = registry(lambda: client, create=Create(immutable_tags=True)).ensure_repository("app")
    assert "repository app is not as configured (tags stay where they are)" in note
    assert "allow ecr:PutImageTagMutability" in note


def test_exceptions_of_immutable_tags_that_somebody_chose_are_left() -> None:
    client, stub = stubbed()
    there = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}
    stub.add_response("describe_repositories", {"repositories": [there]})
    assert registry(lambda: client, create=Create(immutable_tags=True)).ensure_repository("app") == ()


KEY = "arn:aws:kms:ap-northeast-2:123456789012:key/1b2c"


@pytest.mark.parametrize(
    ("there", "wanted", "words"),
    [
        ({"encryptionType": "AES256"}, KEY, f"has ECR's own encryption, not {KEY}: AWS fixes it"),
        ({"encryptionType": "KMS", "kmsKey": f"{KEY}-other"}, KEY, f"has the KMS key {KEY}-other, not {KEY}"),
        ({"encryptionType": "KMS", "kmsKey": KEY}, None, f"has the KMS key {KEY}, not ECR's own encryption"),
        ({"encryptionType": "KMS", "kmsKey": KEY}, KEY, ""),
        ({"encryptionType": "KMS", "kmsKey": KEY}, "1b2c", ""),
        ({"encryptionType": "KMS_DSSE", "kmsKey": KEY}, KEY, ""),
        ({"encryptionType": "KMS", "kmsKey": KEY}, "alias/images", ""),
        ({"encryptionType": "AES256"}, "alias/images", "has ECR's own encryption, not alias/images"),
    ],
)
def test_other_encryption_is_told_and_left(there: dict[str, str], wanted: str | None, words: str) -> None:
    client, stub = stubbed()
    stub.add_response("describe_repositories", {"repositories": [{"encryptionConfiguration": there}]})
    notes = registry(lambda: client, create=Create(kms_key=wanted)).ensure_repository("app")
    assert words in "".join(notes)
    assert len(notes) == bool(words)


# --- refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "error", "ours", "hint"),
    [
        ("AccessDeniedException", 400, DoubtfulError, "registry-refused", "allow ecr:DescribeRepositories"),
        ("UnrecognizedClientException", 400, DoubtfulError, "registry-refused", "does not know the credentials"),
        ("ThrottlingException", 400, RetryableError, "registry-throttled", ""),
        ("ServerException", 500, RetryableError, "registry-unavailable", ""),
        ("LimitExceededException", 400, DoubtfulError, "registry-refused", ""),
    ],
)
def test_refusal_of_aws_becomes_ours(code: str, status: int, error: type[MergeportError], ours: str, hint: str) -> None:
    client, stub = stubbed()
    stub.add_client_error("describe_repositories", code, "secret text of AWS", http_status_code=status)
    with pytest.raises(error) as caught:
        registry(lambda: client).ensure_repository("app")
    assert caught.value.code == ours
    assert hint in caught.value.hint
    assert code in caught.value.message


def test_denied_creation_names_its_action() -> None:
    client, stub = stubbed()
    stub.add_client_error("describe_repositories", "RepositoryNotFoundException")
    stub.add_client_error("create_repository", "AccessDeniedException")
    with pytest.raises(DoubtfulError, match="ecr:CreateRepository"):
        registry(lambda: client).ensure_repository("app")


def test_denied_login_names_its_action() -> None:
    client, stub = stubbed()
    stub.add_response("describe_repositories", {"repositories": [{}]})
    stub.add_client_error("get_authorization_token", "AccessDeniedException")
    with pytest.raises(DoubtfulError, match="ecr:GetAuthorizationToken"):
        registry(lambda: client).push_target(REFERENCE)


def test_expired_aws_credentials_are_taken_anew_once() -> None:
    made: list[ECRClient] = []
    first, old = stubbed()
    old.add_response("describe_repositories", {"repositories": [{}]})
    old.add_client_error("describe_repositories", "ExpiredTokenException")
    second, new = stubbed()
    new.add_response("describe_repositories", {"repositories": [{}]})

    def make() -> ECRClient:
        made.append(second if made else first)
        return made[-1]

    ecr = registry(make)
    ecr.ensure_repository("app")
    ecr.ensure_repository("app")
    assert made == [first, second]


def test_credentials_that_stay_expired_are_retryable() -> None:
    client, stub = stubbed()
    stub.add_client_error("describe_repositories", "ExpiredTokenException")
    with pytest.raises(RetryableError):
        registry(lambda: client).ensure_repository("app")


def test_endpoint_that_is_away_is_retryable() -> None:
    options = Options(host=ECR_HOST)
    away = EcrRegistry(options, clock=TestClock(), endpoint=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(RetryableError) as caught:
        away.ensure_repository("app")
    assert caught.value.code == "registry-unavailable"


def test_silence_of_the_network_is_retryable() -> None:
    def fail() -> ECRClient:
        raise EndpointConnectionError(endpoint_url="https://api.ecr")

    with pytest.raises(RetryableError):
        registry(fail).ensure_repository("app")


def test_missing_aws_credentials_ask_for_a_role() -> None:
    def fail() -> ECRClient:
        raise NoCredentialsError

    with pytest.raises(PermanentError, match="AWS role"):
        registry(fail).ensure_repository("app")
