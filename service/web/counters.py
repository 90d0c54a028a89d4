"""Counts what this process answered to webhooks: one counter, labelled by outcome or refusal."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class Counters:
    """The process's own counters and the registry that holds them; made once, handed to both listeners."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.registry = CollectorRegistry()
        self._answers = Counter(
            "mergeport_webhook_answers",
            "Answers to webhook requests since this process began, by outcome: accepted, repeated, ignored, pong, or "
            "the code of the refusal.",
            ["outcome"],
            registry=self.registry,
        )

    def answered(self, outcome: str) -> None:
        """Count one answer."""
        self._answers.labels(outcome).inc()

    def count(self, outcome: str) -> float:
        """Give how many answers had this outcome."""
        return self.registry.get_sample_value("mergeport_webhook_answers_total", {"outcome": outcome}) or 0.0
