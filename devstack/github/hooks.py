"""The sending of web hooks: signed, in a thread of its own, ten seconds for an answer, and never again by itself.

`actions` hands events over; tests read and repeat the deliveries through the `GitHub` object.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
import uuid
from urllib.parse import urlencode

import requests

from devstack.github import shapes
from devstack.github.state import Delivery, Hook, Repository, State, now

TIMEOUT = 10.0
"""Seconds that GitHub waits for an answer."""


class Courier:
    """Sends deliveries one after the other, in the order in which they were queued.

    While `lost` is true, deliveries are recorded as failed and not sent, as if GitHub or we were down.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._queue: queue.Queue[Delivery | None] = queue.Queue()
        self.lost = False
        self.timeout = TIMEOUT
        self._thread = threading.Thread(target=self._work, name="devstack-courier", daemon=True)
        self._thread.start()

    def emit(self, repo: Repository, event: str, payload: shapes.Json, *, copies: int = 1) -> list[Delivery]:
        """Queue an event for every hook of the repository that wants it, each `copies` times under one id."""
        made = []
        for hook in list(repo.hooks.values()):
            if hook.wants(event):
                made += self.send(repo, hook, event, payload, copies=copies)
        return made

    def send(
        self, repo: Repository, hook: Hook, event: str, payload: shapes.Json, *, copies: int = 1
    ) -> list[Delivery]:
        """Queue an event for one hook."""
        guid = str(uuid.uuid4())
        body = _encode(hook, payload)
        headers = _headers(repo, hook, event, guid, body)
        made = []
        for copy in range(copies):
            one = Delivery(
                id=self._state.next_id(),
                guid=guid,
                hook=hook,
                event=event,
                action=payload.get("action"),
                repository=repo.full_name,
                body=body,
                headers=headers,
                redelivery=copy > 0,
            )
            made.append(one)
            self._post(one)
        return made

    def redeliver(self, old: Delivery) -> Delivery:
        """Queue a delivery again: the same id and body, signed anew with the hook's present secret."""
        headers = {**old.headers, **_signatures(old.hook, old.body)}
        again = Delivery(
            id=self._state.next_id(),
            guid=old.guid,
            hook=old.hook,
            event=old.event,
            action=old.action,
            repository=old.repository,
            body=old.body,
            headers=headers,
            redelivery=True,
        )
        self._post(again)
        return again

    def wait_delivered(self, timeout: float = 30.0) -> None:
        """Return when every queued delivery has been answered or has failed; raise TimeoutError otherwise."""
        deadline = time.monotonic() + timeout
        with self._queue.all_tasks_done:
            while self._queue.unfinished_tasks:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"{self._queue.unfinished_tasks} deliveries are still under way")
                self._queue.all_tasks_done.wait(left)

    def stop(self) -> None:
        """End the thread after the delivery under way; those queued behind it are dropped."""
        while True:
            try:
                self._queue.get_nowait()
            except queue.Empty:
                break
            self._queue.task_done()
        self._queue.put(None)
        self._thread.join(timeout=TIMEOUT + 2)

    def _post(self, delivery: Delivery) -> None:
        self._state.deliveries.append(delivery)
        self._queue.put(delivery)

    def _work(self) -> None:
        while (delivery := self._queue.get()) is not None:
            try:
                self._deliver(delivery)
            finally:
                self._queue.task_done()

    def _deliver(self, delivery: Delivery) -> None:
        delivery.delivered_at = now()
        if self.lost:
            delivery.status = "failed to connect to host"
            return
        started = time.monotonic()
        try:
            # A connection for each: after a restart of the receiver, an old one would be stale.
            with requests.Session() as session:
                session.trust_env = False
                answer = session.post(
                    delivery.hook.url,
                    data=delivery.body,
                    headers=delivery.headers,
                    timeout=self.timeout,
                    allow_redirects=False,
                )
        except requests.Timeout:
            delivery.status = "timed out"
        except requests.RequestException:
            delivery.status = "failed to connect to host"
        else:
            delivery.response = answer.content
            delivery.status_code = answer.status_code
            delivery.status = "OK" if answer.ok else f"Invalid HTTP Response: {answer.status_code}"
        delivery.duration = round(time.monotonic() - started, 3)


def _encode(hook: Hook, payload: shapes.Json) -> bytes:
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
    return text.encode() if hook.content_type == "json" else urlencode({"payload": text}).encode()


def _headers(repo: Repository, hook: Hook, event: str, guid: str, body: bytes) -> dict[str, str]:
    kind = "json" if hook.content_type == "json" else "x-www-form-urlencoded"
    return {
        "Accept": "*/*",
        "Content-Type": f"application/{kind}",
        "User-Agent": "GitHub-Hookshot/0de5ac7",
        "X-GitHub-Delivery": guid,
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-ID": str(repo.id),
        "X-GitHub-Hook-Installation-Target-Type": "repository",
        **_signatures(hook, body),
    }


def _signatures(hook: Hook, body: bytes) -> dict[str, str]:
    if not hook.secret:
        return {}
    key = hook.secret.encode()
    return {
        "X-Hub-Signature": "sha1=" + hmac.new(key, body, hashlib.sha1).hexdigest(),
        "X-Hub-Signature-256": "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest(),
    }
