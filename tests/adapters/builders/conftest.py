"""Fixtures of the builders' tests."""

from tests.contract.registries import aws_credentials, ministack

__all__ = ["aws_credentials", "ministack"]
