"""Fixtures of the registries' tests."""

from tests.contract.registries import aws_credentials, faulty, ministack

__all__ = ["aws_credentials", "faulty", "ministack"]
