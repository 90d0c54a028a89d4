"""What goes out to people: statuses on source commits."""
