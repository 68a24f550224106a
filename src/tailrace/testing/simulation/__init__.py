"""Testing floor: whole worlds of workers, viewers and faults, simulated in virtual time."""
