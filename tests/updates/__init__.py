"""The template and its services over time."""
