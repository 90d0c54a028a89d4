"""Sources: what changes come from. One file is one kind; its deliveries are received at `/webhooks/KIND`."""
