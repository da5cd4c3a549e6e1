"""The switch from one column of the route table to the other, while everything runs."""
