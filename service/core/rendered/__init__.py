"""What a chart renders: read as objects, with secrets hidden, and compared before and after a promotion."""
