"""The state of manifest repositories on their branch `mergeport/state`: read, changed, and kept to by every push."""
