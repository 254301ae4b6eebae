"""What clients saw, and whether it may be: histories and the anomalies in them. Pure."""
