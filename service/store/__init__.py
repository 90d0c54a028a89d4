"""Tables of our own: what was received, what runs, and what it waits for. Disposable; Git is the truth.

`Store` opens transactions; each module beside this one holds the queries of one table. Called by the
web (one insert), the pipeline and the command line. Never calls out of the process but to the database.
"""

from service.store.database import Store, Transaction

__all__ = ["Store", "Transaction"]
