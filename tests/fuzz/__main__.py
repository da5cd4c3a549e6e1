"""`python -m tests.fuzz 100000 [SEED]`: so many inputs for each machine, through runner and handlers."""

import sys
import tempfile
from pathlib import Path

from tests.fuzz.houses import HOUSES, faults_of

inputs, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
has_failed = False
for name, build in HOUSES.items():
    with tempfile.TemporaryDirectory(prefix="provbus-fuzz-") as directory:
        faults = faults_of(build, Path(directory), inputs, seed)
    has_failed = has_failed or bool(faults)
    print(f"{name}: {inputs} inputs, 0 processes ended, {faults.total()} faults", flush=True)
sys.exit(has_failed)
