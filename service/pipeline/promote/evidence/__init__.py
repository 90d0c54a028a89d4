"""Evidence for gates that is read outside of the store: one module for each fact. Called by `gate_facts`."""
