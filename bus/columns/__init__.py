"""Both columns of the route table behind one carrier."""
