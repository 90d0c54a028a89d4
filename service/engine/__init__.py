"""The engine: queues, leases, the sweeper and the schedule of watches. Nothing else knows DBOS."""
