"""Host names of Amazon ECR's private registries, and the account and region in them. Pure.

The configuration tells a registry's kind by it, and the `ecr` registry its account. `public.ecr.aws` is none: it is
read like any other registry. https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
"""

from __future__ import annotations

import re
from typing import NamedTuple

_IPV4 = r"amazonaws\.com(?:\.cn)?|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov"
"""Of AWS's partitions, as botocore's partitions.json names them: AWS, China, the European and the isolated ones."""
_DUAL_STACK = r"on\.aws|on\.amazonwebservices\.com\.cn|on\.amazonwebservices\.eu"
_HOST = re.compile(
    rf"(?P<account>\d{{12}})\.(?:dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:{_IPV4})"
    rf"|dkr-ecr(?:-fips)?\.(?P<region6>[a-z0-9-]+)\.(?:{_DUAL_STACK}))"
)


class EcrHost(NamedTuple):
    """What the name of a private registry says."""

    account: str
    region: str


def ecr_host(host: str) -> EcrHost | None:
    """Read a host; None if it is not that of a private registry of ECR."""
    found = _HOST.fullmatch(host)
    return EcrHost(found["account"], found["region"] or found["region6"]) if found else None
