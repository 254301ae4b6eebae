"""What the cluster is, and who decides: metadata records, the image they add up to, the controller."""
