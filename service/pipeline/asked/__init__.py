"""What people ask: facts collected from the store, or from Git alone. Nothing here changes anything outside."""
