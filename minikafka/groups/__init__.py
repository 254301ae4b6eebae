"""Consumer groups: who is a member, who owns what, and which offsets are committed; pure."""
