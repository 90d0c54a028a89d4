"""The pure part: text and values in, text and values out. No clock, network, disk or subprocess."""
