"""Session descriptions as values: each is read once, and everybody else asks the value."""
