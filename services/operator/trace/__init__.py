"""What became of a boot, by the word of instances and of the audit topic."""
