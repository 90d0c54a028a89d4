"""The configuration as the worker sees it: read from the forge, kept in the store, parsed once a commit.

Called by intake on a push and by the worker at its start and now and then, because a hint may be lost.
If a file is broken, the last good one stays in force, and the commit's status is a failure.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from service.core.config import Configuration, Kinds, load
from service.core.config.telling import in_short
from service.core.words import Repository, Sha
from service.errors import ConfigError, Fault, PermanentError, RetryableError
from service.ports import Clock, Commits, CommitState
from service.store import Store, Transaction, configurations, judgements, reports
from service.store.configurations import STATUS_CONTEXT, StoredConfiguration

FILE = "mergeport.yaml"
_KEPT = 64
MOST_LOOKS, LOOKS_WITHIN = 20, timedelta(minutes=1)
"""How often, in how long, the file is read again because a delivery would start nothing by the one in force."""
_SKEW = timedelta(seconds=2)
"""How far the clocks of the machines that receive and that read may differ."""
LAGS = timedelta(seconds=10)
"""How long a replica of the forge may lag behind a push; until then, a missing file is asked for again."""
_DEFAULT_BRANCH_STAYS = timedelta(minutes=10)

log = structlog.get_logger()


InForce = Callable[[Transaction, Configuration, Configuration, datetime], object]
"""Called with the configuration that was in force, the one that is now, and since when."""


class Configurations:
    """Loads configurations by commit and knows the one in force."""

    def __init__(
        self,
        store: Store,
        forge: Commits,
        clock: Clock,
        kinds: Kinds,
        repository: Repository,
        branch: str | None = None,
        *,
        in_force: InForce = lambda *_: None,
    ) -> None:
        """Take where mergeport.yaml is; `branch` None means the repository's default branch.

        `in_force` is called when a valid one replaces another, in the transaction that stores it.
        """
        self._in_force = in_force
        self._store = store
        self._forge = forge
        self._clock = clock
        self._kinds = kinds
        self._repository = repository
        self._branch = branch
        self._default_branches: dict[Repository, tuple[str, datetime]] = {}
        self._parsed: OrderedDict[Sha, Configuration] = OrderedDict()
        self._looks: deque[datetime] = deque(maxlen=MOST_LOOKS)
        self._read_at: datetime | None = None
        self._missing: tuple[Sha, datetime] | None = None
        self._lock = threading.Lock()

    def branch(self) -> str:
        """Give the branch that the configuration is read from."""
        return self._branch or self.default_branch(self._repository)

    def default_branch(self, repository: Repository) -> str:
        """Give a manifest repository's default branch; the answer is kept for a while, because every look needs it."""
        now = self._clock.now()
        known = self._default_branches.get(repository)
        if known is None or abs(now - known[1]) > _DEFAULT_BRANCH_STAYS:
            known = self._default_branches[repository] = (self._forge.default_branch(repository), now)
        return known[0]

    def ask_again(self, repository: Repository) -> None:
        """Forget a default branch, so that it is asked for at its next use: it seems gone and may have been renamed."""
        self._default_branches.pop(repository, None)

    def heard(self, repository: Repository, branch: str) -> None:
        """Take the default branch that a source names as a hint: if it is another one, the forge is asked again."""
        known = self._default_branches.get(repository)
        if known is not None and branch not in {"", known[0]}:
            self.ask_again(repository)

    def current(self) -> Configuration:
        """Give the configuration in force: the last good one, read now if none was ever stored."""
        commit = self._last_good()
        if commit is None:
            self.reload()
            commit = self._last_good()
        if commit is None:
            raise PermanentError(
                f"there is no valid {FILE} in {self._repository}",
                code="configuration-missing",
                hint=f"put a {FILE} on its branch {self.branch()}; `mergeport config check` lists its faults",
                repository=self._repository,
            )
        return self.at(commit)

    def has_good(self) -> bool:
        """Tell whether any configuration was ever good, so that one is in force."""
        return self._last_good() is not None

    def known(self, tx: Transaction | None = None) -> Configuration | None:
        """Give the configuration in force as far as the store has it, read in `tx` if given; nobody is asked."""
        commit = self._last_good() if tx is None else configurations.last_good(tx)
        return None if commit is None else self.at(commit)

    def _last_good(self) -> Sha | None:
        with self._store.read() as tx:
            return configurations.last_good(tx)

    def newest_if_at(self, commit: Sha) -> StoredConfiguration | None:
        """Give what was read last, good or not, if it is of this commit."""
        with self._store.read() as tx:
            newest = configurations.last(tx)
        return newest if newest is not None and newest.commit == commit else None

    def at(self, commit: Sha) -> Configuration:
        """Give the configuration by whose commit a run was routed; once parsed, it is kept in memory."""
        with self._lock:
            known = self._parsed.get(commit)
        if known is not None:
            return known
        with self._store.read() as tx:
            stored = configurations.get(tx, commit)
        if stored is None:
            return self.current()
        return self._parse(stored)

    def catch_up(self, since: datetime) -> bool:
        """Read the newest file unless it was read after `since`; tell whether the configuration in force is that new.

        It reads only some times a minute; otherwise every push anywhere would make us ask the forge.
        """
        now = self._clock.now()
        if self._read_at is not None and self._read_at >= since + _SKEW:
            return True
        if len(self._looks) == MOST_LOOKS and now - self._looks[0] < LOOKS_WITHIN:
            log.warning("the configuration is not read again: that was done often enough", looks=MOST_LOOKS)
            return False
        self._looks.append(now)
        self.reload()
        self._read_at = now
        return True

    def reload(self) -> StoredConfiguration | None:
        """Read the newest file, store it, and give it if it is new; a broken one is reported on its commit."""
        head = self._forge.head(self._repository, self.branch())
        if head is None:
            self.ask_again(self._repository)
            head = self._forge.head(self._repository, self.branch())
        if head is None:
            raise PermanentError(
                f"{self._repository} has no branch {self.branch()}",
                code="configuration-branch-missing",
                hint="set MERGEPORT_CONFIGURATION_BRANCH, or push the branch",
            )
        with self._store.read() as tx:
            last = configurations.last(tx)
        if last is not None and last.commit == head:
            return None
        data = self._read(head)
        text = "" if data is None else data.decode("utf-8", errors="replace")
        if last is not None and last.text == text and last.good:
            return None
        faults = self._faults(data, head)
        stored = StoredConfiguration(head, text, not faults, faults, self._clock.now())
        self._keep(stored)
        return stored

    def _read(self, head: Sha) -> bytes | None:
        """Read the file of the newest commit; a missing file is believed only if it stays missing."""
        data, now = self._forge.file_at(self._repository, FILE, head), self._clock.now()
        with self._lock:
            if data is not None or self._missing is None or self._missing[0] != head:
                self._missing = None if data is not None else (head, now)
            since = self._missing[1] if self._missing else None
        if since is not None and now - since < LAGS:
            raise RetryableError(
                f"{FILE} is not there at {head[:12]}, as far as the forge shows yet",
                code="configuration-not-seen-yet",
                hint="Mergeport looks again in a moment",
                retry_after=2.0,
                repository=self._repository,
            )
        return data

    def proposed(self, commit: Sha) -> tuple[Configuration | None, list[Fault]] | None:
        """Read the file of a proposed commit and store nothing; None if it has no file, or the newest one's text."""
        data = self._forge.file_at(self._repository, FILE, commit)
        with self._store.read() as tx:
            last = configurations.last(tx)
        if data is None or (last is not None and last.text == data.decode("utf-8", errors="replace")):
            return None
        try:
            return load(data, kinds=self._kinds, file=FILE, commit=commit), []
        except ConfigError as error:
            return None, error.faults

    def _keep(self, stored: StoredConfiguration) -> None:
        with self._store.read() as tx:
            last = configurations.last(tx, good=True)
        before, new = (self._parse(last), self._parse(stored)) if last is not None and stored.good else (None, None)
        with self._store.begin() as tx:
            configurations.keep(tx, stored)
            if before is not None and new is not None:
                self._in_force(tx, before, new, stored.loaded_at)
                judgements.ask_again(tx, at=stored.loaded_at)
            reports.want(
                tx,
                repository=self._repository,
                commit=stored.commit,
                context=STATUS_CONTEXT,
                run_id="",
                state=CommitState.SUCCESS if stored.good else CommitState.FAILURE,
                description=f"{FILE} is in force" if stored.good else in_short(stored.faults),
                url=f"/configurations/{stored.commit}",
            )
        if stored.good:
            log.info("configuration loaded", commit=stored.commit)
        else:
            told = [str(fault) for fault in stored.faults]
            in_force = last.commit if last is not None else "none yet"
            log.warning("configuration refused", commit=stored.commit, in_force=in_force, faults=told)

    def _faults(self, data: bytes | None, commit: Sha) -> list[Fault]:
        if data is None:
            return [Fault(where=FILE, message="the file is not there", hint="add it; see docs/configuration.md")]
        try:
            self._remember(commit, load(data, kinds=self._kinds, file=FILE, commit=commit))
        except ConfigError as error:
            return error.faults
        return []

    def _parse(self, stored: StoredConfiguration) -> Configuration:
        with self._lock:
            known = self._parsed.get(stored.commit)
        if known is not None:
            return known
        return self._remember(stored.commit, load(stored.text, kinds=self._kinds, file=FILE, commit=stored.commit))

    def _remember(self, commit: Sha, parsed: Configuration) -> Configuration:
        with self._lock:
            self._parsed[commit] = parsed
            while len(self._parsed) > _KEPT:
                self._parsed.popitem(last=False)
        return parsed
