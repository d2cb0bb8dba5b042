"""Open everything that learning keeps, at once: the database with its stores, up to date with what was asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from memory_router import paths
from memory_router.learning.approvals import ApprovalStore
from memory_router.learning.executions import ExecutionStore
from memory_router.learning.gate import own_rule_cache
from memory_router.learning.priors import PriorStore
from memory_router.learning.rule_store import RuleStore
from memory_router.learning.schema import SCHEMA
from memory_router.learning.shadows import ShadowStore
from memory_router.learning.spool import Spool
from memory_router.routing.config import Config
from memory_router.routing.config_file import load
from memory_router.storage.database import Database, open_database
from memory_router.storage.files import exclusive


class LearningStores(NamedTuple):
    """The open stores.

    Args:
        config: the configuration in force.
        database: the learning tables.
        executions: what was asked.
        rules: the override rules.
        priors: what evidence adds to the priors of the table's rules.
        shadows: what other backends answered to questions whose answer was poor.
        approvals: what waits for approval, and what was decided.
        unreadable: how many recorded lines could not be read.
    """

    config: Config
    database: Database
    executions: ExecutionStore
    rules: RuleStore
    priors: PriorStore
    shadows: ShadowStore
    approvals: ApprovalStore
    unreadable: int


@contextmanager
def open_stores() -> Iterator[LearningStores]:
    """Open the stores of this user or team, and take in what was recorded since.

    Raises:
        ConfigError: the configuration cannot be used, or the database's driver is not installed.
        StoreError: the database cannot be used.
    """
    config = load()
    database = open_database(paths.learning_database(), SCHEMA)
    try:
        executions = ExecutionStore(database)
        spool = paths.executions_spool()
        with exclusive(spool, lambda: None):
            unreadable = executions.take_in(Spool(spool))
        approvals = ApprovalStore(database, config.learning.approval_minutes)
        executions.purge(config.learning.retention_days)
        approvals.purge(config.learning.retention_days)
        rules = RuleStore(database, own_rule_cache())
        rules.refresh_cache(only_if_stale=True)
        yield LearningStores(
            config,
            database,
            executions,
            rules,
            PriorStore(database, rules.changing),
            ShadowStore(database),
            approvals,
            unreadable,
        )
    finally:
        database.close()
