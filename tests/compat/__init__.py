"""Two releases in one fleet: this tree beside the one that `BASELINE` names."""
