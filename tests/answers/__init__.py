"""What people may answer, and what becomes of it."""
