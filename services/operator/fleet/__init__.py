"""The whole fleet, asked of one running instance."""
