"""The anywidget classes: traits and lifetime, no media."""
